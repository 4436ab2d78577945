// Reading forward and backward over a real log in Redis and a past that is held in memory instead of Postgres.
import { ORIGIN, parseMessageFrame } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { connectRedis } from "./connect.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createHistory } from "./history.ts";
import { createOutbox } from "./outbox.ts";
import type { ForwardPage } from "./page.ts";
import { createReading } from "./reading.ts";
import { createPast } from "./past.fixture.ts";
import { connected, keys, newChannel, partitions, publication, readerOn, readMessages } from "./publishing.suite.ts";
import { publisherOn, publishMany } from "./publishing.suite.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);

let past = createPast();
let history = createHistory({ connection, keys, cold: past, statements: 4 });
let publisher = publisherOn(connection);
const outbox = createOutbox({ connection, reader, keys, logEntries: 3 });

beforeEach(async () => {
  await server.flush();
  past = createPast();
  history = createHistory({ connection, keys, cold: past, statements: 4 });
  publisher = publisherOn(connection, { lastSaved: (channel) => past.last(channel) });
});

/** Commits what waits for this channel's partition, up to `count` entries, as the persister does. */
async function persist(channel: string, count = 1_000): Promise<void> {
  const partition = partitions.of(channel);
  const entries = await readMessages(outbox, new Map([[partition, BEFORE_FIRST_ENTRY]]), count, 0);
  const last = entries.at(-1);
  if (last === undefined) return;
  for (const { channel: name, position, prev, frame } of entries) {
    const row = prev === undefined ? { position, frame } : { position, prev, frame };
    past.rows.set(name, [...(past.rows.get(name) ?? []), row]);
  }
  const channels = new Map(entries.map((entry) => [entry.channel, entry.position]));
  await outbox.save(partition, { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false });
}

const seqs = (page: { frames: readonly StoredFrame[] }): number[] => page.frames.map(({ position }) => position.seq);
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const MB = 1_000_000;

/** Pages on until there is no more, as a client does. */
async function readAll(channel: string, after: Position, limit: number, maxBytes = MB): Promise<ForwardPage[]> {
  const pages: ForwardPage[] = [];
  for (let cursor = after; ;) {
    const page = await history.forward(channel, cursor, limit, maxBytes);
    pages.push(page);
    cursor = page.frames.at(-1)?.position ?? cursor;
    if (!page.more || !page.recovered) return pages;
    expect(page.frames.length).toBeGreaterThan(0);
  }
}

