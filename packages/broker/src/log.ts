// Reads what Redis knows of a channel: its head and stretches of the hot log. Called by the pages of history alone.
// A stretch ends by itself when the caller's bytes or looks are spent, and what Redis owes this process in stretches at any
// moment is bounded by a gate: so no reader can fill the output buffers of Redis.
import { ChatError, comparePositions, formatPosition, parsePosition, utf8Bytes } from "@rookery/protocol";
import type { Position, Since } from "@rookery/protocol";
import { readCorrections } from "./correction.ts";
import { readActs } from "./acts.ts";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Gate } from "./gate.ts";
import type { ChannelHead } from "./channel-head.ts";
import type { Keys } from "./keys.ts";
import { goOn } from "./reading.ts";
import type { Reading } from "./reading.ts";

/** One entry looked at; without its frame where that was not wanted or did not fit. */
export interface LogEntry {
  readonly position: Position;
  readonly prev?: Position;
  readonly frame?: string;
  /** Of a message, where anything has happened to it. Told only where not every frame is asked for. */
  readonly since?: Since;
}

/** Why a look ended; the same list stands at the head of read-log.lua. */
const ENDS = ["end", "frames", "bytes", "looked", "apart"] as const;
export type LookEnd = (typeof ENDS)[number];

/** One look at a channel. `head` is absent when Redis does not hold the channel (idle for long, or never used). */
export interface LogView {
  readonly head: ChannelHead | undefined;
  /** First epoch of the partition in this Redis: what stands before it may have been lost with an earlier one. */
  readonly born: number | undefined;
  /** Where it began. */
  readonly start: Position | undefined;
  readonly ended: LookEnd;
  readonly entries: readonly LogEntry[];
}

/** What a look may give and cost. */
export interface Look {
  readonly channel: string;
  readonly frames: number;
  readonly bytes: number;
  /** The first frame is given however large it is. */
  readonly atLeastOne: boolean;
  /** Most entries looked at. */
  readonly entries: number;
  /**
   * "" for every frame, "bare" for every one, a message with id, author and mentions alone, "message" for messages, otherwise
   * a message's id for the answers to it.
   */
  readonly which: string;
}

/** Throws ChatError `unavailable` for whatever keeps Redis from answering. */
export interface LogReader {
  head(channel: string): Promise<ChannelHead | undefined>;
  /** Ascending, from the position on, exclusive; `beyondSaved`: from what Postgres has confirmed, if that is further. */
  up(look: Look, after: Position, reading: Reading, beyondSaved?: boolean): Promise<LogView>;
  /** Descending from the position, whose own entry comes first and without frame; from the newest without one. */
  down(look: Look, from: Position | undefined, reading: Reading): Promise<LogView>;
}

/** What an entry costs beside its frame in an answer of the script. */
const ENTRY_OVERHEAD_BYTES = 64;

export function createLogReader(connection: RedisConnection, keys: Keys, gate: Gate): LogReader {
  async function read(
    direction: "up" | "down",
    { channel, frames, bytes, atLeastOne, entries, which }: Look,
    from: Position | undefined,
    beyondSaved: boolean,
    reading: Reading,
  ): Promise<LogView> {
    const { partition, head, log, gone, acts } = keys.channel(channel);
    const reply = await gate.through(bytes + entries * ENTRY_OVERHEAD_BYTES, async () => {
      goOn(reading);
      return answered(connection, () =>
        connection.rookeryReadLog(
          ...[head, keys.partition(partition).part, log, gone, acts],
          ...[direction, from === undefined ? "" : formatPosition(from), frames, bytes],
          ...[atLeastOne ? 1 : 0, entries, which, beyondSaved ? 1 : 0],
        ),
      );
    });
    const view = readView(reply);
    reading.entries += view.entries.length;
    for (const entry of view.entries) reading.bytes += ENTRY_OVERHEAD_BYTES + bytesOf(entry);
    return view;
  }

  return {
    head: (channel) =>
      answered(connection, async () =>
        readHead(await connection.hmget(keys.channel(channel).head, "epoch", "seq", "saved", "corrected")),
      ),
    up: (look, after, reading, beyondSaved = false) => read("up", look, after, beyondSaved, reading),
    down: (look, from, reading) => read("down", look, from, false, reading),
  };
}

/** Anything else than the script's own answer is a fault: Redis runs another script than ours. */
function readView(reply: unknown): LogView {
  const [epoch, seq, saved, corrected, born, start, ended, entries]: unknown[] = Array.isArray(reply) ? reply : [];
  const end = ENDS.find((each) => each === ended);
  if (end === undefined || !Array.isArray(entries)) throw new ChatError("internal", "the log's script answered oddly");
  return {
    head: readHead([epoch, seq, saved, corrected].map(textOrNull)),
    born: typeof born === "string" ? Number(born) : undefined,
    start: start === "" ? undefined : readPosition(String(start)),
    ended: end,
    entries: entries.map(readEntry),
  };
}

export function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/**
 * The channel stands at whichever is greater, what this Redis numbered and what Postgres confirmed: after a failover
 * Postgres may hold more than the new master, and the next message follows that.
 */
export function readHead([epoch, seq, saved, corrected]: (string | null)[]): ChannelHead | undefined {
  if (epoch === null || epoch === undefined) return undefined;
  const numbered: Position = { epoch: Number(epoch), seq: Number(seq) };
  const confirmed = readPosition(saved ?? "0-0");
  const position = comparePositions(confirmed, numbered) > 0 ? confirmed : numbered;
  const corrections = corrected == null ? {} : { corrected: readCorrections(corrected) };
  return { position, saved: confirmed, ...corrections };
}

function readEntry(entry: unknown): LogEntry {
  const [id, prev, frame, acts]: unknown[] = Array.isArray(entry) ? entry : [];
  return {
    position: readPosition(String(id)),
    ...(typeof prev === "string" && prev !== "" ? { prev: readPosition(prev) } : {}),
    ...(typeof frame === "string" && frame !== "" ? { frame } : {}),
    ...(typeof frame === "string" && typeof acts === "string" && acts !== ""
      ? { since: readActs(MESSAGE_ID.exec(frame)?.[1] ?? "", acts) }
      : {}),
  };
}

/** Stands before anything a user wrote. */
const MESSAGE_ID = /,"id":"([^"]*)"/;

/** What an entry has of texts, as the script counts them. */
export function bytesOf({ frame = "", since }: Pick<LogEntry, "frame" | "since">): number {
  return utf8Bytes(frame) + utf8Bytes(since?.edited?.body ?? "");
}

/** The value after a name in a stream entry's flat list of fields. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
  return undefined;
}

/** A position as our scripts wrote it; anything else is a fault. */
export function readPosition(text: string): Position {
  const position = parsePosition(text);
  if (position === undefined) throw new ChatError("internal", "a position in Redis is malformed");
  return position;
}
