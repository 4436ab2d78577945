// Contract of what is noted for those who have to answer: it reaches the outbox in its order and once, takes no more of it than
// its share, gives way before messages do, and what it leaves out is counted and told.
import { testRedis } from "@rookery/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditRecord, AuditTrail } from "./audit.ts";
import { limitOf } from "./budget.ts";
import { createAuditTrail } from "./create-audit-trail.ts";
import type { AuditTrailOptions } from "./create-audit-trail.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createEpochFloors } from "./floors.ts";
import type { AuditEntry } from "./outbox-entry.ts";
import { createOutbox } from "./outbox.ts";
import { connected, keys, newChannel, partitions, publication, publisherOn, readerOn } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);
const outbox = createOutbox({ connection, reader, keys, logEntries: 100 });
const part = (partition: number): string => keys.partition(partition).part;

const trails: AuditTrail[] = [];
function trailOn(options: Partial<AuditTrailOptions> = {}): AuditTrail {
  const trail = createAuditTrail({
    ...{ connection, keys, floors: createEpochFloors(), readFloors: () => Promise.resolve(), gatherMs: 1 },
    ...{ outboxMaxBytes: 2 ** 26, node: () => "edge-1.a", ...options },
  });
  trails.push(trail);
  return trail;
}

beforeEach(() => server.flush());
afterEach(() => Promise.all(trails.splice(0).map((trail) => trail.close())));

function userIn(partition: number): string {
  for (let n = 0; ; n += 1) if (partitions.ofUser(`user-${n}`) === partition) return `user-${n}`;
}

const bare = { subject: null, channel: null, node: "edge-1.a", address: null, reason: null, data: null };
const connect = (actor: string, over: Partial<AuditRecord> = {}): AuditRecord => ({
  kind: "connect",
  actor,
  ...bare,
  ...over,
});

async function entriesIn(partition: number): Promise<AuditEntry[]> {
  const found = await outbox.read(new Map([[partition, BEFORE_FIRST_ENTRY]]), 10_000, 0);
  return found.filter((entry) => entry.kind === "audit");
}
const recordsIn = async (partition: number): Promise<Record<string, unknown>[]> =>
  (await entriesIn(partition)).map(({ frame }) => {
    const record: Record<string, unknown> = JSON.parse(frame);
    return record;
  });
const saveAll = async (partition: number): Promise<void> => {
  const last = (await outbox.read(new Map([[partition, BEFORE_FIRST_ENTRY]]), 10_000, 0)).at(-1);
  if (last === undefined || !("cumulativeBytes" in last)) throw new Error("nothing to save");
  const { id, cumulativeBytes } = last;
  const auditedBytes = last.kind === "audit" ? last.auditedBytes : undefined;
  await outbox.save(partition, { last: id, cumulativeBytes, channels: new Map(), unstored: false, auditedBytes });
};

describe("what is noted", () => {
  it("stands in the partition of its user, in its order, with Redis' time and an id of its own", async () => {
    const trail = trailOn();
    const [one, two] = [userIn(1), userIn(2)];
    for (let n = 0; n < 250; n += 1) trail.note(one, connect(one, { data: { n } }));
    trail.note(two, connect(two, { id: "given", reason: 'a "reason"\n\u{1f980}' }));
    await trail.settled();
    const records = await recordsIn(1);
    expect(records.map(({ data }) => data)).toEqual(Array.from({ length: 250 }, (_, n) => ({ n })));
    expect(new Set(records.map(({ id }) => id)).size).toBe(250);
    const nowMs = Date.now();
    for (const { at } of records) expect(Math.abs(Number(at) - nowMs)).toBeLessThan(60_000);
    const [other] = await recordsIn(2);
    expect(other).toEqual({
      ...other,
      id: "given",
      kind: "connect",
      actor: two,
      node: "edge-1.a",
      reason: 'a "reason"\n\u{1f980}',
    });
    expect(trail.waiting()).toBe(0);
  });

  it("is numbered in one line with messages, and its bytes are counted until they are saved", async () => {
    const publisher = publisherOn(connection);
    const channel = channelIn(1);
    const trail = trailOn();
    await publisher.publish(publication(channel));
    trail.note(userIn(1), connect("ada"));
    await trail.settled();
    await publisher.publish(publication(channel));
    const kinds = (await outbox.read(new Map([[1, BEFORE_FIRST_ENTRY]]), 10, 0)).map(({ kind, id }) => [
      kind,
      id.number,
    ]);
    expect(kinds).toEqual([
      ["message", 1],
      ["audit", 2],
      ["message", 3],
    ]);
    const audited = Number(await redis.hget(part(1), "audited"));
    expect(audited).toBeGreaterThan(100);
    const [entry] = await entriesIn(1);
    expect(entry?.auditedBytes).toBe(audited);
    await saveAll(1);
    expect(await redis.hmget(part(1), "unaudited")).toEqual([String(audited)]);
  });

  it("waits while Redis may be another cluster's or the floor is not known, and is then queued", async () => {
    let trouble: string | undefined = "whose is it";
    let floorsRead = 0;
    const floors = createEpochFloors();
    const readFloors = (): Promise<void> => {
      floorsRead += 1;
      if (floorsRead === 1) return Promise.reject(new Error("Postgres is away"));
      floors.see(1, 9e15 / 2);
      return Promise.resolve();
    };
    const trail = trailOn({ trouble: () => trouble, readFloors, floors });
    trail.note(userIn(1), connect("ada"));
    await expect.poll(() => trail.waiting()).toBe(1);
    expect(await redis.exists(part(1))).toBe(0);
    trouble = undefined;
    await trail.settled();
    expect((await entriesIn(1)).map(({ id }) => id.epoch)).toEqual([9e15 / 2 + 1]);
  });

  it("of a process that stops is in Redis before it is gone", async () => {
    const trail = trailOn({ gatherMs: 60_000 });
    for (let n = 0; n < 500; n += 1) trail.note(`user-${n}`, connect(`user-${n}`));
    await trail.close();
    const counts = await Promise.all([0, 1, 2, 3].map(async (each) => (await entriesIn(each)).length));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(500);
    trail.note("late", connect("late"));
    expect(trail.waiting()).toBe(0);
  });

  it("beyond what a process may hold is left out, counted, and told before what comes after it", async () => {
    let trouble: string | undefined = "not yet";
    const trail = trailOn({ mostWaiting: 3, trouble: () => trouble });
    for (let n = 0; n < 10; n += 1) trail.note(userIn(1), connect("ada", { data: { n } }));
    expect(trail.waiting()).toBe(3);
    trouble = undefined;
    await trail.settled();
    trail.note(userIn(1), connect("ada", { data: { n: 10 } }));
    await trail.settled();
    const told = (await recordsIn(1)).map(({ kind, data }) => [kind, data]);
    expect(told).toHaveLength(5);
    expect(told).toContainEqual(["left_out", { count: 7 }]);
    expect(told.at(-1)).toEqual(["connect", { n: 10 }]);
  });
});

