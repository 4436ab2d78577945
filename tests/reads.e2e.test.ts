// How far somebody has read and what is left, through real edges: on every device, exact, and kept by Postgres.
import { createKeys, createPartitions } from "@rookery/broker";
import { eventually, startCluster, startProxy, testPostgres, testRedis } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { UNHURRIED } from "./talk.ts";

const postgres = await testPostgres();
const redis = await testRedis();
const keys = createKeys(createPartitions(64));
let cluster: Cluster;
let line: Awaited<ReturnType<typeof startProxy>>;

beforeAll(async () => {
  line = await startProxy({ target: postgres.url });
  cluster = await startCluster({ edges: 2, redisUrl: redis.url, postgresUrl: line.url(), set: UNHURRIED });
});

async function come(user: string, edge: number): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  onTestFinished(() => client.close());
  return client;
}

const read = (client: ChatClient, channel: string, { epoch, seq }: Frame): Promise<Frame> =>
  client.request({ type: "read", channel, epoch: epoch ?? 0, seq: seq ?? 0 });

const say = (client: ChatClient, channel: string, body: string): Promise<Frame> => client.send(channel, body);

async function sayMany(client: ChatClient, channel: string, count: number): Promise<Frame[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => say(client, channel, `says ${n}`)));
}

const positionOf = ({ epoch, seq }: Frame) => ({ epoch, seq });
const readsOf = (client: ChatClient): Frame[] => client.frames.filter(({ type }) => type === "read");

describe("a read position", () => {
  it("reaches the user's other sessions on every edge, once, and neither the one that read nor anybody else", async () => {
    const [phone, tablet, desk] = await Promise.all([come("ann", 0), come("ann", 0), come("ann", 1)]);
    const bob = await come("bob", 1);
    for (const client of [phone, tablet, desk, bob]) await client.join("devices");
    const first = await say(bob, "devices", "one");
    const second = await say(bob, "devices", "two");
    expect(await read(phone, "devices", second)).toMatchObject({ type: "ok", read: positionOf(second), unread: 0 });
    // Late, and doubled: nobody hears of it.
    expect(await read(desk, "devices", first)).toMatchObject({ type: "ok", read: positionOf(second) });
    expect(await read(phone, "devices", second)).toMatchObject({ type: "ok", read: positionOf(second) });
    const third = await say(bob, "devices", "three");
    await read(desk, "devices", third);
    await eventually(() =>
      expect([phone, tablet].map((each) => readsOf(each).at(-1)?.seq)).toEqual([third.seq, third.seq]),
    );
    const heard = [phone, tablet, desk].map((each) => readsOf(each).map(({ seq }) => seq));
    expect(heard).toEqual([[third.seq], [second.seq, third.seq], [second.seq]]);
    expect(readsOf(bob)).toEqual([]);
  });

  it("beyond the head, or of a channel that was not joined, is refused and moves nothing", async () => {
    const ann = await come("ann", 0);
    await ann.join("refused");
    const { epoch = 0, seq = 0 } = await say(ann, "refused", "one");
    expect(await read(ann, "refused", { type: "", epoch, seq: seq + 1 })).toMatchObject({ code: "invalid" });
    expect(await read(ann, "elsewhere", { type: "", epoch, seq })).toMatchObject({ code: "not_joined" });
    await ann.leave("refused");
    expect(await ann.join("refused")).toMatchObject({ read: { epoch: 0, seq: 0 } });
  });

  it("that was saved survives the loss of all that Redis holds", async () => {
    const [ann, bob] = await Promise.all([come("ann", 0), come("bob", 1)]);
    for (const client of [ann, bob]) await client.join("kept");
    const said = await sayMany(bob, "kept", 10);
    const [, , , fourth] = said.toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    if (fourth === undefined) throw new Error("there is no fourth message");
    expect(await read(ann, "kept", fourth)).toMatchObject({ unread: 6 });
    await eventually(async () => {
      const [row] = await postgres.sql`select seq from read_positions where channel = 'kept' and user_id = 'ann'`;
      expect(Number(row?.["seq"])).toBe(fourth.seq);
      const rows = await postgres.sql`select seq from messages where channel = 'kept'`;
      expect(rows).toHaveLength(10);
    });
    const { read: hash, head, log } = keys.channel("kept");
    await redis.redis.del(hash, head, log);
    const again = await come("ann", 1);
    expect(await again.join("kept")).toMatchObject({ read: positionOf(fourth), unread: 6, mentions: 0 });
    expect(await read(again, "kept", said[0] ?? fourth)).toMatchObject({ type: "ok", read: positionOf(fourth) });
  });
});

