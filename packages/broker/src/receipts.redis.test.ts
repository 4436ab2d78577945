// Whether a control is in force, and where not: who is asked for, what they say, and how long it is waited for.
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startBeats } from "./beats.ts";
import { createConfirmations } from "./confirmations.ts";
import { connected, keys } from "./publishing.suite.ts";
import { createReaping } from "./reaping.ts";
import { createReceipts } from "./receipts.ts";
import { createRegistry } from "./registry.ts";
import type { NodeRecord } from "./registry.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const registry = createRegistry({ connection, keys, leaseMs: 6_000 });
const confirmations = createConfirmations({ connection, keys });
const receipts = createReceipts({ connection, keys, withinMs: 100 });
const number = { epoch: 1_700_000_000_000, number: 5 };
const later = { ...number, number: 9 };

beforeEach(() => server.flush());

function edge(node: string, more: Partial<NodeRecord> = {}): NodeRecord {
  const counts = { connections: 0, draining: false, startedAt: 1, beatAt: 2, pid: 3 };
  return { node, kind: "edge", version: "0.1.0", ...counts, ...more };
}

/** As whoever clears away after a dead node. */
function reap(node: string): Promise<boolean> {
  return createReaping({ connection, keys, chunk: 10, goesOn: () => true }).reap(node, true);
}

