// Shedding: what Postgres has is taken out of a Redis that is nearly full, the oldest first, and never anything else.
import type { Position } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createOutbox } from "./outbox.ts";
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
import { createShedding } from "./shedding.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);
const outbox = createOutbox({ connection, reader, keys, logEntries: 1_000 });

let publisher = publisherOn(connection);
let shedding = createShedding({ connection, keys });
beforeEach(async () => {
  await redis.config("SET", "maxmemory", "0");
  await server.flush();
  publisher = publisherOn(connection);
  shedding = createShedding({ connection, keys });
});

const everywhere = Array.from({ length: partitions.count }, (_, partition) => partition);
const LONG_MS = 10_000;
const TEXT = "x".repeat(2_000);

async function say(channel: string, count: number): Promise<Position[]> {
  const drafts = Array.from({ length: count }, (_, n) => publication(channel, { body: `${n} ${TEXT}` }));
  const outcomes = await Promise.all(drafts.map((draft) => publisher.publish(draft)));
  return outcomes.map((outcome) => outcome.position);
}

/** Commits what waits for this channel's partition, up to `count` entries, as the persister does. */
async function persist(channel: string, count = 10_000): Promise<void> {
  const partition = partitions.of(channel);
  const entries = await readMessages(outbox, new Map([[partition, BEFORE_FIRST_ENTRY]]), count, 0);
  const last = entries.at(-1);
  if (last === undefined) return;
  const channels = new Map(entries.map((entry) => [entry.channel, entry.position]));
  await outbox.save(partition, { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false });
}

/** A channel that has said and stored all of it, so long ago. */
async function past(agoMs: number, count: number): Promise<string> {
  const channel = newChannel();
  const { head, log, partition } = keys.channel(channel);
  const firstMs = Date.now() - agoMs;
  const lines = redis.pipeline();
  for (let seq = 1; seq <= count; seq += 1) {
    const frame = `{"type":"message","channel":"${channel}","epoch":7,"seq":${seq},"at":${firstMs + seq},"body":"${TEXT}"}`;
    lines.xadd(log, `7-${seq}`, "f", frame);
  }
  await lines.exec();
  await redis.hset(head, { epoch: 7, seq: count, saved: `7-${count}`, prev: "0-0" });
  await redis.zadd(keys.partition(partition).shed, firstMs + 1, channel);
  return channel;
}

const logOf = async (channel: string): Promise<string[]> =>
  (await redis.xrange(keys.channel(channel).log, "-", "+")).map(([id]) => id);
const lengthOf = (channel: string): Promise<number> => redis.xlen(keys.channel(channel).log);
const idsOf = (positions: readonly Position[]): string[] => positions.map(({ epoch, seq }) => `${epoch}-${seq}`);