describe("what is unread", () => {
  it("counts neither one's own nor what only looks like a mention, and stops at a hundred", async () => {
    const [ann, bob] = await Promise.all([come("ann", 0), come("bob", 1)]);
    for (const client of [ann, bob]) await client.join("counted");
    await sayMany(bob, "counted", 3);
    await say(bob, "counted", "for @ann");
    await say(bob, "counted", "for ann@example.org");
    const own = await say(ann, "counted", "for @ann, by herself");
    const join = async (edge: number): Promise<Frame> => (await come("ann", edge)).join("counted");
    for (const edge of [0, 1]) expect(await join(edge)).toMatchObject({ unread: 5, mentions: 1 });
    await say(bob, "counted", "and @ann again");
    for (const edge of [0, 1]) expect(await join(edge)).toMatchObject({ unread: 6, mentions: 2 });
    expect(await read(ann, "counted", own)).toMatchObject({ unread: 1, mentions: 1 });
    for (let n = 0; n < 4; n += 1) await sayMany(bob, "counted", 100);
    for (const edge of [0, 1]) expect(await join(edge)).toMatchObject({ unread: 100, mentions: 1 });
  });

  it("is taken back by a deletion, wherever the message is, and not moved by edits and reactions", async () => {
    const [ann, bob] = await Promise.all([come("ann", 0), come("bob", 1)]);
    for (const client of [ann, bob]) await client.join("changed");
    const first = await say(bob, "changed", "old, for @ann");
    // More than an edge keeps: the first one is counted by Postgres.
    await sayMany(ann, "changed", 400);
    const last = await say(bob, "changed", "new, for @ann");
    const others = await sayMany(bob, "changed", 5);
    await eventually(async () => {
      const rows = await postgres.sql`select seq from messages where channel = 'changed'`;
      expect(rows).toHaveLength(407);
    });
    const unread = async (): Promise<unknown[]> =>
      Promise.all(
        [0, 1].map(async (edge) => {
          const { unread: count, mentions } = await (await come("ann", edge)).join("changed", { limit: 1 });
          return [count, mentions];
        }),
      );
    const both = (count: number, mentions: number) => [
      [count, mentions],
      [count, mentions],
    ];
    expect(await unread()).toEqual(both(7, 2));
    const change = (more: Record<string, unknown>): Promise<Frame> =>
      bob.request({ channel: "changed", ...more, type: String(more["type"]) });
    expect(await change({ type: "edit", id: others[0]?.id, body: "changed, for @ann" })).toMatchObject({ type: "ok" });
    expect(await change({ type: "react", id: first.id, emoji: "👍", on: true })).toMatchObject({ type: "ok" });
    expect(await unread()).toEqual(both(7, 2));
    expect(await change({ type: "delete", id: last.id })).toMatchObject({ type: "ok" });
    expect(await unread()).toEqual(both(6, 1));
    expect(await change({ type: "delete", id: first.id })).toMatchObject({ type: "ok" });
    expect(await unread()).toEqual(both(5, 0));
    await eventually(async () => {
      const rows = await postgres.sql`select seq from messages where channel = 'changed' and deleted_at is not null`;
      expect(rows).toHaveLength(2);
    });
    expect(await unread()).toEqual(both(5, 0));
  });

  it("is left out, with the position, where only Postgres knows and is away; the join goes on", async () => {
    const bob = await come("bob", 0);
    await bob.join("away");
    await sayMany(bob, "away", 3);
    // Known, whatever becomes of Postgres.
    const ann = await come("ann", 0);
    expect(await ann.join("away")).toMatchObject({ unread: 3 });
    line.refuse(true);
    line.cut();
    try {
      const stranger = await come("stranger", 0);
      const joined = await stranger.join("away");
      expect(joined).toMatchObject({ type: "ok", channel: "away" });
      expect(["read", "unread", "mentions"].filter((field) => field in joined)).toEqual([]);
      const newest = await say(bob, "away", "four");
      expect(await (await come("ann", 0)).join("away")).toMatchObject({ unread: 4, mentions: 0 });
      expect(await read(stranger, "away", newest)).toMatchObject({ type: "error", code: "unavailable" });
      expect(await read(ann, "away", newest)).toMatchObject({ type: "ok", unread: 0 });
    } finally {
      line.refuse(false);
    }
    await eventually(async () => expect(await (await come("stranger", 1)).join("away")).toMatchObject({ unread: 4 }));
  });
});
