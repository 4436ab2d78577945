// One-use tickets and tries at what may be guessed: both hold for the whole cluster.
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { connected, keys } from "./publishing.suite.ts";
import { createTickets } from "./tickets.ts";
import { createTries } from "./tries.ts";

const server = await testRedis();
const { redis } = server;
const [one, other] = await Promise.all([connected(server.url), connected(server.url)]);
const tickets = createTickets({ connection: one, keys });
const elsewhere = createTickets({ connection: other, keys });
const tries = createTries({ connection: one, keys });

beforeEach(() => server.flush());

describe("a ticket", () => {
  it("is good once, whoever of two edges is shown it first", async () => {
    const id = await tickets.put('{"user":"ann"}', 30_000);
    expect(id).toMatch(/^[\w-]{32}$/);
    const taken = await Promise.all([tickets.take(id), elsewhere.take(id), tickets.take(id)]);
    expect(taken.filter((each) => each !== undefined)).toEqual(['{"user":"ann"}']);
    expect(await redis.dbsize()).toBe(0);
  });

  it("ends by itself, and is another one each time", async () => {
    const [first, second] = await Promise.all([tickets.put("a", 20), tickets.put("a", 30_000)]);
    expect(first).not.toBe(second);
    await expect.poll(() => redis.dbsize()).toBe(1);
    expect(await tickets.take(first)).toBeUndefined();
    expect(await redis.pttl(keys.ticket(second))).toBeLessThanOrEqual(30_000);
  });

  it("that never was, or is no id, is nothing and asks nobody", async () => {
    await redis.set(keys.ticket("short"), "x");
    const hostile = ["", "short", "a".repeat(33), "*".repeat(32), "a".repeat(31) + "\n", "a".repeat(100_000)];
    for (const id of [...hostile, "a".repeat(32)]) expect(await tickets.take(id)).toBeUndefined();
  });

  it("is unavailable without Redis", async () => {
    const lost = await connected(server.url);
    lost.disconnect();
    const away = createTickets({ connection: lost, keys });
    await expect(away.put("a", 1_000)).rejects.toMatchObject({ code: "unavailable" });
    await expect(away.take("a".repeat(32))).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("tries", () => {
  it("are counted against all whom they concern, or none, and end with the window of the first", async () => {
    const both = ["u|ann", "a|10.0.0.1"];
    for (const _ of [1, 2]) expect(await tries.take(both, 2, 60_000)).toBe(0);
    const waitMs = await tries.take(both, 2, 60_000);
    expect(waitMs).toBeGreaterThan(55_000);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    // As a server has it that took over from one whose clock is five minutes ahead of its own.
    await redis.pexpire(keys.tries("u|ann"), 360_000);
    expect(await tries.take(both, 2, 60_000)).toBeLessThanOrEqual(60_000);
    // Of somebody else at the same address: refused, and not counted against that one.
    expect(await tries.take(["u|bob", "a|10.0.0.1"], 2, 60_000)).toBeGreaterThan(0);
    for (const _ of [1, 2]) expect(await tries.take(["u|bob"], 2, 60_000)).toBe(0);
    await redis.pexpire(keys.tries("u|ann"), 1);
    await redis.pexpire(keys.tries("a|10.0.0.1"), 1);
    await expect.poll(() => tries.take(both, 2, 60_000)).toBe(0);
  });

  it("that come at once are no more than there may be", async () => {
    const waits = await Promise.all(Array.from({ length: 50 }, () => tries.take(["u|ann", "a|x"], 5, 60_000)));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(5);
  });

  it("are counted in a full Redis too, and are unavailable without one", async () => {
    await redis.config("SET", "maxmemory", "1");
    onTestFinished(async () => void (await redis.config("SET", "maxmemory", "0")));
    expect(await tries.take(["u|ann"], 1, 60_000)).toBe(0);
    expect(await tries.take(["u|ann"], 1, 60_000)).toBeGreaterThan(0);
    const lost = await connected(server.url);
    lost.disconnect();
    await expect(createTries({ connection: lost, keys }).take(["x"], 1, 1_000)).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  it("that were no guess after all are given back, and never more than were taken", async () => {
    const scopes = ["u|guest", "a|hall"];
    for (let n = 0; n < 3; n += 1) {
      expect(await tries.take(scopes, 1, 60_000)).toBe(0);
      await tries.giveBack(scopes);
    }
    await tries.giveBack(scopes);
    expect(await tries.take(scopes, 1, 60_000)).toBe(0);
    expect(await tries.take(["u|guest"], 1, 60_000)).toBeGreaterThan(0);
  });
});
