// The persister's side of the outbox: reads what Postgres has not confirmed, and records what it has committed.
// Called by the persister alone. Positions live in Postgres, so reading changes nothing and may be repeated at will.
// Must never trim beyond what the caller says is committed.
import { ChatError, formatPosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import { formatEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import type { Correction } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { fieldOf } from "./log.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { waitingBytes } from "./budget.ts";
import type { PartitionLoad } from "./budget.ts";
import { createOutboxReader } from "./outbox-reader.ts";
import { brokeOff } from "./rejections.ts";
import { readStoredIds } from "./stored-ids.ts";

/** What one transaction committed of a partition. */
export interface SavedBatch {
  readonly last: EntryId;
  /** of the last entry */
  readonly cumulativeBytes: number;
  /** the highest position committed of each channel in the batch */
  readonly channels: ReadonlyMap<string, Position>;
  /** an entry of the batch became no row of its own */
  readonly unstored: boolean;
  /** up to where Postgres has this partition; beyond `last` when the batch was numbered below what is stored */
  readonly reached?: EntryId | undefined;
  /** where the chain of the partition's audit records ends, when any was added: how many, and the seal of the last */
  readonly head?: { readonly n: number; readonly mac: string | null } | undefined;
  /** of the last audit record that says it, see AuditEntry */
  readonly auditedBytes?: number | undefined;
  /** bytes of the batch that were counted while they waited, by `c|<channel>` and `u|<user>` */
  readonly counted?: ReadonlyMap<string, number>;
  /** of epochs that begin in the batch or after it, what they follow where that is more than they say */
  readonly corrected?: readonly (Correction & { readonly channel: string })[];
}

export interface OutboxBacklog {
  readonly entries: number;
  readonly bytes: number;
  readonly loads: readonly PartitionLoad[];
  /** when the oldest waiting message was sent, on the clock of Redis */
  readonly oldestAtMs?: number;
}

/** Every method throws ChatError `unavailable`. */
export interface Outbox {
  /**
   * At most `limit` entries of these partitions after these ids, ascending within each partition, shared out fairly.
   * An entry of an unknown kind ends what is read of its partition: nothing that stands behind one is given. Waits up to
   * `blockMs` (2 s at most) while there are none.
   */
  read(after: ReadonlyMap<number, EntryId>, limit: number, blockMs: number): Promise<OutboxEntry[]>;
  /**
   * Puts right what epochs follow, raises what is known to be saved, trims behind it and announces the watermark. Repeating it does
   * no harm. Throws
   * ChatError `internal` where a key of the partition is broken, which no waiting mends.
   */
  save(partition: number, saved: SavedBatch): Promise<void>;
  /** Of all partitions together. */
  waiting(): Promise<OutboxBacklog>;
  /** Up to where each partition was confirmed to this Redis; one that never was, or whose keys are broken, is missing. */
  stored(): Promise<Map<number, EntryId>>;
}

export interface OutboxOptions {
  /** for commands */
  readonly connection: RedisConnection;
  /** for blocking reads, made with `use: "outbox"` */
  readonly reader: RedisConnection;
  readonly keys: Keys;
  /** what the log keeps of a channel of which everything is committed */
  readonly logEntries: number;
  /** how long a channel of which everything is committed stays in Redis */
  readonly idleMs?: number;
}

const IDLE_MS = 24 * 3_600_000;

/** Channels in one run of the script: each takes about 6 us of Redis, during which nobody else is served. */
const CHANNELS_PER_RUN = 200;

/** The time of a frame or an audit record; it stands before anything a user wrote. */
const SENT_AT = /^\{(?:"type":"[a-z]+","channel":"[^"]*","epoch":\d+,"seq":\d+,)?"at":(\d+)/;

/** How many entries are looked at for a time, where the first has none. */
const TIMELESS_LOOK = 100;

export function createOutbox(options: OutboxOptions): Outbox {
  const { connection, keys } = options;
  const logEntries = String(options.logEntries);
  const idleMs = String(options.idleMs ?? IDLE_MS);
  const reader = createOutboxReader(options.reader, keys);

  async function correct({ channel, first, former, prev }: Correction & { readonly channel: string }): Promise<void> {
    const { partition, head, log, gone, acts, acted, topic } = keys.channel(channel);
    const names = [keys.partition(partition).part, head, log, gone, acts, acted, topic] as const;
    const [from, told, to] = [first, former, prev].map(formatPosition);
    await connection.rookeryCorrect(...names, from ?? "", told ?? "", to ?? "");
  }

  async function run(partition: number, last: string, batch: SavedBatch, channels: readonly [string, Position][]) {
    const { part, outbox, control, shed, held } = keys.partition(partition);
    const ofChannels = channels.map(([channel]) => keys.channel(channel));
    const names = [
      part,
      outbox,
      control,
      shed,
      held,
      ...ofChannels.flatMap(({ head, log, gone, acts, acted }) => [head, log, gone, acts, acted]),
    ];
    const reached = formatEntryId(batch.reached ?? batch.last);
    const head = batch.head?.mac == null ? "" : `${batch.head.n}|${batch.head.mac}`;
    const audited = batch.auditedBytes === undefined ? "" : String(batch.auditedBytes);
    const figures = [
      String(batch.cumulativeBytes),
      logEntries,
      idleMs,
      batch.unstored ? "1" : "0",
      reached,
      head,
      audited,
    ];
    const positions = channels.map(([, position]) => formatPosition(position));
    const counted = last === "" ? [] : [...(batch.counted ?? [])].flatMap(([whose, bytes]) => [whose, String(bytes)]);
    await connection
      .rookerySave(names.length, ...names, last, ...figures, ...positions, ...counted)
      .catch((error: unknown) => {
        const reason = brokeOff(error);
        throw reason === undefined ? error : new ChatError("internal", reason);
      });
  }

  async function backlogOf(partition: number): Promise<{ entries: number; oldestAtMs: number } & PartitionLoad> {
    const { part, outbox } = keys.partition(partition);
    const [entries, fields, first] = await Promise.all([
      connection.xlen(outbox),
      connection.hmget(part, "in", "out"),
      connection.xrange(outbox, "-", "+", "COUNT", 1),
    ]);
    // One that tells no time may hold its partition for long: then those behind it tell how long.
    const isTimeless = first.length > 0 && oldestOf(first) === Number.POSITIVE_INFINITY;
    const timed = isTimeless ? await connection.xrange(outbox, "-", "+", "COUNT", TIMELESS_LOOK) : first;
    return { partition, entries, bytes: waitingBytes(fields), oldestAtMs: oldestOf(timed) };
  }

  return {
    read: (after, limit, blockMs) => reader.read(after, limit, blockMs),
    save: (partition, batch) =>
      answered(connection, async () => {
        // Before anything of it is trimmed: whoever begins again with these entries finds the same to correct.
        for (const correction of batch.corrected ?? []) await correct(correction);
        const rest = [...batch.channels];
        // Heads first, the trim last: whatever is cut short is done again by whoever reads the outbox from its start.
        while (rest.length > CHANNELS_PER_RUN) await run(partition, "", batch, rest.splice(0, CHANNELS_PER_RUN));
        await run(partition, formatEntryId(batch.last), batch, rest);
      }),
    waiting: () =>
      answered(connection, async () => {
        const looks = await Promise.allSettled(Array.from({ length: keys.partitions.count }, (_, n) => backlogOf(n)));
        // A partition whose keys are broken is left out; when none answers, it is Redis that does not.
        const backlogs = looks.flatMap((look) => (look.status === "fulfilled" ? [look.value] : []));
        const [refused] = looks.flatMap((look) => (look.status === "rejected" ? [look.reason] : []));
        if (backlogs.length === 0) throw refused;
        const entries = backlogs.reduce((sum, backlog) => sum + backlog.entries, 0);
        const bytes = backlogs.reduce((sum, backlog) => sum + backlog.bytes, 0);
        const oldestAtMs = Math.min(...backlogs.map((backlog) => backlog.oldestAtMs));
        const loads = backlogs.map(({ partition, bytes: held }) => ({ partition, bytes: held }));
        return { entries, bytes, loads, ...(Number.isFinite(oldestAtMs) ? { oldestAtMs } : {}) };
      }),
    stored: () => answered(connection, () => readStoredIds(connection, keys)),
  };
}

/** When the oldest of these that tells it was sent. */
function oldestOf(rows: readonly [id: string, fields: string[]][]): number {
  return Math.min(...rows.map(([, fields]) => Number(SENT_AT.exec(fieldOf(fields, "f") ?? "")?.[1] ?? Infinity)));
}