describe("the share of the outbox that audit records may hold", () => {
  const BUDGET = 100_000;
  const mostBytes = BUDGET / 4 / partitions.count;
  const fill = async (trail: AuditTrail, partition: number): Promise<void> => {
    for (let n = 0; n < 300; n += 1) trail.note(userIn(partition), connect("ada", { reason: "x".repeat(100) }));
    await trail.settled();
  };
  const left = (records: readonly Record<string, unknown>[]): number =>
    records.reduce((sum, { data }) => sum + Number(/"count":(\d+)/.exec(JSON.stringify(data ?? {}))?.[1] ?? 0), 0);

  it("is a quarter of the budget: messages go on, and what is left out is told once there is room", async () => {
    const trail = trailOn({ outboxMaxBytes: BUDGET });
    await fill(trail, 1);
    const queued = await recordsIn(1);
    expect(queued.length).toBeGreaterThan(5);
    expect(queued.length).toBeLessThan(300);
    expect(Number(await redis.hget(part(1), "audited"))).toBeLessThanOrEqual(mostBytes + 200);
    const publisher = publisherOn(connection, { outboxMaxBytes: BUDGET });
    expect((await publisher.publish(publication(channelIn(1)))).position.seq).toBe(1);
    await saveAll(1);
    // Nobody needs to connect for it to be told.
    const noted = queued.filter(({ kind }) => kind === "connect").length;
    await expect.poll(async () => left(queued) + left(await recordsIn(1))).toBe(300 - noted);
  });

  it("reaches a tenth beyond the budget, where messages are refused", async () => {
    const setWaiting = async (spent: number): Promise<void> => {
      const limit = Math.floor(limitOf(BUDGET / 2, spent, BUDGET, partitions.count));
      await redis.hset(part(1), { in: BUDGET / 2, out: 0, limit });
    };
    const publisher = publisherOn(connection, { outboxMaxBytes: BUDGET });
    const trail = trailOn({ outboxMaxBytes: BUDGET });
    trail.note(userIn(1), connect("first"));
    await trail.settled();
    await setWaiting(BUDGET * 1.05);
    await expect(publisher.publish(publication(channelIn(1)))).rejects.toMatchObject({ code: "overloaded" });
    trail.note(userIn(1), connect("second"));
    await trail.settled();
    expect((await recordsIn(1)).map(({ actor }) => actor)).toEqual(["first", "second"]);
    await setWaiting(BUDGET * 1.11);
    trail.note(userIn(1), connect("third"));
    await trail.settled();
    expect((await recordsIn(1)).map(({ actor }) => actor)).toEqual(["first", "second"]);
  });

  it("is refused in a full Redis without being lost", async () => {
    const trail = trailOn();
    trail.note(userIn(1), connect("first"));
    await trail.settled();
    await redis.config("SET", "maxmemory", "1");
    trail.note(userIn(1), connect("second"));
    await expect.poll(() => trail.waiting()).toBe(1);
    await redis.config("SET", "maxmemory", "0");
    await trail.settled();
    expect((await recordsIn(1)).map(({ actor }) => actor)).toEqual(["first", "second"]);
  });
});

describe("the end of a chain", () => {
  it("is kept beside Postgres with every save, and never set back", async () => {
    const trail = trailOn();
    trail.note(userIn(1), connect("ada"));
    await trail.settled();
    const [entry] = await entriesIn(1);
    if (entry === undefined) throw new Error("no entry");
    const saved = { last: entry.id, cumulativeBytes: entry.cumulativeBytes, channels: new Map(), unstored: false };
    await outbox.save(1, { ...saved, head: { n: 12, mac: "ab" } });
    expect(await redis.hget(part(1), "head")).toBe("12|ab");
    await outbox.save(1, { ...saved, head: { n: 9, mac: "cd" } });
    await outbox.save(1, saved);
    expect(await redis.hget(part(1), "head")).toBe("12|ab");
  });
});

function channelIn(partition: number): string {
  for (;;) {
    const channel = newChannel();
    if (partitions.of(channel) === partition) return channel;
  }
}
