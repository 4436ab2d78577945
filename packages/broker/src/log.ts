// Reads what Redis knows of a channel: its head and the hot log. Called by history.ts alone.
// Head first, then entries, sent together: whatever was published after the head was read can only make the entries run
// beyond it, and what was trimmed in between is in Postgres. The other order could show a hole that is none.
import { ChatError, comparePositions, formatPosition, parsePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { ChannelHead, StoredFrame } from "./history.ts";
import type { Keys } from "./keys.ts";

/** One look at a channel. `head` is absent when Redis does not hold the channel (idle for long, or never used). */
export interface LogView {
  readonly head: ChannelHead | undefined;
  /** First epoch of the partition in this Redis: what stands before it may have been lost with an earlier one. */
  readonly born: number | undefined;
  readonly frames: StoredFrame[];
}

/** Throws ChatError `unavailable` for whatever keeps Redis from answering. */
export interface LogReader {
  head(channel: string): Promise<ChannelHead | undefined>;
  /** At most `count` entries after the position, ascending. */
  after(channel: string, after: Position, count: number): Promise<LogView>;
  /** At most `count` entries from the position (inclusive) backwards, descending; from the newest without one. */
  downFrom(channel: string, from: Position | undefined, count: number): Promise<LogView>;
}

export function createLogReader(connection: RedisConnection, keys: Keys): LogReader {
  function look(channel: string, entries: (log: string) => Promise<[string, string[]][]>): Promise<LogView> {
    const { partition, head, log } = keys.channel(channel);
    return answered(connection, async () => {
      const [fields, born, rows] = await Promise.all([
        connection.hmget(head, "epoch", "seq", "saved"),
        connection.hget(keys.partition(partition).part, "born"),
        entries(log),
      ]);
      return { head: readHead(fields), born: born === null ? undefined : Number(born), frames: rows.map(readEntry) };
    });
  }

  return {
    head: (channel) =>
      answered(connection, async () =>
        readHead(await connection.hmget(keys.channel(channel).head, "epoch", "seq", "saved")),
      ),
    after: (channel, after, count) =>
      look(channel, (log) => connection.xrange(log, `(${formatPosition(after)}`, "+", "COUNT", count)),
    downFrom: (channel, from, count) =>
      look(channel, (log) =>
        connection.xrevrange(log, from === undefined ? "+" : formatPosition(from), "-", "COUNT", count),
      ),
  };
}

/**
 * The channel stands at whichever is greater, what this Redis numbered and what Postgres confirmed: after a failover
 * Postgres may hold more than the new master, and the next message follows that.
 */
function readHead([epoch, seq, saved]: (string | null)[]): ChannelHead | undefined {
  if (epoch === null || epoch === undefined) return undefined;
  const numbered: Position = { epoch: Number(epoch), seq: Number(seq) };
  const confirmed = readPosition(saved ?? "0-0");
  return { position: comparePositions(confirmed, numbered) > 0 ? confirmed : numbered, saved: confirmed };
}

function readEntry([id, fields]: [string, string[]]): StoredFrame {
  const position = readPosition(id);
  const frame = fieldOf(fields, "f") ?? "";
  const prev = fieldOf(fields, "v");
  return prev === undefined ? { position, frame } : { position, frame, prev: readPosition(prev) };
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