describe("a receipt", () => {
  it("is complete once every edge has confirmed this number or a later one, with what each closed", async () => {
    await Promise.all(
      [edge("a"), edge("b"), edge("c"), edge("api", { kind: "api" })].map((each) => registry.beat(each)),
    );
    await confirmations.confirm(1, number, "a", 2);
    await confirmations.confirm(1, number, "a", 2);
    await confirmations.confirm(1, number, "b", 1);
    const gathered = receipts.gather(1, number, performance.now() + 5_000);
    await confirmations.confirm(1, number, "c", 0);
    expect(await gathered).toMatchObject({ nodes: { confirmed: 3, expected: 3, missing: [] }, sessionsClosed: 3 });
    // The figures of one are not another's, and who has acted upon a later one has acted upon this.
    await confirmations.confirm(1, later, "a", 7);
    await confirmations.confirm(1, number, "a", 2);
    const once = { nodes: { confirmed: 3, missing: [] }, sessionsClosed: 3 };
    expect(await receipts.gather(1, number, performance.now())).toMatchObject(once);
    const missing = { nodes: { confirmed: 1, expected: 3, missing: ["b", "c"] }, sessionsClosed: 7 };
    expect(await receipts.gather(1, later, performance.now())).toMatchObject(missing);
  });

  it("waits no longer than it may, and names who is missing", async () => {
    await Promise.all([edge("a"), edge("b")].map((each) => registry.beat(each)));
    await confirmations.confirm(0, number, "b", 0);
    const receipt = await receipts.gather(0, number, performance.now());
    expect(receipt).toMatchObject({ nodes: { confirmed: 1, expected: 2, missing: ["a"] }, sessionsClosed: 0 });
    expect(receipt.ms).toBeGreaterThanOrEqual(100);
  });

  it("asks for an edge whose lease ended until a minute after it was cleared away", async () => {
    await registry.beat(edge("frozen"));
    await redis.del(keys.node("frozen"));
    const missing = { nodes: { expected: 1, missing: ["frozen"] } };
    expect(await receipts.gather(0, number, 0)).toMatchObject(missing);
    await reap("frozen");
    expect(await redis.hexists(keys.nodes, "frozen")).toBe(0);
    expect(await receipts.gather(0, number, 0)).toMatchObject(missing);
    await redis.zincrby(keys.goneNodes, -61_000, "frozen");
    expect(await receipts.gather(0, number, 0)).toMatchObject({ nodes: { expected: 0, missing: [] } });
    await registry.beat(edge("next"));
    await redis.del(keys.node("next"));
    await reap("next");
    expect(await redis.zrange(keys.goneNodes, "0", "-1")).toEqual(["next"]);
    expect(await redis.pttl(keys.goneNodes)).toBeGreaterThan(50_000);
  });

  it("does not ask for an edge that left in order, nor for what is no edge", async () => {
    await registry.beat(edge("drained"));
    await registry.lapse(edge("drained", { draining: true, left: true }), 10_000);
    await registry.beat(edge("worker", { kind: "persister" }));
    expect(await receipts.gather(0, number, 0)).toMatchObject({ nodes: { expected: 0 } });
    await redis.del(keys.node("drained"), keys.node("worker"));
    await Promise.all([reap("drained"), reap("worker")]);
    expect(await redis.exists(keys.goneNodes)).toBe(0);
  });

  it("does not ask for one that left while it was waited for", async () => {
    await Promise.all([edge("stays"), edge("goes")].map((each) => registry.beat(each)));
    await confirmations.confirm(0, number, "stays", 1);
    const gathered = receipts.gather(0, number, performance.now());
    await registry.lapse(edge("goes", { draining: true, left: true }), 10_000);
    expect(await gathered).toMatchObject({ nodes: { confirmed: 1, expected: 1, missing: [] }, sessionsClosed: 1 });
  });

  it("of an order about one user waits for the edges that are named, in as far as they live", async () => {
    await Promise.all([edge("a"), edge("b")].map((each) => registry.beat(each)));
    await confirmations.confirm(0, number, "a", 1);
    const receipt = await receipts.gather(0, number, performance.now(), ["a", "long-gone"]);
    expect(receipt).toMatchObject({ nodes: { confirmed: 1, expected: 1, missing: [] }, sessionsClosed: 1 });
    expect(await receipts.gather(0, number, performance.now(), [])).toMatchObject({ nodes: { expected: 0 } });
  });

  it("forgets the words of nodes that are gone", async () => {
    await registry.beat(edge("a"));
    await confirmations.confirm(0, number, "a", 0);
    await confirmations.confirm(0, number, "gone", 0);
    await receipts.gather(0, number, performance.now());
    await expect.poll(() => redis.hkeys(keys.partition(0).confirmed)).toEqual(["a"]);
  });

  it("is confirmed in a full Redis too", async () => {
    await registry.beat(edge("a"));
    await redis.config("SET", "maxmemory", "1");
    onTestFinished(async () => void (await redis.config("SET", "maxmemory", "0")));
    await confirmations.confirm(0, number, "a", 3);
    expect(await receipts.gather(0, number, performance.now())).toMatchObject({ sessionsClosed: 3 });
    await reap("a");
    expect(await redis.zrange(keys.goneNodes, "0", "-1")).toEqual(["a"]);
  });

  it("is unavailable without Redis", async () => {
    const lost = await connected(server.url);
    lost.disconnect();
    const away = createReceipts({ connection: lost, keys });
    await expect(away.gather(0, number, performance.now())).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("an edge", () => {
  /** Beats under the id that `node` answers, as an edge does. */
  function beating(node: () => string): ReturnType<typeof startBeats> {
    const beats = startBeats({
      ...{ connection, keys, leaseMs: 6_000, lapseMs: 10_000, node },
      self: { kind: "edge", version: "0" },
      load: () => ({ connections: 0, draining: false }),
      failed: () => undefined,
    });
    onTestFinished(() => beats.leave());
    return beats;
  }

  it("that goes on under another id is asked for under that one alone", async () => {
    let id = "first";
    const beats = beating(() => id);
    await expect.poll(() => redis.hkeys(keys.nodes)).toEqual(["first"]);
    id = "second";
    beats.beat();
    await expect.poll(() => redis.exists(keys.node("first"))).toBe(0);
    await reap("first");
    expect(await redis.zcard(keys.goneNodes)).toBe(1);
    beats.beat();
    await expect.poll(() => redis.zcard(keys.goneNodes)).toBe(0);
    const expected = { nodes: { expected: 1, missing: ["second"] } };
    expect(await receipts.gather(0, number, 0)).toMatchObject(expected);
  });

  it("that leaves says so with its last word", async () => {
    const beats = beating(() => "leaver");
    await expect.poll(() => redis.hkeys(keys.nodes)).toEqual(["leaver"]);
    await beats.leave();
    expect(await registry.list()).toMatchObject([{ node: "leaver", left: true, draining: true }]);
  });
});
