// Reads the outboxes of many partitions at once and shares one limit out among them. Used by outbox.ts.
// A single server is asked with one blocking read for all; a Cluster refuses several slots in one command, so there each
// partition is asked by itself without blocking, again and again until something is there or the time is over. So it is on
// a single server while one of the keys is no outbox, since that fails the command for all: it must hold up no other.
import { setTimeout as delay } from "node:timers/promises";
import { answered } from "./answered.ts";
import { inOneWrite, MOST_BLOCK_MS } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { formatEntryId, parseEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import type { Keys } from "./keys.ts";
import { readEntry } from "./outbox-entry.ts";
import type { OutboxEntry } from "./outbox-entry.ts";

/** How often a Cluster is asked while nothing is there. */
const POLL_MS = 50;

type StreamRows = [id: string, fields: string[]][];

/** How far one partition is in one read; `full` while the last answer was as long as it was allowed to be. */
interface Cursor {
  readonly partition: number;
  readonly outbox: string;
  after: string;
  full: boolean;
}

export interface OutboxReader {
  /** See Outbox.read. */
  read(after: ReadonlyMap<number, EntryId>, limit: number, blockMs: number): Promise<OutboxEntry[]>;
}

export function createOutboxReader(connection: RedisConnection, keys: Keys): OutboxReader {
  let turn = 0;
  /** Whether the read under way asks without blocking. */
  let polls = connection.isCluster;

  /** Puts another partition first each time, so that a limit that is too small for all starves none. */
  function cursorsFor(after: ReadonlyMap<number, EntryId>): Cursor[] {
    const cursors = [...after].map(([partition, id]) => ({
      partition,
      outbox: keys.partition(partition).outbox,
      after: formatEntryId(id),
      full: true,
    }));
    turn = cursors.length === 0 ? 0 : (turn + 1) % cursors.length;
    return [...cursors.slice(turn), ...cursors.slice(0, turn)];
  }

  async function askOne(cursors: readonly Cursor[], count: number, blockMs: number): Promise<Map<string, StreamRows>> {
    const streams = [...cursors.map(({ outbox }) => outbox), ...cursors.map((cursor) => cursor.after)];
    const reply =
      blockMs > 0
        ? await connection.xread("COUNT", count, "BLOCK", Math.min(blockMs, MOST_BLOCK_MS), "STREAMS", ...streams)
        : await connection.xread("COUNT", count, "STREAMS", ...streams);
    return new Map(reply ?? []);
  }

  /** A partition whose master is away holds up no other; only when none answers has the read failed. */
  async function askEach(cursors: readonly Cursor[], count: number): Promise<Map<string, StreamRows>> {
    const asked: Promise<Map<string, StreamRows>>[] = [];
    inOneWrite(connection, () => asked.push(...cursors.map((cursor) => askOne([cursor], count, 0))));
    const replies = await Promise.allSettled(asked);
    const answers = replies.flatMap((reply) => (reply.status === "fulfilled" ? [...reply.value] : []));
    const refused = replies.flatMap((reply) => (reply.status === "rejected" ? [reply.reason as unknown] : []));
    if (refused.length === replies.length) throw new AggregateError(refused, "no partition answered");
    return new Map(answers);
  }

  async function ask(cursors: readonly Cursor[], count: number, blockMs: number): Promise<Map<string, StreamRows>> {
    if (!polls) {
      try {
        return await askOne(cursors, count, blockMs);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("WRONGTYPE"))) throw error;
        polls = true;
      }
    }
    return askEach(cursors, count);
  }

  /** One round: at most `count` of each. */
  async function round(cursors: readonly Cursor[], count: number, blockMs: number): Promise<OutboxEntry[]> {
    const answers = await ask(cursors, count, blockMs);
    return cursors.flatMap((cursor) => {
      const rows = answers.get(cursor.outbox) ?? [];
      const { entries, isStopped } = readRows(cursor.partition, rows);
      polls ||= isStopped;
      cursor.full = rows.length >= count && !isStopped;
      cursor.after = rows[entries.length - 1]?.[0] ?? cursor.after;
      return entries;
    });
  }

  /**
   * First everyone's fair share, then what is left of the limit to those who have more. The limit is on the whole, since
   * XREAD's COUNT counts for each stream.
   */
  async function collect(cursors: readonly Cursor[], limit: number, blockMs: number): Promise<OutboxEntry[]> {
    const share = Math.max(1, Math.floor(limit / cursors.length));
    const entries = await round(cursors, share, blockMs);
    for (;;) {
      const missing = limit - entries.length;
      const deeper = cursors.filter((cursor) => cursor.full).slice(0, Math.max(0, missing));
      if (deeper.length === 0) return entries.slice(0, limit);
      entries.push(...(await round(deeper, Math.floor(missing / deeper.length), 0)));
    }
  }

  async function read(after: ReadonlyMap<number, EntryId>, limit: number, blockMs: number): Promise<OutboxEntry[]> {
    const cursors = cursorsFor(after);
    if (cursors.length === 0 || limit < 1) return [];
    const deadlineMs = performance.now() + blockMs;
    polls = connection.isCluster;
    for (;;) {
      const entries = await collect(cursors, limit, blockMs);
      const leftMs = deadlineMs - performance.now();
      if (entries.length > 0 || !polls || leftMs <= 0) return entries;
      await delay(Math.min(POLL_MS, leftMs));
    }
  }

  return {
    read: (after, limit, blockMs) => answered(connection, () => read(after, limit, blockMs)),
  };
}

interface Readable {
  readonly entries: readonly OutboxEntry[];
  /** The entries end before the rows do: what follows cannot be passed, and a blocking read would answer it at once. */
  readonly isStopped: boolean;
}

/** Up to and with the first of an unknown kind, or up to the first whose id no script of ours gave. */
function readRows(partition: number, rows: StreamRows): Readable {
  const entries: OutboxEntry[] = [];
  for (const [id, fields] of rows) {
    const entryId = parseEntryId(id);
    if (entryId === undefined) return { entries, isStopped: true };
    const entry = readEntry(partition, entryId, fields);
    entries.push(entry);
    if (entry.kind === "unknown") return { entries, isStopped: true };
  }
  return { entries, isStopped: false };
}