describe("the head", () => {
  it("is the origin for a channel that nobody ever wrote to", async () => {
    expect(await history.head(newChannel())).toEqual({ position: ORIGIN, saved: ORIGIN });
  });

  it("tells the last position and what Postgres confirmed, without asking Postgres", async () => {
    const channel = newChannel();
    const positions = await publishMany(publisher, channel, 3);
    await persist(channel, 2);
    past.asked = 0;
    expect(await history.head(channel)).toEqual({ position: positions[2], saved: positions[1] });
    expect(past.asked).toBe(0);
  });

  it("is Postgres' last position when Redis does not hold the channel", async () => {
    const channel = newChannel();
    const [only] = await publishMany(publisher, channel, 1);
    await persist(channel);
    await redis.del(keys.channel(channel).head, keys.channel(channel).log);
    expect(await history.head(channel)).toEqual({ position: only, saved: only });
    past.away = true;
    await expect(history.head(channel)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is what Postgres confirmed when that is more than this Redis numbered", async () => {
    const channel = newChannel();
    const [first] = await publishMany(publisher, channel, 1);
    const further = { epoch: first?.epoch ?? 0, seq: 4 };
    await redis.hset(keys.channel(channel).head, "saved", `${further.epoch}-4`);
    expect(await history.head(channel)).toEqual({ position: further, saved: further });
  });
});

describe("reading forward", () => {
  it("gives what follows the cursor from the log alone", async () => {
    const channel = newChannel();
    const positions = await publishMany(publisher, channel, 5);
    past.asked = 0;
    const page = await history.forward(channel, positions[1] ?? ORIGIN, 50, MB);
    expect(page).toMatchObject({ recovered: true, more: false, head: { position: positions[4] } });
    expect(seqs(page)).toEqual([3, 4, 5]);
    expect(page.frames.map(({ frame }) => parseMessageFrame(frame).seq)).toEqual([3, 4, 5]);
    expect(past.asked).toBe(0);
  });

  it("gives nothing to a client that has everything, and all to one that begins", async () => {
    const channel = newChannel();
    const positions = await publishMany(publisher, channel, 3);
    const nothing = await history.forward(channel, positions[2] ?? ORIGIN, 50, MB);
    expect(nothing).toMatchObject({ frames: [], recovered: true, more: false });
    expect(seqs(await history.forward(channel, ORIGIN, 50, MB))).toEqual([1, 2, 3]);
    expect(await history.forward(newChannel(), ORIGIN, 50, MB)).toMatchObject({
      frames: [],
      recovered: true,
      more: false,
    });
  });

  it.each([1, 2, 3, 7, 50])("pages by %i over Postgres and the log without a hole or a repeat", async (limit) => {
    const channel = newChannel();
    await publishMany(publisher, channel, 12);
    await persist(channel);
    await publishMany(publisher, channel, 4);
    expect(await redis.xlen(keys.channel(channel).log)).toBeLessThan(12);
    const pages = await readAll(channel, ORIGIN, limit);
    expect(pages.flatMap(seqs)).toEqual(upTo(1, 16));
    expect(pages.every((page) => page.recovered && page.frames.length <= limit)).toBe(true);
    expect(pages.slice(0, -1).every((page) => page.more)).toBe(true);
  });

  it("cuts a page by its bytes, but never to nothing", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 6);
    const [first] = (await history.forward(channel, ORIGIN, 50, MB)).frames;
    const bytes = Buffer.byteLength(first?.frame ?? "");
    const two = await history.forward(channel, ORIGIN, 50, 2 * bytes + 10);
    expect(two).toMatchObject({ more: true, recovered: true });
    expect(seqs(two)).toEqual([1, 2]);
    expect(seqs(await history.forward(channel, ORIGIN, 50, 1))).toEqual([1]);
    expect((await readAll(channel, ORIGIN, 50, 1)).flatMap(seqs)).toEqual(upTo(1, 6));
  });

  it("gives a channel that Redis let go from Postgres", async () => {
    const channel = newChannel();
    const positions = await publishMany(publisher, channel, 4);
    await persist(channel);
    await redis.del(keys.channel(channel).head, keys.channel(channel).log);
    const page = await history.forward(channel, positions[0] ?? ORIGIN, 50, MB);
    expect(page).toMatchObject({ recovered: true, more: false });
    expect(seqs(page)).toEqual([2, 3, 4]);
  });

  it("crosses an epoch that continues the one before", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 3);
    await redis.debug("CHANGE-REPL-ID");
    await publishMany(publisher, channel, 3);
    const pages = await readAll(channel, ORIGIN, 2);
    expect(pages.flatMap(seqs)).toEqual(upTo(1, 6));
    expect(pages.every((page) => page.recovered)).toBe(true);
  });

  it("fetches from Postgres what a failover took out of the middle of the log", async () => {
    const channel = newChannel();
    const [first] = await publishMany(publisher, channel, 4);
    await persist(channel);
    const { head, log } = keys.channel(channel);
    // the promoted replica had not heard of 3 and 4; the persister tells it that Postgres has them
    const lost = (await redis.xrange(log, "-", "+")).map(([id]) => id).filter((id) => /-(3|4)$/.test(id));
    await redis.xdel(log, ...lost);
    await redis.hset(head, "seq", 2);
    await redis.debug("CHANGE-REPL-ID");
    const [fifth] = await publishMany(publisher, channel, 1);
    expect(fifth?.seq).toBe(5);
    const pages = await readAll(channel, first ?? ORIGIN, 50);
    expect(pages.flatMap(seqs)).toEqual([2, 3, 4, 5]);
    expect(pages.every((page) => page.recovered)).toBe(true);
    const [newest] = await redis.xrevrange(log, "+", "-", "COUNT", 1);
    expect(newest?.[1][5]).toBe(`${first?.epoch}-4`);
  });

  describe("does not call it recovered", () => {
    const read = async (channel: string, after: Position): Promise<{ recovered: boolean; seqs: number[] }> => {
      const page = await history.forward(channel, after, 3, MB);
      return { recovered: page.recovered, seqs: seqs(page) };
    };
    const newest = (...expected: number[]): unknown => ({ recovered: false, seqs: expected });

    it("when the cursor stands beyond the head", async () => {
      const channel = newChannel();
      const positions = await publishMany(publisher, channel, 5);
      expect(await read(channel, { epoch: positions[4]?.epoch ?? 0, seq: 6 })).toEqual(newest(3, 4, 5));
      expect(await read(channel, { epoch: (positions[4]?.epoch ?? 0) + 1, seq: 1 })).toEqual(newest(3, 4, 5));
    });

    it("when the cursor stands beyond what the new epoch follows", async () => {
      const channel = newChannel();
      const positions = await publishMany(publisher, channel, 5);
      const { head, log } = keys.channel(channel);
      const last = positions[4] ?? ORIGIN;
      await redis.xdel(log, `${last.epoch}-4`, `${last.epoch}-5`);
      await redis.hset(head, "seq", 3);
      await redis.debug("CHANGE-REPL-ID");
      await publishMany(publisher, channel, 2);
      expect(await read(channel, last)).toEqual(newest(3, 4, 5));
      const page = await history.forward(channel, { ...last, seq: 3 }, 50, MB);
      expect(page.recovered).toBe(true);
      expect(seqs(page)).toEqual([4, 5]);
    });

    it("and says up to where it was taken back, also when the newest page begins long after", async () => {
      const channel = newChannel();
      const positions = await publishMany(publisher, channel, 5);
      const { head, log } = keys.channel(channel);
      const [last, kept] = [positions[4] ?? ORIGIN, positions[2] ?? ORIGIN];
      await redis.xdel(log, `${last.epoch}-4`, `${last.epoch}-5`);
      await redis.hset(head, "seq", 3);
      await redis.debug("CHANGE-REPL-ID");
      await publishMany(publisher, channel, 9);
      expect(await history.forward(channel, last, 3, MB)).toMatchObject({ recovered: false, stepsBackTo: kept });
      await persist(channel);
      expect(await redis.xlen(log)).toBe(3);
      const page = await history.forward(channel, last, 3, MB);
      expect([page.stepsBackTo, seqs(page)]).toEqual([kept, [10, 11, 12]]);
      expect((await history.forward(channel, kept, 3, MB)).stepsBackTo).toBeUndefined();
    });

    it("when neither tier has what follows the cursor", async () => {
      const channel = newChannel();
      const positions = await publishMany(publisher, channel, 6);
      const { log } = keys.channel(channel);
      await redis.xdel(log, `${positions[2]?.epoch}-3`);
      expect(await read(channel, positions[1] ?? ORIGIN)).toEqual(newest(4, 5, 6));
    });

    it("when all that follows the cursor is gone", async () => {
      const channel = newChannel();
      const positions = await publishMany(publisher, channel, 3);
      await redis.del(keys.channel(channel).log);
      expect(await read(channel, positions[1] ?? ORIGIN)).toEqual(newest());
    });

    it("when a trimmed log begins in the middle of a later epoch", async () => {
      const channel = newChannel();
      const positions = await publishMany(publisher, channel, 5);
      await redis.debug("CHANGE-REPL-ID");
      const [sixth, , eighth] = await publishMany(publisher, channel, 3);
      await redis.xtrim(keys.channel(channel).log, "MINID", "=", `${sixth?.epoch}-7`);
      expect(eighth?.seq).toBe(8);
      // 7 is one more than 6, but this 6 was lost with the old master
      expect(await read(channel, { epoch: positions[0]?.epoch ?? 0, seq: 6 })).toEqual(newest(7, 8));
    });

    it("when Redis was born after the cursor: what the former one had and Postgres never got is unknown", async () => {
      const channel = newChannel();
      const positions = await publishMany(publisher, channel, 3);
      await persist(channel, 2);
      await server.flush();
      expect(await read(channel, positions[1] ?? ORIGIN)).toEqual(newest(1, 2));
      await publishMany(publisher, channel, 1);
      expect(await read(channel, positions[1] ?? ORIGIN)).toEqual(newest(1, 2, 3));
      expect((await history.forward(channel, ORIGIN, 50, MB)).recovered).toBe(true);
    });
  });

  it("reads on by the record over a Redis that was lost, as far as that leads, and from nowhere else", async () => {
    const channel = newChannel();
    const positions = await publishMany(publisher, channel, 5);
    await persist(channel, 4);
    await server.flush();
    const byRecord = async (after: Position | undefined): Promise<ForwardPage> =>
      history.forward(channel, after ?? ORIGIN, 2, MB, undefined, undefined, true);
    const pages = async (): Promise<number[]> => {
      const read: number[] = [];
      let cursor = positions[0];
      for (let more = true; more;) {
        const page = await byRecord(cursor);
        expect(page.recovered).toBe(true);
        read.push(...seqs(page));
        cursor = page.frames.at(-1)?.position ?? cursor;
        ({ more } = page);
      }
      return read;
    };
    expect(await pages()).toEqual([2, 3, 4]);
    expect(await byRecord(positions[3])).toMatchObject({ recovered: true, frames: [], more: false });
    expect((await byRecord(positions[4])).recovered).toBe(false);

    // In another epoch what the lost Redis had numbered is numbered again.
    await publishMany(publisher, channel, 3);
    expect(await pages()).toEqual([2, 3, 4, 5, 6, 7]);
    await persist(channel);
    expect(await pages()).toEqual([2, 3, 4, 5, 6, 7]);
    expect((await byRecord(positions[4])).recovered).toBe(false);
    expect((await history.forward(channel, positions[2] ?? ORIGIN, 2, MB)).recovered).toBe(false);
  });

  it("is unavailable when the hole may be in a Postgres that is away", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 10);
    await persist(channel);
    past.away = true;
    await expect(history.forward(channel, ORIGIN, 50, MB)).rejects.toMatchObject({ code: "unavailable" });
    const near = { ...(await history.head(channel)).position };
    expect(seqs(await history.forward(channel, { ...near, seq: near.seq - 2 }, 50, MB))).toEqual([9, 10]);
  });

  it("never misses a message that is saved and trimmed while it is being read", async () => {
    const channel = newChannel();
    let done = false;
    const writing = (async () => {
      for (let round = 0; round < 40; round += 1) {
        await publishMany(publisher, channel, 5);
        await persist(channel);
      }
      done = true;
    })();
    let cursor = ORIGIN;
    const read: number[] = [];
    for (;;) {
      const last = done;
      const page = await history.forward(channel, cursor, 7, MB);
      expect(page.recovered).toBe(true);
      read.push(...seqs(page));
      cursor = page.frames.at(-1)?.position ?? cursor;
      if (last && !page.more) break;
    }
    await writing;
    expect(read).toEqual(upTo(1, 200));
  });
});

