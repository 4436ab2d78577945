// Contract of the drain where several batches are under way, on stores made for it: what fails takes with it what was read
// behind it and nothing else, each partition keeps its order, and a backlog of any length is held a few batches at a time.
import type { EntryId, OutboxEntry, SavedBatch } from "@rookery/broker";
import { compareEntryIds } from "@rookery/broker";
import type { Batch, SaveOutcome } from "@rookery/store";
import { eventually } from "@rookery/testkit";
import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import { afterEach, describe, expect, inject, it } from "vitest";
import { createDrain } from "./drain.ts";
import type { Drain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import { createOutage } from "./outage.ts";

const EPOCH = 1_760_000_000_000;
const BATCH = 40;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const away = (): Error => Object.assign(new Error("cut"), { code: "CONNECTION_CLOSED" });

/** A Redis and a Postgres with this many entries in each partition, which keep the rules that the real ones keep. */
function stores(backlog: readonly number[]) {
  const waiting = backlog.map((count, partition) => Array.from({ length: count }, (_, n) => entryOf(partition, n + 1)));
  const stored: number[][] = backlog.map(() => []);
  const wrongs: string[] = [];
  const under = new Set<number>();
  let [held, mostHeld, mostUnder] = [0, 0, 0];
  let saves = 0;
  return {
    stored,
    wrongs,
    mostHeld: () => mostHeld,
    mostUnder: () => mostUnder,
    isDrained: () => waiting.every((entries) => entries.length === 0),
    async read(after: ReadonlyMap<number, EntryId>, limit: number): Promise<OutboxEntry[]> {
      await later(1);
      const share = Math.max(1, Math.floor(limit / after.size));
      const found = [...after].flatMap(([partition, id]) =>
        (waiting[partition] ?? []).filter((entry) => compareEntryIds(entry.id, id) > 0).slice(0, share),
      );
      held += found.length;
      mostHeld = Math.max(mostHeld, held);
      return found;
    },
    /** One transaction, that may fail before it or after. */
    async save(batch: Batch, fails: "before" | "after" | "never", wait: Promise<void>): Promise<SaveOutcome> {
      saves += 1;
      const partitions = new Set(batch.entries.map(({ partition }) => partition));
      for (const partition of partitions)
        if (under.has(partition)) wrongs.push(`two batches of partition ${partition}`);
      for (const partition of partitions) under.add(partition);
      mostUnder = Math.max(mostUnder, saves);
      try {
        await wait;
        if (fails === "before") throw away();
        const last = (partition: number): number => stored[partition]?.length ?? 0;
        const behind = [...partitions].filter((one) => last(one) < (batch.readAfter.get(one)?.number ?? 0));
        if (behind.length > 0) {
          wrongs.push(`a batch was sent that misses an earlier one of ${behind.join(", ")}`);
          return { kind: "behind", partitions: behind };
        }
        for (const { partition, id } of batch.entries)
          if (id.number > last(partition)) stored[partition]?.push(id.number);
        if (fails === "after") throw away();
        return savedOutcome(batch);
      } finally {
        for (const partition of partitions) under.delete(partition);
        held -= batch.entries.length;
        saves -= 1;
      }
    },
    trim(partition: number, { last }: SavedBatch): Promise<void> {
      if (last.number > (stored[partition]?.length ?? 0)) wrongs.push(`partition ${partition} was saved too early`);
      waiting[partition] = (waiting[partition] ?? []).filter(({ id }) => compareEntryIds(id, last) > 0);
      return Promise.resolve();
    },
  };
}

function entryOf(partition: number, number: number): OutboxEntry {
  const position = { epoch: EPOCH, seq: number };
  const id = { epoch: EPOCH, number };
  return { kind: "message", partition, id, channel: `c${partition}`, position, frame: "{}", cumulativeBytes: number };
}

function savedOutcome({ entries }: Batch): SaveOutcome {
  const none = { skipped: 0, quarantined: 0, deadLetters: [], raised: [], unstored: [], heads: new Map() };
  return { kind: "saved", inserted: entries.length, ...none, reached: new Map() };
}

const running: Drain[] = [];
afterEach(() => Promise.all(running.splice(0).map((drain) => drain.stop())));

function start(at: ReturnType<typeof stores>, partitions: number, save: (batch: Batch) => Promise<SaveOutcome>): void {
  const drain = createDrain({
    outbox: { read: (after, limit) => at.read(after, limit), save: (...told) => at.trim(...told) },
    save,
    ...{ batchEntries: BATCH, lingerMs: 0 },
    redis: createOutage("Redis", silent),
    postgres: createOutage("Postgres", silent),
    holds: createHolds({ log: silent, streamOf: String }),
  });
  drain.own(Array.from({ length: partitions }, (_, partition) => partition));
  drain.start();
  running.push(drain);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

describe("two batches under way", () => {
  it("share no partition, and what fails of one is read again while the other goes on", async () => {
    const backlog = [200, 200, 200, 200];
    const at = stores(backlog);
    let failing: (() => void) | undefined;
    const failed = new Set<number>();
    const beside: number[] = [];
    start(at, backlog.length, async (batch) => {
      const [first] = batch.entries;
      const isDeep = new Set(batch.entries.map(({ partition }) => partition)).size === 1;
      // The first that is read deeply fails only once another has gone all the way beside it.
      if (isDeep && failing === undefined && first !== undefined) {
        failed.add(first.partition);
        return at.save(batch, "before", new Promise((resolve) => (failing = resolve)));
      }
      const outcome = await at.save(batch, "never", Promise.resolve());
      if (failing !== undefined) beside.push(...batch.entries.map(({ partition }) => partition));
      failing?.();
      return outcome;
    });
    await eventually(at.isDrained);
    expect(at.wrongs).toEqual([]);
    expect(at.stored).toEqual(backlog.map(upTo));
    expect(at.mostUnder()).toBe(2);
    expect(failed.size).toBe(1);
    expect(beside.length).toBeGreaterThan(0);
  });
});

describe("whatever fails and in whatever order batches come back", () => {
  const schedule = array(
    record({
      fails: constantFrom("never", "never", "never", "before", "after"),
      turns: integer({ min: 0, max: 30 }),
    }),
    { minLength: 1, maxLength: 8 },
  );

  it("each partition is stored once and in its order, and is saved only then", async () => {
    await assert(asyncProperty(schedule, array(integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 7 }), run), {
      numRuns: 12 * inject("fuzzTimes"),
    });
  });

  async function run(steps: { fails: "never" | "before" | "after"; turns: number }[], backlog: number[]) {
    const at = stores(backlog);
    let next = 0;
    start(at, backlog.length, (batch) => {
      const { fails, turns } = steps[next] ?? { fails: "never", turns: 0 };
      next += 1;
      return at.save(batch, fails, later(turns));
    });
    await eventually(at.isDrained);
    await running.pop()?.stop();
    expect(at.wrongs).toEqual([]);
    expect(at.stored).toEqual(backlog.map(upTo));
  }
});

describe("a long backlog", () => {
  it("is held three batches at a time: two under way and one that was read", async () => {
    const backlog = Array.from({ length: 16 }, () => 500);
    const at = stores(backlog);
    start(at, backlog.length, (batch) => at.save(batch, "never", later(5)));
    await eventually(at.isDrained);
    expect(at.stored).toEqual(backlog.map(upTo));
    expect(at.mostHeld()).toBeLessThanOrEqual(3 * BATCH);
    expect(at.mostUnder()).toBe(2);
  });
});

/** So many turns of the loop later. */
async function later(turns: number): Promise<void> {
  for (let n = 0; n < turns; n += 1) await new Promise((resolve) => setImmediate(resolve));
}
