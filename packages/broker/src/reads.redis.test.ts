// How far users have read, on a real Redis: forward only, told to other edges, known for a day.
import { ChatError, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Envelope } from "./envelope.ts";
import { connected, keys, newChannel, partitions, publisherOn, publishMany } from "./publishing.suite.ts";
import { createReads } from "./reads.ts";
import type { ReadDraft, ReadMove } from "./reads.ts";
import { createTakings } from "./takings.ts";
import { unpackEnvelopes } from "./unpack-envelope.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const publisher = publisherOn(connection);
const reads = createReads({ connection, lookups: connection, keys });
const takings = createTakings({ connection, keys });
const everywhere = Array.from({ length: partitions.count }, (_, n) => n);

beforeEach(() => server.flush());

/** A channel with so many messages, and where each stands. */
async function channelOf(messages: number): Promise<{ channel: string; at: Position[] }> {
  const channel = newChannel();
  return { channel, at: await publishMany(publisher, channel, messages) };
}

function nth(at: readonly Position[], n: number): Position {
  const position = at[n];
  if (position === undefined) throw new Error(`there is no message ${n}`);
  return position;
}

const move = (channel: string, position: Position, more: Partial<ReadDraft> = {}): Promise<ReadMove> =>
  reads.move({
    channel,
    user: "ann",
    position,
    followed: ORIGIN,
    known: ORIGIN,
    connections: 1,
    session: "s1",
    ...more,
  });

const waiting = async (): Promise<string[]> =>
  (await takings.reads(everywhere, 1000)).items.map(
    ({ channel, user, position }) => `${channel} ${user} ${position.seq}`,
  );

async function codeOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => "done",
    (error: unknown) => (error instanceof ChatError ? error.code : String(error)),
  );
}

describe("a read position", () => {
  it("moves forward, and a repeat or one that comes late changes nothing", async () => {
    const { channel, at } = await channelOf(3);
    expect(await move(channel, nth(at, 1))).toMatchObject({ kind: "moved", read: nth(at, 1) });
    expect(await move(channel, nth(at, 1))).toMatchObject({ kind: "stood", read: nth(at, 1) });
    expect(await move(channel, nth(at, 0))).toMatchObject({ kind: "stood", read: nth(at, 1) });
    expect(await reads.find(channel, "ann")).toEqual({
      read: nth(at, 1),
      head: { position: nth(at, 2), saved: ORIGIN },
    });
    expect(await waiting()).toEqual([`${channel} ann 2`]);
  });

  it("beyond the head is invalid and moves nothing", async () => {
    const { channel, at } = await channelOf(2);
    const { epoch, seq } = nth(at, 1);
    expect(await codeOf(move(channel, { epoch, seq: seq + 1 }))).toBe("invalid");
    expect(await codeOf(move(channel, { epoch: epoch + 1, seq: 0 }))).toBe("invalid");
    expect(await waiting()).toEqual([]);
  });

  it("reaches as far as the caller followed the channel where Redis does not hold it", async () => {
    const channel = newChannel();
    const followed = { epoch: 7, seq: 5 };
    expect(await move(channel, followed, { followed })).toMatchObject({ kind: "moved", head: undefined });
    expect(await codeOf(move(channel, { epoch: 7, seq: 6 }, { followed }))).toBe("invalid");
  });

  it("reaches as far as Postgres has more than this Redis numbered", async () => {
    const { channel, at } = await channelOf(1);
    const { epoch } = nth(at, 0);
    await redis.hset(keys.channel(channel).head, "saved", `${epoch}-4`);
    expect(await move(channel, { epoch, seq: 4 })).toMatchObject({ kind: "moved" });
  });

  it("that Redis does not know is not moved before Postgres was asked, which may have a later one", async () => {
    const { channel, at } = await channelOf(3);
    expect(await move(channel, nth(at, 0), { known: undefined })).toEqual({ kind: "unfamiliar" });
    expect(await waiting()).toEqual([]);
    expect(await move(channel, nth(at, 0), { known: nth(at, 2) })).toMatchObject({ kind: "stood", read: nth(at, 2) });
    expect(await waiting()).toEqual([]);
    expect(await move(channel, nth(at, 1), { known: undefined })).toMatchObject({ kind: "stood", read: nth(at, 2) });
  });

  it("is compared by epoch before seq, also in numbers that Lua would not write out", async () => {
    const channel = newChannel();
    const followed = { epoch: 2 ** 53 - 1, seq: 2 ** 53 - 1 };
    await move(channel, { epoch: 1_760_000_000_123, seq: 900 }, { followed });
    expect(await move(channel, { epoch: 1_760_000_000_124, seq: 1 }, { followed })).toMatchObject({ kind: "moved" });
    expect(await move(channel, followed, { followed })).toMatchObject({ kind: "moved", read: followed });
    expect((await reads.find(channel, "ann")).read).toEqual(followed);
  });
});

