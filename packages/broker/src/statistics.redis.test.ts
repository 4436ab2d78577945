// What an operator asks of a whole cluster, on a real Redis with the presence of two nodes in it.
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { nodeOn } from "./presence-kit.suite.ts";
import { connected, keys, newChannel } from "./publishing.suite.ts";
import { createRegistry } from "./registry.ts";
import type { NodeRecord } from "./registry.ts";
import { createStatistics } from "./statistics.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const LEASE_MS = 6_000;
const statistics = createStatistics({ connection, keys, leaseMs: LEASE_MS });
const registry = createRegistry({ connection, keys, leaseMs: LEASE_MS });

beforeEach(() => server.flush());

const record = (node: string, more: Partial<NodeRecord> = {}): NodeRecord => ({
  ...{ node, kind: "edge", version: "0.1.0", connections: 0, draining: false, startedAt: 1, beatAt: 2, pid: 3 },
  livingMs: LEASE_MS,
  ...more,
});

describe("the edges of a cluster", () => {
  it("are those that beat of late: one that missed two beats counts no more, though its lease stands", async () => {
    await registry.beat(record("a", { connections: 3 }));
    await registry.beat(record("b", { connections: 4 }));
    await registry.beat(record("persister", { kind: "persister" }));
    await registry.lapse(record("leaving", { draining: true }), 10_000);
    const both = [record("a", { connections: 3 }), record("b", { connections: 4 })];
    expect(await statistics.edges()).toEqual([...both, record("leaving", { draining: true, livingMs: 10_000 })]);
    await redis.pexpire(keys.node("a"), LEASE_MS - 4_500);
    expect((await statistics.edges()).map(({ node }) => node)).toEqual(["b", "leaving"]);
    expect((await registry.list()).map(({ node }) => node)).toContain("a");
  });
});

describe("the busiest channels", () => {
  it("come by users and then by connections, over all partitions, no more than are asked for", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const [lone, pair, doubled, empty] = [newChannel(), newChannel(), newChannel(), newChannel()];
    for (const user of ["ann", "bob"]) await one.enter(pair, user);
    await one.enter(doubled, "ann");
    await two.enter(doubled, "ann");
    await one.enter(lone, "ann");
    await one.enter(empty, "ann");
    await one.exit(empty, "ann");
    const all = [
      { channel: pair, online: 2, connections: 2 },
      { channel: doubled, online: 1, connections: 2 },
      { channel: lone, online: 1, connections: 1 },
    ];
    expect(await statistics.busiest(20)).toEqual(all);
    expect(await statistics.busiest(2)).toEqual(all.slice(0, 2));
    expect(await statistics.presence(doubled)).toEqual({ online: 1, connections: 2 });
    expect(await statistics.presence(empty)).toEqual({ online: 0, connections: 0 });
  });
});

describe("the users who are connected", () => {
  it("are listed once each, whatever the page, with all their sessions", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const users = Array.from({ length: 30 }, (_, n) => `user-${n}`);
    for (const user of users) one.begin(user, `${user}-first`);
    for (const user of users.slice(0, 10)) two.begin(user, `${user}-second`);
    await expect.poll(() => one.presence.waiting() + two.presence.waiting()).toBe(0);
    for (const limit of [1, 7, 30, 31]) {
      const seen: string[] = [];
      for (let after: string | undefined; ; after = seen.at(-1)) {
        const page = await statistics.connected(after, limit);
        seen.push(...page.map(({ user }) => user));
        if (page.length < limit) break;
      }
      expect(seen.toSorted()).toEqual(users.toSorted());
    }
    const [first] = await statistics.connected(undefined, 1);
    expect(first?.sessions[0]).toMatchObject({ since: 1, address: "hash", client: "a client" });
    expect((await statistics.connected(undefined, 50)).flatMap(({ sessions }) => sessions)).toHaveLength(40);
  });

  it("are no more once their last session has ended, on whichever node", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    one.begin("ann", "first");
    two.begin("ann", "second");
    await expect.poll(() => one.presence.waiting() + two.presence.waiting()).toBe(0);
    one.end("ann", "first");
    await expect.poll(() => one.presence.waiting()).toBe(0);
    expect(await statistics.connected(undefined, 10)).toMatchObject([{ user: "ann", sessions: [{ node: "two.1" }] }]);
    two.end("ann", "second");
    await expect.poll(() => statistics.connected(undefined, 10)).toEqual([]);
  });
});
