// The one outbox budget: who watches it, what each partition, channel and user may hold of it.
import { ChatError, ORIGIN } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { limitOf, watchBudget } from "./budget.ts";
import type { BudgetWatch } from "./budget.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createOutbox } from "./outbox.ts";
import { unpackSequenced } from "./packed-envelope.fixture.ts";
import type { Published } from "./publication.ts";
import {
  connected,
  keys,
  newChannel,
  partitions,
  publication,
  publisherOn,
  readerOn,
  readMessages,
} from "./publishing.suite.ts";

import { createRegistry } from "./registry.ts";
import { NEWEST_ENVELOPE } from "./unpack-envelope.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);

const BUDGET = 100_000;
const publisher = publisherOn(connection, { outboxMaxBytes: BUDGET });
const part = (partition: number): string => keys.partition(partition).part;

const watches: BudgetWatch[] = [];
function watch(node = "n1"): BudgetWatch {
  const made = watchBudget({ connection, keys, node: () => node, budgetBytes: BUDGET });
  watches.push(made);
  return made;
}
/** One whole look of a node that holds the office. */
async function look(by: BudgetWatch): Promise<void> {
  await expect.poll(() => by.look(), { interval: 5 }).toBe(true);
}

beforeEach(() => server.flush());
afterEach(() => {
  for (const each of watches.splice(0)) each.stop();
});

function channelIn(partition: number): string {
  for (;;) {
    const channel = newChannel();
    if (partitions.of(channel) === partition) return channel;
  }
}

const body = "x".repeat(700);
async function send(channel: string, user = "ann"): Promise<string> {
  try {
    await publisher.publish(publication(channel, { user, body }));
    return "ok";
  } catch (error) {
    return error instanceof ChatError ? error.message : String(error);
  }
}

/** Sends until it is refused, at most so often, and answers with what was said then. */
async function sendUntilRefused(channel: string, user: string, most = 1_000): Promise<string> {
  let said = "ok";
  for (let n = 0; n < most && said === "ok"; n += 1) said = await send(channel, user);
  return said;
}

async function waiting(partition: number): Promise<number> {
  const [added, taken] = await redis.hmget(part(partition), "in", "out");
  return Number(added ?? 0) - Number(taken ?? 0);
}

