// What readings may cost: bytes that Redis sends, looks into the log, statements; and answers to one message, which are
// found without reading a channel frame by frame.
import { formatPosition, ORIGIN } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createHistory } from "./history.ts";
import { createOutbox } from "./outbox.ts";
import { createPast } from "./past.fixture.ts";
import { connected, keys, newChannel, partitions, publication, readerOn, readMessages } from "./publishing.suite.ts";
import { publisherOn, publishMany } from "./publishing.suite.ts";
import { createReading } from "./reading.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);

const outbox = createOutbox({ connection, reader, keys, logEntries: 3 });
let past = createPast();
let history = createHistory({ connection, keys, cold: past, statements: 4 });
let publisher = publisherOn(connection);

beforeEach(async () => {
  await server.flush();
  past = createPast();
  history = createHistory({ connection, keys, cold: past, statements: 4 });
  publisher = publisherOn(connection, { lastSaved: (channel) => past.last(channel) });
});

async function persist(channel: string): Promise<void> {
  const partition = partitions.of(channel);
  const entries = await readMessages(outbox, new Map([[partition, BEFORE_FIRST_ENTRY]]), 5_000, 0);
  const last = entries.at(-1);
  if (last === undefined) return;
  for (const { channel: name, position, frame } of entries)
    past.rows.set(name, [...(past.rows.get(name) ?? []), { position, frame }]);
  const channels = new Map(entries.map((entry) => [entry.channel, entry.position]));
  await outbox.save(partition, { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false });
}

const ROOT = "r00000000000000000000";
const OTHER = "o00000000000000000000";
const MB = 1_000_000;
const seqs = (page: { frames: readonly StoredFrame[] }): number[] => page.frames.map(({ position }) => position.seq);
const sentByRedis = async (): Promise<number> =>
  Number(/total_net_output_bytes:(\d+)/.exec(await redis.info("stats"))?.[1]);
const say = async (channel: string, replyTo?: string, body?: string): Promise<Position> => {
  const draft = { ...(replyTo === undefined ? {} : { replyTo }), ...(body === undefined ? {} : { body }) };
  return (await publisher.publish(publication(channel, draft))).position;
};

/** All answers to `ROOT` from a position on, page by page, as a client reads them. */
async function allAnswers(channel: string, limit: number): Promise<number[]> {
  const found: number[] = [];
  for (let after = ORIGIN; ;) {
    const page = await history.repliesAfter(ROOT, channel, after, limit, MB);
    expect(page.recovered).toBe(true);
    found.push(...seqs(page));
    after = page.frames.at(-1)?.position ?? after;
    if (!page.more) return found;
    expect(page.frames.length).toBeGreaterThan(0);
  }
}

describe("reading many channels together", () => {
  it("takes from Redis what the budget allows, however much there is, and says that there is more", async () => {
    const channels = Array.from({ length: 60 }, newChannel);
    for (const channel of channels) for (let n = 0; n < 8; n += 1) await say(channel, undefined, "x".repeat(4_000));
    const reading = createReading();
    const before = await sentByRedis();
    const wishes = channels.map((channel, n) => (n % 2 === 0 ? { channel } : { channel, after: ORIGIN }));
    const pages = await Promise.all(history.together(wishes, 200, 65_536, reading));
    const bytes = (await sentByRedis()) - before;
    expect(bytes).toBeLessThan(600_000);
    expect(Math.abs(reading.bytes - bytes)).toBeLessThan(30_000);
    expect(pages.every((page) => page.more && page.frames.length === 2 && page.head.position.seq === 8)).toBe(true);
    expect(seqs(pages[0] ?? { frames: [] })).toEqual([7, 8]);
    expect(seqs(pages[1] ?? { frames: [] })).toEqual([1, 2]);
  });

  it("gives a page without a frame rather than more than its share, and the next page goes on", async () => {
    const channels = Array.from({ length: 200 }, newChannel);
    const [large = ""] = channels;
    await say(large, undefined, "x".repeat(4_000));
    const pages = await Promise.all(
      history.together(
        channels.map((channel) => ({ channel, after: ORIGIN })),
        50,
        65_536,
      ),
    );
    expect(pages[0]).toMatchObject({ frames: [], more: true, recovered: true });
    expect(pages.slice(1).every((page) => !page.more && page.frames.length === 0)).toBe(true);
    expect(seqs(await history.forward(large, ORIGIN, 50, 65_536))).toEqual([1]);
  });

  it("costs three statements at most, in whatever tier each channel stands", async () => {
    const channels = Array.from({ length: 40 }, newChannel);
    for (const channel of channels) await publishMany(publisher, channel, 5);
    for (const channel of channels.slice(0, 30)) await persist(channel);
    for (const channel of channels.slice(0, 10)) await redis.del(keys.channel(channel).head, keys.channel(channel).log);
    past.asked = 0;
    const wishes = channels.map((channel, n) => (n % 2 === 0 ? { channel } : { channel, after: ORIGIN }));
    const pages = await Promise.all(history.together(wishes, 50, 65_536));
    expect(past.asked).toBeLessThanOrEqual(3);
    for (const page of pages) expect(seqs(page)).toEqual([1, 2, 3, 4, 5]);
  });

  it("fails only for those whose tier is away", async () => {
    const [hot, trimmed] = [newChannel(), newChannel()];
    await publishMany(publisher, hot, 2);
    await publishMany(publisher, trimmed, 9);
    await persist(trimmed);
    past.away = true;
    const wishes = [hot, trimmed].map((channel) => ({ channel, after: ORIGIN }));
    const [well, away] = await Promise.allSettled(history.together(wishes, 50, 65_536));
    expect(well).toMatchObject({ status: "fulfilled", value: { recovered: true } });
    expect(away).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
  });

  it("reads the heads of many channels with one statement", async () => {
    const channels = Array.from({ length: 20 }, newChannel);
    for (const channel of channels.slice(0, 5)) await publishMany(publisher, channel, 2);
    past.asked = 0;
    const heads = await Promise.all(history.heads(channels));
    expect(heads.map(({ position }) => position.seq)).toEqual(channels.map((_, n) => (n < 5 ? 2 : 0)));
    expect(past.asked).toBe(1);
  });
});

