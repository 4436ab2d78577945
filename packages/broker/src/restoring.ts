// Tells a partition of Redis everything anew: all who are on this node, after it took a new id; and after another server took
// over also of all whom that server still lists for the node and who are not here. Called by node-presence.ts, which holds the
// line meanwhile; it is let go at the end.
// Must never tell of somebody a change of whom waits: that is told later, and then announced.
// States of a partition: resting, or one walk under way; starting another gives up the one before.
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import type { Subject } from "./presence-change.ts";
import { MOST_CHANGES } from "./presence-line.ts";
import type { PresenceLine } from "./presence-line.ts";
import type { LocalTruth } from "./presence.ts";
import { readSession } from "./session-record.ts";

export interface RestoringOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly truth: LocalTruth;
  node(this: void): string;
  line(this: void, partition: number): PresenceLine;
  /** Whether somebody who is not here any more is taken out. */
  clearsAway(this: void): boolean;
  /** The mark of this id is not there. */
  fenced(this: void, id: string): void;
  later(this: void, ms: number, work: () => void): void;
}

export interface RestoringWish {
  /** Under a new id: whoever was told to have left is told to have come. */
  readonly loud: boolean;
  /** Another server may list somebody who is gone. */
  readonly clears: boolean;
}

export interface Restoring {
  start(partition: number, wish: RestoringWish): void;
  stop(): void;
}

/** Who is here of one partition. */
interface Own {
  readonly channels: Set<string>;
  readonly sessions: Subject[];
}

const AGAIN_MS = 100;

export function createRestoring(options: RestoringOptions): Restoring {
  const { connection, keys, truth } = options;
  const { partitions } = keys;
  const walks = new Map<number, Walk>();
  let wishes = new Map<number, RestoringWish>();

  /** One look at the node for all partitions that begin in the same turn. */
  function beginAll(): void {
    const begun = wishes;
    wishes = new Map();
    const own = new Map([...begun.keys()].map((partition) => [partition, ownNothing()]));
    for (const channel of truth.channels()) own.get(partitions.of(channel))?.channels.add(channel);
    for (const [user, session] of truth.sessions())
      own.get(keys.user(user).partition)?.sessions.push({ kind: "session", user, session });
    for (const [partition, wish] of begun) begin(partition, wish, own.get(partition) ?? ownNothing());
  }

  function begin(partition: number, wish: RestoringWish, own: Own): void {
    const walk: Walk = { ...wish, partition, node: options.node() };
    walks.set(partition, walk);
    walkThrough(walk, own).then(
      (isWhole) => {
        if (!isWhole || !isCurrent(walk)) return;
        walks.delete(partition);
        options.line(partition).letGo();
      },
      // Redis was away for what is read here.
      () =>
        options.later(AGAIN_MS, () => {
          if (isCurrent(walk)) start(partition, wish);
        }),
    );
  }

  const isCurrent = (walk: Walk): boolean => walks.get(walk.partition) === walk;

  /** False when it was given up. */
  async function walkThrough(walk: Walk, own: Own): Promise<boolean> {
    const lease = keys.partition(walk.partition).lease(walk.node);
    if ((await connection.sismember(lease, "")) === 0) {
      if (isCurrent(walk)) options.fenced(walk.node);
      return false;
    }
    for (const channel of own.channels) {
      const users = new Set(truth.usersIn(channel));
      if (!(await tell(walk, attendances(channel, users)))) return false;
    }
    if (!(await tell(walk, own.sessions))) return false;
    return !walk.clears || !options.clearsAway() || clearAway(walk);
  }

  async function clearAway(walk: Walk): Promise<boolean> {
    const lease = keys.partition(walk.partition).lease(walk.node);
    let cursor = "0";
    do {
      const [next, members] = await connection.sscan(lease, cursor, "COUNT", MOST_CHANGES);
      for (const member of members) if (!(await clearMember(walk, member))) return false;
      cursor = next;
    } while (cursor !== "0");
    return true;
  }

  /** `c|<channel>` or `u|<user>`. */
  async function clearMember(walk: Walk, member: string): Promise<boolean> {
    const name = member.slice(2);
    if (member.startsWith("u|")) {
      const held = Object.entries(await connection.hgetall(keys.user(name).sessions));
      const gone = held.flatMap(([session, record]): Subject[] => {
        const isGone = readSession(session, record)?.node === walk.node && truth.session(name, session) === undefined;
        return isGone ? [{ kind: "session", user: name, session }] : [];
      });
      return tell(walk, gone);
    }
    if (!member.startsWith("c|")) return true;
    const hereOn = keys.channel(name).hereOn(walk.node);
    let cursor = "0";
    do {
      const [next, fields] = await connection.hscan(hereOn, cursor, "COUNT", MOST_CHANGES);
      const users = fields.filter((user, at) => at % 2 === 0 && truth.attendance(name, user) === undefined);
      if (!(await tell(walk, attendances(name, users)))) return false;
      cursor = next;
    } while (cursor !== "0");
    return true;
  }

  async function tell(walk: Walk, subjects: readonly Subject[]): Promise<boolean> {
    const { loud } = walk;
    const line = options.line(walk.partition);
    for (let from = 0; from < subjects.length; from += MOST_CHANGES) {
      const some = subjects.slice(from, from + MOST_CHANGES).filter((subject) => !line.waits(subject));
      const changes = some.map((subject) => ({ subject, exclude: "", waiters: [] }));
      if (!isCurrent(walk)) return false;
      if (changes.length > 0 && !(await line.tellFirst({ changes, loud }))) return false;
    }
    return isCurrent(walk);
  }

  /** What a walk that is given up was to do is left to the next one. */
  function start(partition: number, wish: RestoringWish): void {
    const former = wishes.get(partition) ?? walks.get(partition);
    walks.delete(partition);
    if (wishes.size === 0) setImmediate(beginAll);
    const { loud, clears } = former ?? wish;
    wishes.set(partition, { loud: loud || wish.loud, clears: clears || wish.clears });
  }

  return {
    start,
    stop() {
      wishes.clear();
      walks.clear();
    },
  };
}

interface Walk extends RestoringWish {
  readonly partition: number;
  readonly node: string;
}

function ownNothing(): Own {
  return { channels: new Set(), sessions: [] };
}

function attendances(channel: string, users: Iterable<string>): Subject[] {
  return Array.from(users, (user) => ({ kind: "attendance", channel, user }));
}