describe("the user's other sessions", () => {
  const heard: Envelope[] = [];
  const subscriber = redis.duplicate();
  afterAll(() => subscriber.disconnect());
  subscriber.on("smessageBuffer", (_: Buffer, bytes: Buffer) => {
    unpackEnvelopes(bytes, (envelope) => heard.push(envelope));
  });

  async function told(here: string | undefined, connections: number): Promise<Envelope[]> {
    const { channel, at } = await channelOf(1);
    await subscriber.ssubscribe(keys.channel(channel).topic);
    if (here !== undefined) await redis.hset(keys.channel(channel).here, "ann", here);
    heard.length = 0;
    const moved = await move(channel, nth(at, 0), { connections });
    await move(channel, nth(at, 0), { connections });
    // Answered behind whatever was announced before it.
    await subscriber.sunsubscribe(keys.channel(channel).topic);
    expect(moved).toMatchObject({ isTold: heard.length > 0 });
    return heard.splice(0);
  }

  it("are told where another node has some, once, and not the session that read", async () => {
    const [envelope, ...more] = await told("2|Ann", 1);
    expect(more).toEqual([]);
    expect(envelope).toMatchObject({ kind: "personal", user: "ann", exclude: "s1" });
    expect(JSON.parse(Buffer.from(envelope?.frame ?? []).toString())).toMatchObject({ type: "read", seq: 1 });
  });

  it("are left to the caller where all of them are on its node", async () => {
    expect(await told("2|Ann", 2)).toEqual([]);
  });

  it("are told where nobody knows how many there are", async () => {
    expect(await told(undefined, 2)).toHaveLength(1);
  });
});

describe("what is looked up", () => {
  it("goes together for everybody who asks in one turn", async () => {
    const { channel, at } = await channelOf(2);
    for (const user of ["u1", "u2"]) await move(channel, nth(at, 0), { user });
    await redis.config("RESETSTAT");
    const users = Array.from({ length: 150 }, (_, n) => `u${n}`);
    const states = await Promise.all(users.map((user) => reads.find(channel, user)));
    expect(states.filter(({ read }) => read !== undefined)).toHaveLength(2);
    const stats = await redis.info("commandstats");
    expect(stats).toContain("cmdstat_hmget:calls=3,");
    expect(stats).not.toContain("cmdstat_evalsha");
  });

  it("says where Postgres has nothing, once that was noted", async () => {
    const { channel, at } = await channelOf(2);
    await reads.note(channel, new Map([["ann", ORIGIN]]));
    expect((await reads.find(channel, "ann")).read).toEqual(ORIGIN);
    expect(await move(channel, nth(at, 0), { known: undefined })).toMatchObject({ kind: "moved" });
  });

  it("keeps what is newer than what is noted late", async () => {
    const { channel, at } = await channelOf(2);
    await move(channel, nth(at, 1));
    await reads.note(channel, new Map([["ann", nth(at, 0)]]));
    expect((await reads.find(channel, "ann")).read).toEqual(nth(at, 1));
  });

  it("is kept for a day after its last use, and what Postgres was not given for longer", async () => {
    const { channel, at } = await channelOf(1);
    const { read } = keys.channel(channel);
    await move(channel, nth(at, 0));
    await redis.pexpire(read, 5_000);
    // By a node that has not asked a moment ago.
    await createReads({ connection, lookups: connection, keys }).find(channel, "bob");
    expect(await redis.pttl(read)).toBeGreaterThan(23 * 3_600_000);
    await redis.del(read);
    expect((await reads.find(channel, "ann")).read).toEqual(nth(at, 0));
    expect(await move(channel, ORIGIN, { known: undefined })).toMatchObject({ kind: "stood", read: nth(at, 0) });
  });

  it("is unavailable while Redis is away, as is a move", async () => {
    const away = await connected(server.url);
    const lost = createReads({ connection: away, lookups: away, keys });
    away.disconnect();
    await expect.poll(() => away.status).toBe("end");
    expect(await codeOf(lost.find("c", "ann"))).toBe("unavailable");
    const draft = { channel: "c", user: "ann", position: ORIGIN, followed: ORIGIN, connections: 1, session: "s" };
    expect(await codeOf(lost.move(draft))).toBe("unavailable");
  });
});

describe("what waits for Postgres", () => {
  it("is given in part and waits until it is forgotten", async () => {
    const { channel, at } = await channelOf(1);
    for (let n = 0; n < 10; n += 1) await move(channel, nth(at, 0), { user: `u${n}` });
    const some = await takings.reads(everywhere, 4);
    expect(some.items).toHaveLength(4);
    expect(await waiting()).toHaveLength(10);
    await some.forget();
    expect(await waiting()).toHaveLength(6);
  });

  it("stays when it moved on after it was given", async () => {
    const { channel, at } = await channelOf(2);
    await move(channel, nth(at, 0));
    const taken = await takings.reads(everywhere, 100);
    await move(channel, nth(at, 1));
    await taken.forget();
    expect(await waiting()).toEqual([`${channel} ann 2`]);
  });

  it("tells when and under which name somebody was last seen, whatever the name holds", async () => {
    const { seen } = keys.partition(1);
    await redis.hset(seen, { ann: "1760000000123|Ann | the first", bob: "not a time|Bob" });
    const taken = await takings.seen(everywhere, 100);
    expect(taken.items).toEqual([{ user: "ann", name: "Ann | the first", at: 1_760_000_000_123 }]);
    await taken.forget();
    expect(await redis.exists(seen)).toBe(0);
  });

  it("is given of the other partitions where the key of one is broken", async () => {
    await redis.set(keys.partition(0).seen, "text");
    await redis.hset(keys.partition(1).seen, "ann", "1|Ann");
    expect((await takings.seen(everywhere, 100)).items).toHaveLength(1);
  });
});