describe("a page of one channel", () => {
  it("is read once while its channel stands, and anew after whatever was announced", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 4);
    const scripts = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1]);
    const newest = () => history.backward(channel, undefined, 50, 65_536);
    const first = await newest();
    const before = await scripts();
    expect(await newest()).toBe(first);
    expect(await scripts()).toBe(before);
    await persist(channel);
    expect((await newest()).head.saved).toEqual(first.head.position);
    await say(channel);
    expect(seqs(await newest())).toEqual([1, 2, 3, 4, 5]);
  });

  it("is the page that would be read now, whatever came since it was read last", async () => {
    const channel = newChannel();
    const unkept = () => createHistory({ connection, keys, cold: past, statements: 4 });
    for (let n = 0; n < 60; n += 1) {
      for (let more = 0; more < n % 4; more += 1) {
        await say(channel, n % 7 === 0 ? ROOT : undefined, "x".repeat(n % 5 === 0 ? 900 : 40));
      }
      if (n % 13 === 0) await persist(channel);
      for (const limit of [3, 50]) {
        const page = await history.backward(channel, undefined, limit, 3_000, createReading(), ORIGIN);
        expect(page).toEqual(await unkept().backward(channel, undefined, limit, 3_000));
      }
    }
  });

  it("of a channel that has nothing costs a look at its head", async () => {
    const channel = newChannel();
    await redis.config("RESETSTAT");
    const page = await history.backward(channel, undefined, 50, 65_536, createReading(), ORIGIN);
    expect(page).toEqual({ frames: [], more: false, head: { position: ORIGIN, saved: ORIGIN } });
    expect(await redis.info("commandstats")).not.toContain("cmdstat_eval");
  });

  it("makes Redis send a page and not more, whatever the frames weigh and whatever limit was wished", async () => {
    const channel = newChannel();
    for (let n = 0; n < 60; n += 1) await say(channel, undefined, "x".repeat(4_000));
    for (const read of [
      () => history.forward(channel, ORIGIN, 200, 65_536),
      () => history.backward(channel, undefined, 200, 65_536),
    ]) {
      const before = await sentByRedis();
      const page = await read();
      expect((await sentByRedis()) - before).toBeLessThan(75_000);
      expect(page).toMatchObject({ more: true });
      expect(page.frames).toHaveLength(15);
    }
  });

  it("whose cursor the log does not continue costs Redis next to nothing", async () => {
    const channel = newChannel();
    for (let n = 0; n < 30; n += 1) await say(channel, undefined, "x".repeat(4_000));
    await persist(channel);
    const before = await sentByRedis();
    expect(seqs(await history.forward(channel, ORIGIN, 10, 65_536))).toHaveLength(10);
    expect((await sentByRedis()) - before).toBeLessThan(10_000);
  });

  it("is not read for a session that has gone", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 3);
    const gone = createReading(() => false);
    await expect(history.forward(channel, ORIGIN, 10, MB, gone)).rejects.toMatchObject({ code: "unavailable" });
    await expect(history.repliesBefore(ROOT, channel, undefined, 10, MB, gone)).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(gone).toMatchObject({ bytes: 0, entries: 0, statements: 0 });
  });
});

