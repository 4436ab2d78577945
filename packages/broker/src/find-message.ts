// Finds the message that is to be changed: by what Redis remembers, among the newest of the log, in Postgres, and then further
// down in the log for what Postgres does not have yet. Called by create-changes.ts.
// Must ask Redis before Postgres: what has left `acts` before that was saved before that, so it is in the row.
import { ChatError, ORIGIN, parseMessageFrame, parsePosition } from "@rookery/protocol";
import { readMark } from "./acts.ts";
import { answered } from "./answered.ts";
import type { FindStored } from "./changes.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { ofActs, ofFrame, ofRow } from "./known-message.ts";
import type { KnownMessage } from "./known-message.ts";
import { tooMuchUnstored } from "./reading.ts";

/** What a change names. `emoji` of a reaction, else "". */
export interface Wanted {
  readonly channel: string;
  readonly id: string;
  readonly user: string;
  readonly emoji: string;
}

/** What `connection` knows of it. Undefined for a message that is nowhere. Throws ChatError `unavailable`. */
export type FindMessage = (wanted: Wanted, connection: RedisConnection) => Promise<KnownMessage | undefined>;

/**
 * Entries looked at before Postgres is asked, and at a time after that, among what Postgres does not have yet: each costs
 * Redis some 1.5 us, also for an id that is nowhere.
 */
const NEWEST_ENTRIES = 64;
const ENTRIES_AT_A_TIME = 256;
/** Looks after Postgres was asked. */
const MOST_LOOKS = 8;

/** What find-message.lua answers; "" for nothing. */
interface Look {
  readonly acts: string;
  readonly mark: string;
  readonly whole: string;
  readonly saved: string;
  readonly position: string;
  readonly prev: string;
  readonly frame: string;
  readonly next: string;
}

export function createFindMessage(keys: Keys, findStored: FindStored): FindMessage {
  async function look(connection: RedisConnection, { channel, id, user, emoji }: Wanted, from: string): Promise<Look> {
    const looks = from === "" ? NEWEST_ENTRIES : ENTRIES_AT_A_TIME;
    const own = keys.channel(channel);
    const field = markField(emoji, user);
    return readLook(
      await answered(connection, () =>
        connection.rookeryFindMessage(own.head, own.log, own.acts, own.marks(id), id, field, from, looks),
      ),
    );
  }

  async function stored({
    channel,
    id,
    user,
    emoji,
  }: Wanted): Promise<Pick<KnownMessage, "told" | "reactions" | "mark"> | undefined> {
    const row = await findStored(channel, id, user).catch((error: unknown) => {
      if (error instanceof ChatError) throw error;
      throw new ChatError("unavailable", "the history of this channel cannot be reached");
    });
    return row && { ...ofRow(id, row), mark: row.own.find((own) => own.emoji === emoji) };
  }

  /** Of a message that Redis remembers. */
  async function remembered(wanted: Wanted, { acts, mark, whole, saved }: Look): Promise<KnownMessage> {
    const known = ofActs(acts);
    // While nobody's stands, whoever has no mark has none that stands.
    const isSaid = wanted.emoji === "" || mark !== "" || whole !== "" || known.reactions.length === 0;
    const own = isSaid ? readMark(mark) : (await stored(wanted))?.mark;
    return { ...known, mark: own, markText: mark, saved: parsePosition(saved) ?? ORIGIN };
  }

  async function among(connection: RedisConnection, wanted: Wanted, first: Look): Promise<KnownMessage | undefined> {
    let seen = first;
    for (let looks = 1; seen.next !== "" && looks <= MOST_LOOKS; looks += 1) {
      seen = await look(connection, wanted, seen.next);
      const found = await hot(wanted, seen);
      if (found !== undefined) return found;
    }
    if (seen.next !== "") throw tooMuchUnstored();
    return undefined;
  }

  async function hot(wanted: Wanted, seen: Look): Promise<KnownMessage | undefined> {
    if (seen.acts !== "") return remembered(wanted, seen);
    if (seen.position === "") return undefined;
    const fresh = ofFrame(parseMessageFrame(seen.frame), seen.prev);
    const { mark, saved } = seen;
    return { ...fresh, line: "", mark: readMark(mark), markText: mark, saved: parsePosition(saved) ?? ORIGIN };
  }

  return async (wanted, connection) => {
    const first = await look(connection, wanted, "");
    const found = await hot(wanted, first);
    if (found !== undefined) return found;
    const row = await stored(wanted).catch(async (error: unknown) => {
      // What Postgres does not have yet can be changed while it is away.
      const unsaved = await among(connection, wanted, first);
      if (unsaved === undefined) throw error;
      return unsaved;
    });
    if (row === undefined) return among(connection, wanted, first);
    if ("line" in row) return row;
    const mark = readMark(first.mark) ?? row.mark;
    return { ...row, line: "", mark, markText: first.mark, saved: parsePosition(first.saved) ?? ORIGIN };
  };
}

/** A user comes last, and no emoji holds a `|` but as its first character. */
export function markField(emoji: string, user: string): string {
  return `${emoji}|${user}`;
}

function readLook(reply: unknown): Look {
  const texts = Array.isArray(reply) ? reply.map(String) : [];
  const [acts = "", mark = "", whole = "", saved = "", position = "", prev = "", frame = "", next = ""] = texts;
  return { acts, mark, whole, saved, position, prev, frame, next };
}
