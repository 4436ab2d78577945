// Makes room in a Redis that is nearly full: takes the log that Postgres has out of it, the oldest first. A cache yields to
// the path of writing. Called by the persister, whenever it sees how full Redis is, for the partitions that it drains.
// Must never take what is not saved: shed.lua sees to it. Every run of it is bounded, so that nobody waits for long.
import { answered } from "./answered.ts";
import { mastersOf } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { parseInfo } from "./fitness.ts";
import type { Keys } from "./keys.ts";

/** Used share of maxmemory from which on log is shed, and down to which. */
export const SHED_FROM = 0.9;
const SHED_DOWN_TO = 0.85;

/** Who resumes or heals reads mostly what is younger: those entries go last. */
const YOUNG_MS = 60_000;
/** One round takes what is at most this much younger than the oldest, as a share of its age: so the oldest goes first. */
const GRAIN = 1 / 8;
const GRAIN_MS = 1_000;

/** Entries that one run of the script takes: with messages of 4 kB about 0.2 ms of Redis. */
const ENTRIES_PER_RUN = 100;
/** Runs between two looks at which channels have the oldest entries. */
const RUNS_PER_ROUND = 16;
/** Channels of one partition among them. */
const CHANNELS_PER_PARTITION = 4;
/** Channels that one round of tidying looks at. */
const TIDIED_CHANNELS = 20;

export interface Shed {
  readonly entries: number;
  /** of their frames */
  readonly bytes: number;
}

/** Every method throws ChatError `unavailable`. */
export interface Shedding {
  /** Used share of maxmemory of the fullest master; undefined when none has a limit. */
  fullness(): Promise<number | undefined>;
  /**
   * Takes saved entries of these partitions on masters that are nearly full, until they have room, nothing is left to take
   * or the time is over. `sparesYoung`: nothing of the last minute, which those who heal read and Postgres cannot give now.
   */
  shed(partitions: readonly number[], forMs: number, sparesYoung: boolean): Promise<Shed>;
  /** Forgets some channels that left Redis by themselves, and notes how old others are: a little at each call, in turn. */
  tidy(partitions: readonly number[]): Promise<void>;
}

/** A channel and when the oldest entry that may be taken from it was sent, on the clock of Redis. */
interface Candidate {
  readonly partition: number;
  readonly channel: string;
  readonly oldestMs: number;
}

interface Run extends Shed {
  readonly hasRoom: boolean;
  /** Nothing of the channel is left to take. */
  readonly isDone: boolean;
}

export function createShedding({
  connection,
  keys,
}: {
  readonly connection: RedisConnection;
  readonly keys: Keys;
}): Shedding {
  let tidied = { partition: 0, from: 0 };

  async function run({ partition, channel }: Candidate, entries: number, latestMs: number): Promise<Run> {
    const { head, log } = keys.channel(channel);
    const figures = [String(entries), String(latestMs), String(SHED_DOWN_TO * 1_000)] as const;
    const reply = await connection.rookeryShed(keys.partition(partition).shed, head, log, channel, ...figures);
    const [taken = 0, bytes = 0, oldestMs = 0] = Array.isArray(reply) ? reply.map(Number) : [];
    return { entries: Math.max(0, taken), bytes, hasRoom: taken < 0, isDone: taken >= 0 && oldestMs === 0 };
  }

  async function ranked(partition: number, from: number, count: number): Promise<Candidate[]> {
    const flat = await connection.zrange(keys.partition(partition).shed, from, String(from + count - 1), "WITHSCORES");
    return flat.flatMap((channel, at) =>
      at % 2 === 0 ? [{ partition, channel, oldestMs: Number(flat[at + 1] ?? 0) }] : [],
    );
  }

  async function oldestOf(partitions: Iterable<number>): Promise<Candidate[]> {
    const lists = await Promise.all([...partitions].map((partition) => ranked(partition, 0, CHANNELS_PER_PARTITION)));
    const all = lists.flat().toSorted((a, b) => a.oldestMs - b.oldestMs);
    return all.slice(0, RUNS_PER_ROUND);
  }

  async function shed(partitions: readonly number[], forMs: number, sparesYoung: boolean): Promise<Shed> {
    const deadlineMs = performance.now() + forMs;
    const [seconds] = await connection.time();
    const nowMs = Number(seconds) * 1_000;
    const short = new Set(partitions);
    let [entries, bytes] = [0, 0];
    while (performance.now() < deadlineMs) {
      const candidates = await oldestOf(short);
      const [oldest] = candidates;
      if (oldest === undefined || (sparesYoung && oldest.oldestMs > nowMs - YOUNG_MS)) break;
      const latestMs = latestOf(oldest.oldestMs, nowMs);
      const chosen = candidates.filter(({ oldestMs }) => oldestMs <= latestMs);
      const runs = await Promise.all(chosen.map((candidate) => run(candidate, ENTRIES_PER_RUN, latestMs)));
      for (const [at, result] of runs.entries()) {
        entries += result.entries;
        bytes += result.bytes;
        if (result.hasRoom) short.delete(chosen[at]?.partition ?? -1);
      }
    }
    return { entries, bytes };
  }

  async function tidy(partitions: readonly number[]): Promise<void> {
    const partition = partitions.includes(tidied.partition) ? tidied.partition : (partitions[0] ?? -1);
    if (partition < 0) return;
    const from = partition === tidied.partition ? tidied.from : 0;
    const channels = await ranked(partition, from, TIDIED_CHANNELS);
    const runs = await Promise.all(channels.map((candidate) => run(candidate, 0, 0)));
    const next = partitions[(partitions.indexOf(partition) + 1) % partitions.length] ?? partition;
    const kept = runs.filter(({ isDone }) => !isDone).length;
    tidied = channels.length < TIDIED_CHANNELS ? { partition: next, from: 0 } : { partition, from: from + kept };
  }

  return {
    fullness: () =>
      answered(connection, async () => {
        const shares = await Promise.all(
          mastersOf(connection).map(async (server) => usedShare(await server.info("memory"))),
        );
        const limited = shares.filter((share) => share !== undefined);
        return limited.length === 0 ? undefined : Math.max(...limited);
      }),
    shed: (...wanted) => answered(connection, () => shed(...wanted)),
    tidy: (partitions) => answered(connection, () => tidy(partitions)),
  };
}

/** Up to when one round may take entries, given the oldest that is left: nothing young while there is something older. */
function latestOf(oldestMs: number, nowMs: number): number {
  const latestMs = Math.ceil(oldestMs + Math.max(GRAIN_MS, (nowMs - oldestMs) * GRAIN));
  const youngFromMs = nowMs - YOUNG_MS;
  return oldestMs <= youngFromMs ? Math.min(latestMs, youngFromMs) : latestMs;
}

/** As Redis compares before it refuses: without the buffers of replicas and of the append-only file. */
function usedShare(info: string): number | undefined {
  const figures = parseInfo(info);
  const figure = (name: string): number => Number(figures.get(name) ?? 0);
  const max = figure("maxmemory");
  return max === 0 ? undefined : (figure("used_memory") - figure("mem_not_counted_for_evict")) / max;
}
