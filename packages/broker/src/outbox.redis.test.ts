// Reading the outbox, and the save script: it only raises, trims behind what is committed and may be repeated at will.
import type { Position } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { connectRedis } from "./connect.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import { createEpochFloors } from "./floors.ts";
import { createOutbox } from "./outbox.ts";
import type { MessageEntry, OutboxEntry } from "./outbox-entry.ts";
import type { SavedBatch } from "./outbox.ts";
import { connected, contentsOf, keys, newChannel, partitions, readerOn, readMessages } from "./publishing.suite.ts";
import { publisherOn, publishMany } from "./publishing.suite.ts";
import { parseAnnouncement } from "./watermark.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);
const publisher = publisherOn(connection);
const outbox = createOutbox({ connection, reader, keys, logEntries: 5, idleMs: 60_000 });

beforeEach(() => server.flush());

const everywhere: ReadonlyMap<number, EntryId> = new Map(
  Array.from({ length: partitions.count }, (_, partition) => [partition, BEFORE_FIRST_ENTRY]),
);

const anyNumber: unknown = expect.any(Number);
const anyLoads: unknown = expect.any(Array);

/** A channel of this partition that no other test has. */
function channelIn(partition: number): string {
  for (;;) {
    const channel = newChannel();
    if (partitions.of(channel) === partition) return channel;
  }
}

/** What a transaction that committed these entries of one partition tells. */
function batchOf(entries: readonly MessageEntry[]): SavedBatch {
  const last = entries.at(-1);
  if (last === undefined) throw new Error("no entries");
  const channels = new Map<string, Position>(entries.map(({ channel, position }) => [channel, position]));
  return { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false };
}

const inPartition = <Entry extends OutboxEntry>(entries: readonly Entry[], partition: number): Entry[] =>
  entries.filter((entry) => entry.partition === partition);