describe("the watch over the budget", () => {
  it("tells each partition that it may hold its own and a quarter of what is free", async () => {
    await send(channelIn(1));
    await send(channelIn(2));
    await send(channelIn(2));
    await look(watch());
    const [one, two] = [await waiting(1), await waiting(2)];
    const free = BUDGET - one - two;
    expect(await redis.hget(part(1), "limit")).toBe(`${Math.floor(one + free / 4)}`);
    expect(await redis.hget(part(2), "limit")).toBe(`${Math.floor(two + free / 4)}`);
    expect(await redis.exists(part(3))).toBe(0);
  });

  it("is one node's, and another's as soon as that one no longer asks for it", async () => {
    const [first, second] = [watch("n1"), watch("n2")];
    await expect.poll(() => redis.get(keys.budgetWatch)).not.toBeNull();
    const [holder, other] = (await redis.get(keys.budgetWatch)) === "n1" ? [first, second] : [second, first];
    await look(holder);
    expect(await other.look()).toBe(false);
    expect(await redis.pttl(keys.budgetWatch)).toBeGreaterThan(1_000);
    holder.stop();
    await redis.pexpire(keys.budgetWatch, 1);
    await look(other);
    expect(await holder.look()).toBe(false);
  });

  it("works while Redis has no memory left", async () => {
    await send(channelIn(1));
    const watching = watch();
    await redis.config("SET", "maxmemory", "1");
    try {
      await look(watching);
      expect(await redis.hget(part(1), "limit")).not.toBeNull();
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
  });

  it("passes over a partition whose keys are broken", async () => {
    await send(channelIn(1));
    await redis.set(part(2), "no hash");
    await look(watch());
    expect(await redis.hget(part(1), "limit")).not.toBeNull();
  });
});

describe("the kind in which several envelopes are announced together", () => {
  const registry = createRegistry({ connection, keys, leaseMs: 6_000 });
  const record = { pid: 1, version: "1", startedAt: 1, connections: 0, draining: false, beatAt: 1 } as const;
  const told = async (): Promise<string | null> => {
    await look(watch());
    return redis.hget(part(1), "envelopes");
  };

  it("is told once every edge that lives reads it; who is no edge need not", async () => {
    await send(channelIn(1));
    expect(await told()).toBe(`${NEWEST_ENVELOPE}`);
    await registry.beat({ ...record, node: "e1", kind: "edge", envelopes: NEWEST_ENVELOPE });
    await registry.beat({ ...record, node: "p1", kind: "persister" });
    expect(await told()).toBe(`${NEWEST_ENVELOPE}`);
    await registry.beat({ ...record, node: "e2", kind: "edge" });
    expect(await told()).toBe("2");
    await redis.del(keys.node("e2"));
    expect(await told()).toBe(`${NEWEST_ENVELOPE}`);
  });

  it("is used for what one run gives a channel, and not before it is told", async () => {
    const channel = channelIn(1);
    const listener = redis.duplicate();
    const heard: Buffer[] = [];
    listener.on("smessageBuffer", (_topic: Buffer, bytes: Buffer) => heard.push(bytes));
    await listener.ssubscribe(keys.channel(channel).topic);
    const three = (): Promise<Published[]> => Promise.all([1, 2, 3].map(() => publisher.publish(publication(channel))));
    const before = await three();
    await expect.poll(() => heard.length).toBe(3);
    await look(watch());
    const after = await three();
    await expect.poll(() => heard.length).toBe(4);
    listener.disconnect();
    const envelopes = heard.flatMap(unpackSequenced);
    const positions = [...before, ...after].map(({ position }) => position);
    expect(envelopes.map(({ position }) => position)).toEqual(positions);
    expect(envelopes.map(({ prev }) => prev)).toEqual([ORIGIN, ...positions.slice(0, -1)]);
    const log = await redis.xrange(keys.channel(channel).log, "-", "+");
    expect(envelopes.map(({ frame }) => Buffer.from(frame).toString())).toEqual(log.map(([, fields]) => fields[1]));
  });
});

describe("a partition", () => {
  it("may hold far more than an even share while the others hold little, and never more than the budget", async () => {
    const channel = channelIn(1);
    const watching = watch();
    for (let n = 0; n < 40; n += 1) {
      await sendUntilRefused(channel, `u${n}`, 8);
      await look(watching);
    }
    expect(await waiting(1)).toBeGreaterThan(BUDGET * 0.75);
    expect(await waiting(1)).toBeLessThan(BUDGET);
  });

  it("takes no more than a quarter of what was free at the last look", async () => {
    await redis.hset(part(0), "in", BUDGET * 0.1);
    await redis.hset(part(1), "in", BUDGET * 0.3);
    await look(watch());
    expect(await sendUntilRefused(channelIn(1), "ann")).toBe("too many messages wait to be stored");
    const limit = limitOf(BUDGET * 0.3, BUDGET * 0.4, BUDGET, partitions.count);
    expect(limit).toBeCloseTo(BUDGET * 0.45);
    expect(await waiting(1)).toBeGreaterThanOrEqual(limit);
    expect(await waiting(1)).toBeLessThan(limit + 2_000);
  });

  it("may hold an even share also when the whole is spent", async () => {
    await redis.hset(part(0), "in", BUDGET * 2);
    await send(channelIn(1), "first");
    await look(watch());
    for (let n = 0; n < 20; n += 1) expect(await send(channelIn(1), `u${n}`)).toBe("ok");
    expect(limitOf(0, BUDGET * 2, BUDGET, partitions.count)).toBe(BUDGET / partitions.count);
  });
});

describe("while the budget runs short", () => {
  /** As a look would tell it. */
  const tell = (partition: number, short: "some" | "full"): Promise<number> =>
    redis.hset(part(partition), "limit", BUDGET, "short", short);

  it("a user holds a tenth of it at most, and others of the same channel go on", async () => {
    const channel = channelIn(1);
    await tell(1, "some");
    expect(await sendUntilRefused(channel, "flood", 14)).toBe("ok");
    await tell(1, "full");
    expect(await send(channel, "flood")).toBe("too many messages of this user wait to be stored");
    expect(await send(channel, "bob")).toBe("ok");
    await tell(1, "some");
    expect(await send(channel, "flood")).toBe("ok");
  });

  it("a channel holds a quarter of it at most, and others of the same partition go on", async () => {
    const channel = channelIn(1);
    await tell(1, "some");
    for (let n = 0; n < 30; n += 1) expect(await send(channel, `u${n}`)).toBe("ok");
    await tell(1, "full");
    expect(await send(channel, "bob")).toBe("too many messages of this channel wait to be stored");
    expect(await send(channelIn(1), "bob")).toBe("ok");
  });

  it("a user holds no more by using many partitions", async () => {
    for (const partition of [1, 2]) {
      await tell(partition, "some");
      expect(await sendUntilRefused(channelIn(partition), "flood", 8)).toBe("ok");
    }
    await send(channelIn(3));
    await redis.hset(part(0), "in", BUDGET * 0.85);
    const watching = watch();
    await look(watching);
    for (const partition of [1, 2, 3]) {
      expect(await send(channelIn(partition), "flood")).toBe("too many messages of this user wait to be stored");
      expect(await send(channelIn(partition), "floo")).toBe("ok");
    }
    await redis.hset(part(0), "out", BUDGET * 0.85);
    await look(watching);
    expect(await send(channelIn(3), "flood")).toBe("ok");
    expect(await redis.hget(part(3), "over")).toBeNull();
  });

  it("what was counted is taken off when it is saved, once", async () => {
    const outbox = createOutbox({ connection, reader, keys, logEntries: 1_000 });
    const channel = channelIn(1);
    await send(channel, "before");
    await tell(1, "some");
    for (const user of ["ann", "bob", "ann"]) await send(channel, user);
    const entries = await readMessages(outbox, new Map([[1, BEFORE_FIRST_ENTRY]]), 10, 0);
    expect(entries.map(({ counted }) => counted?.user)).toEqual([undefined, "ann", "bob", "ann"]);
    const { held } = keys.partition(1);
    const each = entries[1]?.counted?.bytes ?? 0;
    expect(await redis.zrange(held, "0", "-1")).toEqual(["u|bob", "u|ann", `c|${channel}`]);
    const [, , third] = entries;
    if (third === undefined) throw new Error("no third entry");
    const saved = {
      ...{ last: third.id, cumulativeBytes: third.cumulativeBytes, unstored: false },
      channels: new Map([[channel, third.position]]),
      counted: new Map([
        ["u|ann", each],
        ["u|bob", third.counted?.bytes ?? 0],
        [`c|${channel}`, each + (third.counted?.bytes ?? 0)],
      ]),
    };
    await outbox.save(1, saved);
    await outbox.save(1, saved);
    const left = String(entries[3]?.counted?.bytes);
    expect(await redis.zrange(held, "0", "-1", "WITHSCORES")).toEqual([`c|${channel}`, left, "u|ann", left]);
  });
});
