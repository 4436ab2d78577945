// Reads what Redis remembers of messages that came out of Postgres: what is not saved yet has happened to them all the same.
// Called by the pages of history, after Postgres has answered: an act is remembered for longer than a page takes to read, so
// one that Postgres did not have then is found here.
import { ChatError, comparePositions, ORIGIN, parsePosition, utf8Bytes } from "@rookery/protocol";
import type { Position, Since } from "@rookery/protocol";
import { readActs } from "./acts.ts";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Gate } from "./gate.ts";
import type { Keys } from "./keys.ts";
import { goOn } from "./reading.ts";
import type { Reading } from "./reading.ts";

export interface KnownActs {
  /** Of so many messages, from the first on, it is known; the bytes were spent before the others. At least one. */
  readonly known: number;
  /** By id. */
  readonly sinces: ReadonlyMap<string, Since>;
  /** The last act of all: a channel that stands below it has been read before it happened. */
  readonly last: Position;
}

/** Throws ChatError `unavailable` for whatever keeps Redis from answering. */
export type ActsReader = (
  channel: string,
  ids: readonly string[],
  bytes: number,
  reading: Reading,
) => Promise<KnownActs>;

export function createActsReader(connection: RedisConnection, keys: Keys, gate: Gate): ActsReader {
  return async (channel, ids, bytes, reading) => {
    if (ids.length === 0) return { known: 0, sinces: new Map(), last: ORIGIN };
    const reply = await gate.through(bytes, async () => {
      goOn(reading);
      return answered(connection, () => connection.rookeryReadActs(keys.channel(channel).acts, bytes, ...ids));
    });
    const [known, texts]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof known !== "number" || !Array.isArray(texts)) {
      throw new ChatError("internal", "the script of acts answered oddly");
    }
    const sinces = new Map<string, Since>();
    let last: Position = ORIGIN;
    for (const [at, id] of ids.entries()) {
      const text: unknown = texts[at];
      if (typeof text !== "string" || text === "") continue;
      reading.bytes += utf8Bytes(text);
      sinces.set(id, readActs(id, text));
      const act = lastAct(text);
      if (comparePositions(act, last) > 0) last = act;
    }
    return { known, sinces, last };
  };
}

/** The second line of a text of `acts`. */
function lastAct(text: string): Position {
  return parsePosition(text.split("\n", 2)[1] ?? "") ?? ORIGIN;
}