describe("reading the outbox", () => {
  it("gives each entry as it was published", async () => {
    const channel = channelIn(1);
    const [first] = await publishMany(publisher, channel, 1);
    await redis.debug("CHANGE-REPL-ID");
    const [second] = await publishMany(publisher, channel, 1);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    const log = await redis.xrange(keys.channel(channel).log, "-", "+");
    expect(entries).toEqual([
      {
        ...{ partition: 1, kind: "message", channel, position: first, frame: log[0]?.[1][1] },
        ...{ id: { epoch: first?.epoch, number: 1 }, cumulativeBytes: anyNumber },
      },
      {
        ...{ partition: 1, kind: "message", channel, position: second, prev: first, frame: log[1]?.[1][1] },
        ...{ id: { epoch: second?.epoch, number: 2 }, cumulativeBytes: anyNumber },
      },
    ]);
    const [head] = entries;
    expect(await readMessages(outbox, new Map([[1, head?.id ?? BEFORE_FIRST_ENTRY]]), 10, 0)).toEqual(entries.slice(1));
    expect(await readMessages(outbox, new Map([[2, BEFORE_FIRST_ENTRY]]), 10, 0)).toEqual([]);
  });

  it("gives what nobody can read as such, and what stands behind it", async () => {
    const channel = channelIn(1);
    const stream = keys.partition(1).outbox;
    const fields = ["c", channel, "f", "{}"];
    await redis.xadd(stream, "5-1", "k", "audit", ...fields);
    await redis.xadd(stream, "5-2", "what", "ever");
    await redis.xadd(stream, "5-3", "k", "Edit!", "b", "9", ...fields);
    await redis.xadd(stream, "5-4", "k", "message", "b", "9", ...fields);
    await publishMany(publisher, channel, 1);
    const entries = await outbox.read(everywhere, 10, 0);
    expect(entries.map(({ id, kind }) => [id.number, kind])).toEqual([
      ...[1, 2, 3, 4].map((number) => [number, "malformed"]),
      [entries[4]?.id.number, "message"],
    ]);
    const faults = entries.map((entry) => (entry.kind === "malformed" ? entry.fault : ""));
    expect(faults).toEqual([/"audit"/, /""/, /"Edit!"/, /"message"/, /^$/].map((said) => expect.stringMatching(said)));
    expect(entries[1]).toMatchObject({ frame: "what ever", channel: "" });
  });

  it.each([10, 2])("gives nothing that stands behind an entry of an unknown kind, %i at a time", async (limit) => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 1);
    const stream = keys.partition(1).outbox;
    const [first] = await redis.xrange(stream, "-", "+");
    const [epoch] = first?.[0].split("-") ?? [];
    await redis.xadd(stream, `${epoch}-2`, "k", "constructor", "b", "900", "what", "ever");
    await redis.xadd(stream, `${epoch}-3`, "k", "message", "b", "1000", "c", channel, "p", `${epoch}-2`, "f", "{}");
    const alone = new Map([[1, BEFORE_FIRST_ENTRY]]);
    const entries = await outbox.read(alone, limit, 0);
    const id = { epoch: Number(epoch), number: 2 };
    expect(entries.slice(1)).toEqual([{ kind: "unknown", name: "constructor", partition: 1, id }]);
    expect(entries[0]).toMatchObject({ kind: "message", id: { number: 1 } });
    expect(await outbox.read(new Map([[1, { ...id, number: 1 }]]), limit, 2_000)).toHaveLength(1);
    // Elsewhere everything goes on.
    await publishMany(publisher, channelIn(2), 1);
    const all = await outbox.read(everywhere, 10, 0);
    expect([1, 2].map((partition) => inPartition(all, partition).length)).toEqual([2, 1]);
  });

  it("says how long the oldest message waits also behind an entry that tells no time", async () => {
    const channel = channelIn(1);
    await redis.xadd(keys.partition(1).outbox, "5-1", "k", "later", "b", "9");
    expect((await outbox.waiting()).oldestAtMs).toBeUndefined();
    const beforeMs = Date.now() - 5_000;
    await publishMany(publisher, channel, 1);
    expect((await outbox.waiting()).oldestAtMs).toBeGreaterThan(beforeMs);
  });

  it("never gives more than the limit, and gives each partition its share", async () => {
    for (const partition of everywhere.keys()) await publishMany(publisher, channelIn(partition), 10);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    expect(entries).toHaveLength(10);
    for (const partition of everywhere.keys()) {
      expect(inPartition(entries, partition).length).toBeGreaterThanOrEqual(2);
      expect(inPartition(entries, partition).map((entry) => entry.id.number)).toEqual(
        inPartition(entries, partition).map((_, at) => at + 1),
      );
    }
  });

  it("gives the whole limit to the one partition that has something", async () => {
    await publishMany(publisher, channelIn(2), 30);
    const entries = await readMessages(outbox, everywhere, 25, 0);
    expect(entries.map((entry) => entry.id.number)).toEqual(Array.from({ length: 25 }, (_, at) => at + 1));
  });

  it("starves no partition when the limit is smaller than their number", async () => {
    for (const partition of everywhere.keys()) await publishMany(publisher, channelIn(partition), 5);
    const seen = new Set<number>();
    for (let round = 0; round < partitions.count; round += 1) {
      for (const entry of await readMessages(outbox, everywhere, 1, 0)) seen.add(entry.partition);
    }
    expect(seen.size).toBe(partitions.count);
  });

  it("waits for an entry, and gives it as soon as it is there", async () => {
    const channel = channelIn(3);
    const startedMs = performance.now();
    const waiting = readMessages(outbox, everywhere, 10, 2_000);
    await publishMany(publisher, channel, 1);
    expect(await waiting).toHaveLength(1);
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    expect(await readMessages(outbox, new Map([[0, BEFORE_FIRST_ENTRY]]), 10, 20)).toEqual([]);
  });

  it("is unavailable without Redis", async () => {
    const lost = connectRedis({ url: "redis://127.0.0.1:1", use: "outbox", commandTimeoutMs: 100 });
    afterAll(() => lost.disconnect());
    const away = createOutbox({ connection: lost, reader: lost, keys, logEntries: 1_000 });
    const nothing = { last: { epoch: 1, number: 1 }, cumulativeBytes: 0, channels: new Map(), unstored: false };
    await expect(away.read(everywhere, 1, 0)).rejects.toMatchObject({ code: "unavailable" });
    await expect(away.save(0, nothing)).rejects.toMatchObject({ code: "unavailable" });
    await expect(away.waiting()).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("saving", () => {
  it("raises saved, empties the outbox up to the entry, counts its bytes off and announces the watermark", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 4);
    const listener = redis.duplicate();
    const heard: string[] = [];
    listener.on("smessage", (_topic: string, text: string) => heard.push(text));
    await listener.ssubscribe(keys.partition(1).control);
    const entries = await readMessages(outbox, everywhere, 3, 0);
    await outbox.save(1, batchOf(entries));
    const third = entries[2];
    const stored = `${third?.id.epoch}-3`;
    await expect.poll(() => heard).toEqual([`{"stored":"${stored}","unstored":0}`]);
    listener.disconnect();
    expect(await redis.hget(keys.channel(channel).head, "saved")).toBe(`${third?.position.epoch}-3`);
    const part = await redis.hgetall(keys.partition(1).part);
    expect(part).toMatchObject({ stored, out: `${third?.cumulativeBytes}` });
    const left = await readMessages(outbox, everywhere, 10, 0);
    expect(left.map((entry) => entry.id.number)).toEqual([4]);
    expect(await outbox.waiting()).toEqual({
      entries: 1,
      bytes: (left[0]?.cumulativeBytes ?? 0) - (third?.cumulativeBytes ?? 0),
      loads: anyLoads,
      oldestAtMs: anyNumber,
    });
    await outbox.save(1, batchOf(left));
    expect(await outbox.waiting()).toEqual({ entries: 0, bytes: 0, loads: anyLoads });
  });

  it("changes nothing when repeated or when it comes too late", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 9);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    const early = batchOf(entries.slice(0, 3));
    const later = batchOf(entries.slice(3, 8));
    await outbox.save(1, early);
    await outbox.save(1, later);
    const after = await contentsOf(server);
    await outbox.save(1, later);
    await outbox.save(1, early);
    expect(await contentsOf(server)).toEqual(after);
    expect((await outbox.waiting()).entries).toBe(1);
  });

  it("announces the watermark that stands, also when nothing was raised", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 2);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    await outbox.save(1, batchOf(entries));
    const listener = redis.duplicate();
    const heard: string[] = [];
    listener.on("smessage", (_topic: string, text: string) => heard.push(text));
    await listener.ssubscribe(keys.partition(1).control);
    await outbox.save(1, batchOf(entries.slice(0, 1)));
    await expect.poll(() => heard).toEqual([`{"stored":"${entries[1]?.id.epoch}-2","unstored":0}`]);
    listener.disconnect();
  });

  it("tells with every watermark how often something was no row of its own, from the one that covers it on", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 3);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    const listener = redis.duplicate();
    const heard: unknown[] = [];
    listener.on("smessage", (_topic: string, text: string) => heard.push(parseAnnouncement(text)));
    await listener.ssubscribe(keys.partition(1).control);
    for (const [at, unstored] of [false, true, false].entries()) {
      await outbox.save(1, { ...batchOf(entries.slice(at, at + 1)), unstored });
    }
    const mark = (at: number, unstored: number) => ({ upTo: entries[at]?.id, unstored });
    await expect.poll(() => heard).toEqual([mark(0, 0), mark(1, 1), mark(2, 1)]);
    listener.disconnect();
  });

  it("trims the log behind saved only, down to what it keeps", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 20);
    const { log } = keys.channel(channel);
    const entries = await readMessages(outbox, everywhere, 100, 0);
    await outbox.save(1, batchOf(entries.slice(0, 2)));
    expect(await redis.xlen(log)).toBe(18);
    await outbox.save(1, batchOf(entries.slice(2, 18)));
    expect(await redis.xlen(log)).toBe(5);
    const [oldest] = await redis.xrange(log, "-", "+", "COUNT", 1);
    expect(oldest?.[0].split("-")[1]).toBe("16");
  });

  it("does not trim by a count that spans two epochs", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 8);
    await redis.debug("CHANGE-REPL-ID");
    await publishMany(publisher, channel, 8);
    const entries = await readMessages(outbox, everywhere, 100, 0);
    await outbox.save(1, batchOf(entries.slice(0, 7)));
    expect(await redis.xlen(keys.channel(channel).log)).toBe(16);
    await outbox.save(1, batchOf(entries.slice(7, 9)));
    expect(await redis.xlen(keys.channel(channel).log)).toBe(7);
  });

  it("lets an idle channel expire once all of it is saved, until the next message", async () => {
    const channel = channelIn(1);
    const { head, log } = keys.channel(channel);
    await publishMany(publisher, channel, 2);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    await outbox.save(1, batchOf(entries.slice(0, 1)));
    expect([await redis.pttl(head), await redis.pttl(log)]).toEqual([-1, -1]);
    await outbox.save(1, batchOf(entries));
    for (const name of [head, log]) {
      expect(await redis.pttl(name)).toBeGreaterThan(50_000);
      expect(await redis.pttl(name)).toBeLessThanOrEqual(60_000);
    }
    await publishMany(publisher, channel, 1);
    expect([await redis.pttl(head), await redis.pttl(log)]).toEqual([-1, -1]);
  });

  it("touches no head that is not there, and no partition", async () => {
    const channel = channelIn(1);
    const saved = {
      last: { epoch: 7, number: 3 },
      cumulativeBytes: 300,
      unstored: false,
      channels: new Map([[channel, { epoch: 7, seq: 3 }]]),
    };
    await outbox.save(1, saved);
    expect(await contentsOf(server)).toEqual({});
  });

  it("saves more channels than one run takes", async () => {
    const channels = Array.from({ length: 450 }, () => channelIn(1));
    await Promise.all(channels.map((channel) => publishMany(publisher, channel, 1)));
    const entries = await readMessages(outbox, everywhere, 1_000, 0);
    expect(entries).toHaveLength(450);
    await outbox.save(1, batchOf(entries));
    const saved = await Promise.all(channels.map((channel) => redis.hget(keys.channel(channel).head, "saved")));
    expect(saved.every((text) => text?.endsWith("-1") === true && text !== "0-0")).toBe(true);
    expect(await outbox.waiting()).toEqual({ entries: 0, bytes: 0, loads: anyLoads });
  });

  it("works while Redis has no memory left", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 2);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    await redis.config("SET", "maxmemory", "1");
    try {
      await outbox.save(1, batchOf(entries));
      expect((await outbox.waiting()).entries).toBe(0);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
  });
});

