// How far a user has read in a channel and how much is left: what `join` tells and `read` moves. How a count is made:
// Redis says how far the user has read (a crowd's in one run); Postgres only where Redis does not know, and Redis is told.
// Somebody who has read up to the head has nothing unread. Else the channel's tail is walked: newest first, in memory, exact
// down to its floor; it counts to 100 in a microsecond or two. Below it are messages that Postgres has: only where the tail
// gives fewer than 100 and does not reach down, the rest is counted there, many users in one statement, and without what
// the tail knows to be deleted. Mentions below the tail are asked for once a channel and serve everybody.
// What nobody can say is left out: the count of somebody far behind while Postgres is away.

import { isScriptFault } from "@rookery/broker";
import type { ChannelHead, Newest, Reads } from "@rookery/broker";
import { ChatError, comparePositions, encodeRead, MAX_UNREAD, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { ReadPositions } from "@rookery/store";
import type { Hub } from "../hub.ts";
import type { RelayOutlet } from "../relay.ts";
import type { Session } from "../session.ts";
import { createStoredReads, MENTIONS_A_CHANNEL } from "./stored-reads.ts";
import type { Tail } from "./tail.ts";
import { createTails } from "./tails.ts";

export interface UnreadCounts {
  /** Messages of others behind `read`, not deleted, counted up to 100. */
  readonly unread: number;
  /** Those among them that mention the user. */
  readonly mentions: number;
}

/** As the members of an `ok`; the counts are absent where nobody can say. */
export type ReadAnswer = { readonly read: Position } & Partial<UnreadCounts>;

export interface Unread {
  /** Undefined while neither Redis nor Postgres can say how far the user has read. Throws ChatError `unavailable`. */
  standing(channel: string, user: string): Promise<ReadAnswer | undefined>;
  /** Moves forward, and tells the user's other sessions in the channel. Throws ChatError as Reads.move does. */
  read(session: Session, channel: string, position: Position): Promise<ReadAnswer>;
  /** An outlet of relays that leads the tails on as well. */
  beside(this: void, outlet: RelayOutlet): RelayOutlet;
  sizes(this: void): { readonly tails: number; readonly bytes: number };
  close(this: void): void;
}

export interface UnreadOptions {
  readonly reads: Reads;
  readonly newest: Newest;
  readonly positions: Pick<ReadPositions, "find" | "newestMentions">;
  readonly hub: Pick<Hub<Session>, "sessionsOf">;
  /** Up to where the channel is followed here; undefined where it is not. */
  followed(this: void, channel: string): Position | undefined;
  /** Between two statements of Postgres. */
  readonly statementEveryMs?: number;
  /** A fault of ours, which costs nothing but another question later. */
  fault(this: void, error: unknown): void;
}

export function createUnread(options: UnreadOptions): Unread {
  const { reads, newest, positions, hub, followed, fault } = options;
  const stored = createStoredReads({ positions, everyMs: options.statementEveryMs });
  const tails = createTails({ newest });
  const older = new WeakMap<Tail, Promise<void>>();
  const note = createNoting(reads, fault);

  /** ORIGIN for one of whom Postgres has nothing. */
  async function storedPosition(channel: string, user: string): Promise<Position> {
    const read = (await stored.position(channel, user)) ?? ORIGIN;
    note(channel, user, read);
    return read;
  }

  function knowOlder(channel: string, tail: Tail): Promise<void> {
    const asking = older.get(tail);
    if (asking !== undefined) return asking;
    const upTo = tail.expectOlder();
    const known = stored
      .mentions({ channel, upTo })
      .then((mentions) => tail.knowOlder(mentions, mentions.length < MENTIONS_A_CHANNEL))
      .finally(() => older.delete(tail));
    older.set(tail, known);
    return known;
  }

  async function countBelow(
    channel: string,
    user: string,
    read: Position,
    tail: Tail,
  ): Promise<UnreadCounts | undefined> {
    let known = tail.count(user, read);
    if (known.lacksMentions && !known.isShort && tail.standsOnSaved) {
      await knowOlder(channel, tail);
      known = tail.count(user, read);
    }
    const { unread, mentions, isShort, lacksMentions } = known;
    if (!isShort && !lacksMentions) return { unread, mentions };
    if (!tail.standsOnSaved) return undefined;
    const span = {
      ...{ read, upTo: tail.floor },
      mostUnread: isShort ? MAX_UNREAD - unread : 0,
      mostMentions: lacksMentions ? MAX_UNREAD - mentions : 0,
    };
    const below = await stored.count({ channel, user, span }, tail.deletedBelow);
    return { unread: unread + below.unread, mentions: mentions + below.mentions };
  }

  async function counts(
    channel: string,
    user: string,
    read: Position,
    head: ChannelHead | undefined,
  ): Promise<UnreadCounts | undefined> {
    const here = followed(channel) ?? ORIGIN;
    if (comparePositions(read, head?.position ?? here) >= 0) return { unread: 0, mentions: 0 };
    try {
      return await countBelow(channel, user, read, await tails.get(channel, head, here));
    } catch (error) {
      return absentWhere(error, fault);
    }
  }

  const answer = async (channel: string, user: string, read: Position, head: ChannelHead | undefined) => ({
    read,
    ...(await counts(channel, user, read, head)),
  });

  return {
    async standing(channel, user) {
      const { read, head } = await reads.find(channel, user);
      if (read !== undefined) return answer(channel, user, read, head);
      // Nobody has read anything where there has never been anything.
      const isEmpty = head === undefined && samePosition(followed(channel) ?? ORIGIN, ORIGIN);
      if (isEmpty) return { read: ORIGIN, unread: 0, mentions: 0 };
      const known = await storedPosition(channel, user).catch((error: unknown) => absentWhere(error, fault));
      return known === undefined ? undefined : answer(channel, user, known, head);
    },

    async read(session, channel, position) {
      const { user } = session;
      const here = [...hub.sessionsOf(user)].filter((each) => each.channels.has(channel));
      const draft = {
        ...{ channel, user, position, session: session.id, connections: here.length },
        followed: followed(channel) ?? ORIGIN,
      };
      let moved = await reads.move(draft);
      if (moved.kind === "unfamiliar") {
        moved = await reads.move({ ...draft, known: (await stored.position(channel, user)) ?? ORIGIN });
      }
      if (moved.kind === "unfamiliar") throw new ChatError("internal", "Redis knows what it was told no more");
      // The announcement comes back here too: whoever is told by it is not told twice.
      if (moved.kind === "moved" && !moved.isTold && here.length > 1) {
        const frame = encodeRead({ channel, epoch: position.epoch, seq: position.seq });
        for (const other of here) if (other !== session) other.tellSignal(frame);
      }
      return answer(channel, user, moved.read, moved.head);
    },

    beside: (outlet) => ({
      publish(channel, frame, position) {
        tails.follow(channel, frame, position);
        outlet.publish(channel, frame, position);
      },
      gap: (channel, from, to, lost) => outlet.gap(channel, from, to, lost),
    }),
    sizes: tails.size,
    close: stored.close,
  };
}

/** A store that is away leaves it open, and so does a script that failed, which is told; all else is the caller's to hear. */
function absentWhere(error: unknown, fault: (error: unknown) => void): undefined {
  if (!(error instanceof ChatError && error.code === "unavailable")) throw error;
  if (isScriptFault(error.cause)) fault(error.cause);
  return undefined;
}

/** What Postgres said goes to Redis at the end of the turn, that of a channel in one command. */
function createNoting(
  reads: Pick<Reads, "note">,
  fault: (error: unknown) => void,
): (channel: string, user: string, read: Position) => void {
  let waiting = new Map<string, Map<string, Position>>();
  function sendAll(): void {
    const all = waiting;
    waiting = new Map();
    for (const [channel, known] of all) {
      // Not noted: asked again by whoever wants to know.
      reads.note(channel, known).catch((error: unknown) => {
        if (!(error instanceof ChatError)) fault(error);
      });
    }
  }
  return (channel, user, read) => {
    if (waiting.size === 0) setImmediate(sendAll);
    const known = waiting.get(channel) ?? new Map<string, Position>();
    waiting.set(channel, known.set(user, read));
  };
}