describe("reading backward", () => {
  it("gives the newest from the log alone", async () => {
    const channel = newChannel();
    const positions = await publishMany(publisher, channel, 5);
    past.asked = 0;
    const page = await history.backward(channel, undefined, 3, MB);
    expect(page).toMatchObject({ more: true, head: { position: positions[4] } });
    expect(seqs(page)).toEqual([3, 4, 5]);
    expect(seqs(await history.backward(channel, positions[3], 2, MB))).toEqual([2, 3]);
    expect(past.asked).toBe(0);
  });

  it("knows the first message of a channel without asking Postgres", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 3);
    past.asked = 0;
    expect(await history.backward(channel, undefined, 3, MB)).toMatchObject({ more: false });
    expect(await history.backward(channel, undefined, 50, MB)).toMatchObject({ more: false });
    expect(past.asked).toBe(0);
    expect(await history.backward(newChannel(), undefined, 50, MB)).toMatchObject({ frames: [], more: false });
  });

  it.each([1, 2, 3, 7, 50])("pages by %i over the log and Postgres without a hole or a repeat", async (limit) => {
    const channel = newChannel();
    await publishMany(publisher, channel, 12);
    await persist(channel);
    await publishMany(publisher, channel, 4);
    const read: number[] = [];
    for (let before: Position | undefined; ;) {
      const page = await history.backward(channel, before, limit, MB);
      expect(page.frames.length).toBeLessThanOrEqual(limit);
      read.unshift(...seqs(page));
      before = page.frames[0]?.position;
      if (!page.more) break;
      expect(before).toBeDefined();
    }
    expect(read).toEqual(upTo(1, 16));
  });

  it("keeps the newest when it cuts by bytes, and at least one", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 4);
    expect(await history.backward(channel, undefined, 50, 1)).toMatchObject({ more: true });
    expect(seqs(await history.backward(channel, undefined, 50, 1))).toEqual([4]);
  });

  it("does not step over what a failover took out of the log", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 4);
    await persist(channel);
    const { head, log } = keys.channel(channel);
    await redis.xdel(log, ...(await redis.xrange(log, "-", "+")).map(([id]) => id).filter((id) => /-(3|4)$/.test(id)));
    await redis.hset(head, "seq", 2);
    expect(seqs(await history.backward(channel, undefined, 2, MB))).toEqual([3, 4]);
    await redis.debug("CHANGE-REPL-ID");
    const [fifth] = await publishMany(publisher, channel, 1);
    expect(seqs(await history.backward(channel, undefined, 3, MB))).toEqual([3, 4, 5]);
    expect(seqs(await history.backward(channel, fifth, 3, MB))).toEqual([2, 3, 4]);
  });

  it("asks nobody for a page that the log fills, and Postgres once for one that goes on below it", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 10);
    await persist(channel);
    past.asked = 0;
    const page = await history.backward(channel, undefined, 3, MB);
    expect([seqs(page), page.more, past.asked]).toEqual([[8, 9, 10], true, 0]);
    const below = await history.backward(channel, undefined, 4, MB);
    expect([seqs(below), below.more, past.asked]).toEqual([[7, 8, 9, 10], true, 1]);
  });

  it("asks nobody about a channel that was followed from its beginning to nowhere, if Redis does not hold it", async () => {
    const channel = newChannel();
    past.asked = 0;
    const nothing = { frames: [], more: false, head: { position: ORIGIN, saved: ORIGIN } };
    expect(await history.backward(channel, undefined, 50, MB, createReading(), ORIGIN)).toEqual(nothing);
    expect(await history.forward(channel, ORIGIN, 50, MB, createReading(), ORIGIN)).toEqual({
      ...nothing,
      recovered: true,
    });
    const [together] = history.together([{ channel, followed: ORIGIN }], 50, MB);
    expect(await together).toMatchObject(nothing);
    expect(past.asked).toBe(0);
    await publishMany(publisher, channel, 2);
    past.asked = 0;
    expect(seqs(await history.backward(channel, undefined, 50, MB, createReading(), ORIGIN))).toEqual([1, 2]);
    expect(past.asked).toBe(0);
  });

  it("asks Postgres about a channel that was followed to somewhere, if Redis does not hold it", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 2);
    await persist(channel);
    await server.flush();
    const followed = past.rows.get(channel)?.at(-1)?.position;
    expect(seqs(await history.backward(channel, undefined, 50, MB, createReading(), followed))).toEqual([1, 2]);
  });

  it("gives the answers to one message only, from both tiers", async () => {
    const channel = newChannel();
    const root = "m00000000000000000000-root".slice(0, 21);
    const answer = (): Promise<unknown> => publisher.publish(publication(channel, { replyTo: root }));
    const mention = (): Promise<unknown> => publisher.publish(publication(channel, { body: `see ${root}` }));
    for (let round = 0; round < 6; round += 1) {
      await answer();
      await mention();
    }
    await persist(channel);
    await answer();
    await mention();
    expect(seqs(await history.repliesBefore(root, channel, undefined, 50, MB))).toEqual([1, 3, 5, 7, 9, 11, 13]);
    const page = await history.repliesBefore(root, channel, undefined, 2, MB);
    expect(page).toMatchObject({ more: true });
    expect(seqs(page)).toEqual([11, 13]);
  });

  it("answers with what the log has while Postgres is away, and says that there is more", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 10);
    await persist(channel);
    past.away = true;
    const page = await history.backward(channel, undefined, 50, MB);
    expect(seqs(page)).toEqual([8, 9, 10]);
    expect(page.more).toBe(true);
    await expect(history.backward(channel, page.frames[0]?.position, 50, MB)).rejects.toMatchObject({
      code: "unavailable",
    });
    await expect(history.backward(newChannel(), undefined, 50, MB)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is unavailable without Redis", async () => {
    const lost = connectRedis({ url: "redis://127.0.0.1:1", use: "commands", commandTimeoutMs: 100 });
    afterAll(() => lost.disconnect());
    const away = createHistory({ connection: lost, keys, cold: past, statements: 4 });
    for (const read of [
      () => away.head("c"),
      () => away.forward("c", ORIGIN, 5, MB),
      () => away.backward("c", undefined, 5, MB),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: "unavailable" });
    }
  });
});

it("a message published again after its channel expired stands where Postgres left off", async () => {
  const channel = newChannel();
  await publishMany(publisher, channel, 2);
  await persist(channel);
  await redis.del(keys.channel(channel).head, keys.channel(channel).log);
  const third = await publisher.publish(publication(channel));
  expect(third.position.seq).toBe(3);
  expect((await readAll(channel, ORIGIN, 50)).flatMap(seqs)).toEqual([1, 2, 3]);
  expect(seqs(await history.backward(channel, undefined, 2, MB))).toEqual([2, 3]);
});