describe("saving after a failover", () => {
  it("trims nothing that a master of a lower epoch numbered, and puts the next epoch above", async () => {
    const channel = channelIn(1);
    const [first] = await publishMany(publisher, channel, 2);
    const before = await redis.xlen(keys.partition(1).outbox);
    const other = { epoch: (first?.epoch ?? 0) + 1_000_000_000, number: 50 };
    const position = { epoch: other.epoch, seq: 9 };
    await outbox.save(1, {
      last: other,
      cumulativeBytes: 5_000,
      channels: new Map([[channel, position]]),
      unstored: false,
    });
    expect(await redis.xlen(keys.partition(1).outbox)).toBe(before);
    expect(await redis.hget(keys.partition(1).part, "stored")).toBeNull();
    const [next] = await publishMany(publisher, channel, 1);
    expect(next?.epoch).toBeGreaterThan(other.epoch);
    expect(next?.seq).toBe(10);
  });

  it("trims exactly what was committed when it was numbered below what is stored, and puts the next epoch above", async () => {
    const channel = channelIn(1);
    const [first] = await publishMany(publisher, channel, 3);
    const entries = await readMessages(outbox, everywhere, 2, 0);
    const reached = { epoch: (first?.epoch ?? 0) + 1_000_000_000, number: 50 };
    await outbox.save(1, { ...batchOf(entries), reached });
    const left = await readMessages(outbox, everywhere, 10, 0);
    expect(left.map(({ id }) => id.number)).toEqual([3]);
    expect(await redis.hget(keys.partition(1).part, "stored")).toBe(`${first?.epoch}-2`);
    const [next] = await publishMany(publisher, channel, 1);
    expect(next?.epoch).toBeGreaterThan(reached.epoch);
    // Another persister that committed what an earlier Redis had numbered: its entry is not in this outbox.
    await outbox.save(1, { ...batchOf(entries), last: reached, cumulativeBytes: 9_000, reached });
    expect((await readMessages(outbox, everywhere, 10, 0)).map(({ id }) => id.number)).toEqual([3, 4]);
  });

  it("keeps the count of waiting bytes honest across epochs", async () => {
    const channel = channelIn(1);
    await publishMany(publisher, channel, 3);
    const old = await readMessages(outbox, everywhere, 10, 0);
    await redis.debug("CHANGE-REPL-ID");
    await publishMany(publisher, channel, 3);
    const all = await readMessages(outbox, everywhere, 10, 0);
    // the old master had counted further than this one knows
    await outbox.save(1, { ...batchOf(old), cumulativeBytes: 1_000_000 });
    expect((await outbox.waiting()).bytes).toBeGreaterThan(0);
    await outbox.save(1, batchOf(all.slice(0, 5)));
    const [last, fifth] = [all[5], all[4]];
    expect((await outbox.waiting()).bytes).toBe((last?.cumulativeBytes ?? 0) - (fifth?.cumulativeBytes ?? 0));
    await outbox.save(1, batchOf(all));
    expect(await outbox.waiting()).toEqual({ entries: 0, bytes: 0, loads: anyLoads });
  });

  it("does not let the next message expire with the channel when Postgres knows more than this Redis", async () => {
    const channel = channelIn(1);
    const [first] = await publishMany(publisher, channel, 1);
    const entries = await readMessages(outbox, everywhere, 10, 0);
    const further = { epoch: first?.epoch ?? 0, seq: 3 };
    await outbox.save(1, { ...batchOf(entries), channels: new Map([[channel, further]]) });
    expect(await redis.pttl(keys.channel(channel).head)).toBeGreaterThan(0);
    await redis.debug("CHANGE-REPL-ID");
    const floors = createEpochFloors();
    const [next] = await publishMany(publisherOn(connection, { floors }), channel, 1);
    expect(next?.seq).toBe(4);
    expect(floors.of(1)).toBe(next?.epoch);
    expect(await redis.pttl(keys.channel(channel).head)).toBe(-1);
  });
});