async function used(): Promise<number> {
  return Number(/\r\nused_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
}

/** Sets maxmemory so that this share of it is used. */
async function fillTo(share: number): Promise<void> {
  await redis.config("SET", "maxmemory", String(Math.round((await used()) / share)));
}

describe("a Redis with room", () => {
  it("loses nothing, with a limit or without one", async () => {
    const channel = await past(3_600_000, 50);
    expect(await shedding.fullness()).toBeUndefined();
    expect(await shedding.shed(everywhere, LONG_MS, false)).toEqual({ entries: 0, bytes: 0 });
    await fillTo(0.8);
    expect(await shedding.fullness()).toBeCloseTo(0.8, 1);
    expect(await shedding.shed(everywhere, LONG_MS, false)).toEqual({ entries: 0, bytes: 0 });
    expect(await lengthOf(channel)).toBe(50);
  });
});

describe("a Redis that is nearly full", () => {
  it("sheds until it has room, and no further", async () => {
    const channels = [await past(7_200_000, 1_500), await past(3_600_000, 1_500)];
    await fillTo(0.95);
    const shed = await shedding.shed(everywhere, LONG_MS, false);
    const left = (await Promise.all(channels.map(lengthOf))).reduce((sum, length) => sum + length, 0);
    expect(shed.entries).toBe(3_000 - left);
    expect(shed.bytes).toBeGreaterThan(shed.entries * TEXT.length);
    expect(await shedding.fullness()).toBeLessThanOrEqual(0.851);
    expect(await shedding.fullness()).toBeGreaterThan(0.75);
    expect(left).toBeGreaterThan(1_000);
  });

  it("sheds the oldest first, whatever channel and partition they are in", async () => {
    const [old, older, oldest] = [await past(3_600_000, 900), await past(7_200_000, 900), await past(9_000_000, 900)];
    await fillTo(0.95);
    await shedding.shed(everywhere, LONG_MS, false);
    expect(await lengthOf(old)).toBe(900);
    const left = await logOf(older);
    expect(left).toEqual(Array.from({ length: left.length }, (_, at) => `7-${900 - left.length + at + 1}`));
    expect(await lengthOf(oldest)).toBeLessThanOrEqual(left.length);
  });

  it("sheds what is younger than a minute only when nothing older is left", async () => {
    const young = newChannel();
    await say(young, 300);
    await persist(young);
    const channels = [await past(3_600_000, 1_000), await past(61_500, 300), await past(50_000, 300)];
    await fillTo(0.95);
    await shedding.shed(everywhere, LONG_MS, false);
    expect(await lengthOf(channels[0] ?? "")).toBeLessThan(1_000);
    expect(await lengthOf(channels[2] ?? "")).toBe(300);
    expect(await lengthOf(young)).toBe(300);
    await redis.config("SET", "maxmemory", "1000000");
    await shedding.shed(everywhere, LONG_MS, true);
    expect(await Promise.all([...channels.slice(0, 2), young].map(lengthOf))).toEqual([0, 0, 300]);
    await shedding.shed(everywhere, LONG_MS, false);
    for (const channel of [...channels, young]) expect(await lengthOf(channel)).toBe(0);
  });

  it("keeps whatever Postgres does not have, also across a change of epoch", async () => {
    const [half, none, turned] = [newChannel(), newChannel(), newChannel()];
    const halves = await say(half, 150);
    await persist(half, 60);
    const nones = await say(none, 30);
    const before = await say(turned, 20);
    await redis.debug("CHANGE-REPL-ID");
    const after = await say(turned, 20);
    const { head, partition } = keys.channel(turned);
    await redis.hset(head, "saved", idsOf(before)[9] ?? "");
    await redis.zadd(keys.partition(partition).shed, 1, turned);
    await redis.config("SET", "maxmemory", "1000000");
    const shed = await shedding.shed(everywhere, LONG_MS, false);
    expect(shed.entries).toBe(70);
    expect(await logOf(half)).toEqual(idsOf(halves.slice(60)));
    expect(await logOf(none)).toEqual(idsOf(nones));
    expect(await logOf(turned)).toEqual(idsOf([...before.slice(10), ...after]));
  });

  it("takes sends again: what was full of log that Postgres has makes room for what it does not have", async () => {
    const channel = newChannel();
    await say(channel, 900);
    await persist(channel);
    await fillTo(1.05);
    await expect(publisher.publish(publication(channel))).rejects.toMatchObject({ code: "overloaded" });
    await shedding.shed(everywhere, LONG_MS, false);
    const [position] = await say(channel, 1);
    expect(position?.seq).toBe(901);
    expect((await logOf(channel)).at(-1)).toBe(idsOf([position ?? { epoch: 0, seq: 0 }])[0]);
  });

  it("sheds for no longer than it is told to", async () => {
    await past(3_600_000, 500);
    await redis.config("SET", "maxmemory", "1000000");
    expect(await shedding.shed(everywhere, 0, false)).toEqual({ entries: 0, bytes: 0 });
  });
});

describe("the list of what may be shed", () => {
  it("names a channel once Postgres has some of it, and forgets it when nothing of that is left", async () => {
    const channel = newChannel();
    const { shed } = keys.partition(partitions.of(channel));
    await say(channel, 10);
    expect(await redis.zrange(shed, 0, "-1")).toEqual([]);
    await persist(channel, 4);
    expect(await redis.zrange(shed, 0, "-1")).toEqual([channel]);
    await redis.config("SET", "maxmemory", "1000000");
    await shedding.shed(everywhere, LONG_MS, false);
    expect(await lengthOf(channel)).toBe(6);
    expect(await redis.zrange(shed, 0, "-1")).toEqual([]);
    await redis.config("SET", "maxmemory", "0");
    await persist(channel);
    expect(await redis.zrange(shed, 0, "-1")).toEqual([channel]);
  });

  it("is tidied by and by: channels that left Redis by themselves are forgotten, others keep their log", async () => {
    const kept: string[] = [];
    for (let n = 0; n < 120; n += 1) {
      const channel = await past(3_600_000, 1);
      if (n % 3 === 0) kept.push(channel);
      else await redis.del(keys.channel(channel).head, keys.channel(channel).log);
    }
    for (let round = 0; round < 20; round += 1) await shedding.tidy(everywhere);
    const listed = await Promise.all(
      everywhere.map((partition) => redis.zrange(keys.partition(partition).shed, 0, "-1")),
    );
    expect(listed.flat().toSorted()).toEqual(kept.toSorted());
    expect(await Promise.all(kept.map(lengthOf))).toEqual(kept.map(() => 1));
  });

  it("learns at a tidying how old a log really is", async () => {
    const channel = await past(3_600_000, 10);
    const { shed } = keys.partition(partitions.of(channel));
    await redis.zadd(shed, 1, channel);
    for (const _ of everywhere) await shedding.tidy(everywhere);
    expect(Math.abs(Number(await redis.zscore(shed, channel)) - (Date.now() - 3_600_000))).toBeLessThan(60_000);
  });

  it("has nothing to tidy for who owns nothing", async () => {
    await expect(shedding.tidy([])).resolves.toBeUndefined();
  });
});