describe("the answers to one message", () => {
  it.each([1, 2, 50])("are paged by %i over both tiers, each once, and no other frame with them", async (limit) => {
    const channel = newChannel();
    const expected: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      for (let n = 0; n < 3; n += 1) {
        await say(channel);
        await say(channel, OTHER, `see ${ROOT}, or "replyTo":"${ROOT}"`);
        expected.push((await say(channel, ROOT)).seq);
      }
      if (round === 3) await persist(channel);
    }
    expect(await redis.xlen(keys.channel(channel).log)).toBeLessThan(45);
    expect(await allAnswers(channel, limit)).toEqual(expected);
  });

  it("are told from whatever speaks of its id in a text or in meta", async () => {
    const channel = newChannel();
    const { epoch } = await say(channel, undefined, `"replyTo":"${ROOT}"`);
    const { log, head } = keys.channel(channel);
    const entry = (seq: number, fields: string): Promise<unknown> =>
      redis.xadd(log, formatPosition({ epoch, seq }), "f", `{"type":"message","seq":${seq}${fields}}`);
    await entry(2, `,"meta":{"replyTo":"${ROOT}"}`);
    await entry(3, `,"replyTo":"${OTHER}","meta":{"replyTo":"${ROOT}"}`);
    await entry(4, `,"replyTo":"${ROOT}","meta":{"replyTo":"${OTHER}"}`);
    await redis.xadd(log, formatPosition({ epoch, seq: 5 }), "f", `{"type":"reaction","seq":5,"replyTo":"${ROOT}"}`);
    await redis.hset(head, "seq", 5);
    expect(await allAnswers(channel, 10)).toEqual([4]);
    expect(seqs(await history.repliesBefore(ROOT, channel, undefined, 10, MB))).toEqual([4]);
  });

  it("of thousands of messages cost a handful of statements and looks, there or not", async () => {
    const channel = newChannel();
    const last = { epoch: 7, seq: 5_000 };
    const row = (seq: number): StoredFrame => ({
      position: { epoch: 7, seq },
      frame: `{"type":"message","channel":"c","epoch":7,"seq":${seq},"at":1,"id":"m${String(seq).padStart(20, "0")}","clientId":"c","user":"u","name":"n","body":"b"${seq === 4_000 ? `,"replyTo":"${ROOT}"` : ""}}`,
    });
    past.rows.set(
      channel,
      Array.from({ length: last.seq }, (_, n) => row(n + 1)),
    );
    const reading = createReading();
    const found = await history.repliesAfter(ROOT, channel, ORIGIN, 1, MB, reading);
    expect([seqs(found), found.more]).toEqual([[4_000], false]);
    const none = await history.repliesAfter(OTHER, channel, ORIGIN, 1, MB, reading);
    expect(none).toMatchObject({ frames: [], more: false, recovered: true });
    expect(reading.statements).toBeLessThanOrEqual(8);
    expect(reading.entries).toBeLessThan(10);
  });

  it("near the head are found while Postgres is away", async () => {
    const channel = newChannel();
    await say(channel);
    await say(channel, ROOT);
    past.away = true;
    expect(await allAnswers(channel, 10)).toEqual([2]);
    expect(await history.repliesAfter(OTHER, channel, ORIGIN, 10, MB)).toMatchObject({ frames: [], more: false });
  });

  it("behind more unstored messages than are searched are unavailable, and there once Postgres has them", async () => {
    const channel = newChannel();
    const { log, head, partition } = keys.channel(channel);
    await say(channel);
    const { epoch } = (await history.head(channel)).position;
    const pipeline = redis.pipeline();
    for (let seq = 2; seq <= 4_000; seq += 1) {
      const answer = seq === 3_999 ? `,"replyTo":"${ROOT}"` : "";
      pipeline.xadd(log, formatPosition({ epoch, seq }), "f", `{"type":"message","seq":${seq}${answer},"meta":{}}`);
    }
    await pipeline.hset(head, "seq", 4_000).exec();
    expect(partition).toBeGreaterThanOrEqual(0);
    const reading = createReading();
    const before = await sentByRedis();
    await expect(history.repliesAfter(ROOT, channel, ORIGIN, 1, MB, reading)).rejects.toMatchObject({
      code: "unavailable",
    });
    await expect(history.repliesBefore(OTHER, channel, undefined, 1, MB, reading)).rejects.toMatchObject({
      code: "unavailable",
    });
    expect((await sentByRedis()) - before).toBeLessThan(400_000);
    expect(reading.entries).toBeLessThan(8_000);
    // What is near enough to the end is found backward.
    expect(seqs(await history.repliesBefore(ROOT, channel, undefined, 1, MB))).toEqual([3_999]);
    await redis.hset(head, "saved", formatPosition({ epoch, seq: 3_000 }));
    expect(seqs(await history.repliesAfter(ROOT, channel, { epoch, seq: 2_500 }, 1, MB))).toEqual([3_999]);
  });

  it("after a position that cannot be shown to be the channel's are not passed off as a page", async () => {
    const channel = newChannel();
    const positions = await publishMany(publisher, channel, 5);
    await redis.xdel(keys.channel(channel).log, formatPosition(positions[2] ?? ORIGIN));
    expect(await history.repliesAfter(ROOT, channel, positions[1] ?? ORIGIN, 10, MB)).toMatchObject({
      recovered: false,
    });
    const beyond = { epoch: positions[4]?.epoch ?? 0, seq: 9 };
    expect(await history.repliesAfter(ROOT, channel, beyond, 10, MB)).toMatchObject({ recovered: false });
  });
});
