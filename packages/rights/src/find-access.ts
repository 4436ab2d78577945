// Finds what is known of a user in a channel where memory does not tell: Redis is asked first, then Postgres, whose answer
// Redis is given to remember. What is hidden is never taken from Redis: an absent channel and one that is hidden are asked for
// of the same servers, one after the other, so that neither the answer nor its time tells them apart.
import { ChatError } from "@rookery/protocol";
import type { AccessMemory, Reading } from "./access-memory.ts";
import { createGathering } from "./gathering.ts";
import type { Grant } from "./grant.ts";
import { isHidden, NO_ENTRY, standingOf } from "./judge.ts";
import type { AccessStore, AccessWish, KnownAccess, Standings } from "./known-access.ts";

/** Undefined of a channel that was never made. Rejects with ChatError `unavailable` or `overloaded`. */
export type FindAccess = (channel: string, user: string) => Promise<Found | undefined>;

export interface Found {
  readonly standing: Grant | ChatError;
  /** Nobody of the cluster has asked for the channel lately. */
  readonly byPostgres: boolean;
}

export interface FindAccessOptions {
  readonly memory: Pick<AccessMemory, "begin">;
  readonly access: AccessStore;
  readonly standings: Standings;
  /** Between two questions to Postgres. */
  readonly statementEveryMs: number;
  /** On Redis' clock. */
  readonly nowMs: () => number;
}

const USERS_A_STATEMENT = 1000;
const MOST_WAITING = 20_000;
/** Each time because a change was announced while the channel was read. */
const MOST_TRIES = 3;

export function createFindAccess({
  memory,
  access,
  standings,
  statementEveryMs,
  nowMs,
}: FindAccessOptions): FindAccess {
  const askRedis = createGathering({
    ask: (wishes) => askEach(access, wishes),
    mostAtOnce: USERS_A_STATEMENT,
    mostWaiting: MOST_WAITING,
  });
  const askPostgres = createGathering({
    async ask(wishes) {
      const known = await standings.read(wishes);
      for (const { channel, users } of wishes) remember(channel, users, known.get(channel));
      return wishes.map(({ channel }) => known.get(channel));
    },
    ...{ everyMs: statementEveryMs, mostAtOnce: USERS_A_STATEMENT, mostWaiting: MOST_WAITING },
  });

  const standingIn = (channel: string, { record, entries }: KnownAccess, user: string): Grant | ChatError =>
    standingOf(channel, record, entries.get(user) ?? NO_ENTRY, nowMs());

  /** Nobody waits for it: what Redis does not take is asked of Postgres again. */
  function remember(channel: string, users: readonly string[], known: KnownAccess | undefined): void {
    if (known === undefined || users.every((user) => isHidden(standingIn(channel, known, user)))) return;
    access.fill(channel, known).catch(() => undefined);
  }

  async function find(channel: string, user: string, reading: Reading): Promise<Found | "again" | undefined> {
    const held = await askRedis(channel, user);
    if (held !== undefined && (held.isWhole || held.entries.has(user))) {
      const standing = standingIn(channel, held, user);
      if (!isHidden(standing) && reading.keep(held, user)) return { standing, byPostgres: false };
    }
    const told = await askPostgres(channel, user);
    if (told === undefined) return undefined;
    const standing = standingIn(channel, told, user);
    const isKept = isHidden(standing) ? reading.pass(told) : reading.keep(told, user);
    return isKept ? { standing, byPostgres: true } : "again";
  }

  return async (channel, user) => {
    const reading = memory.begin(channel);
    try {
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        const found = await find(channel, user, reading);
        if (found !== "again") return found;
      }
      throw new ChatError("unavailable", "the channel's rights are changing", { channel });
    } finally {
      reading.end();
    }
  };
}

/** Where not all of a wish are known, each by itself: a stranger keeps no member from being known. */
async function askEach(access: AccessStore, wishes: readonly AccessWish[]): Promise<(KnownAccess | undefined)[]> {
  const known = [...(await access.read(wishes))];
  const alone = wishes.flatMap(({ channel, users }, at) =>
    known[at] === undefined && users.length > 1 ? users.map((user) => ({ channel, users: [user], at })) : [],
  );
  if (alone.length === 0) return known;
  for (const [n, one] of (await access.read(alone)).entries()) {
    const { at } = alone[n] ?? { at: 0 };
    if (one !== undefined) known[at] = joined(known[at], one);
  }
  return known;
}

/** What two answers about one channel tell together; the newer one alone where they are of two versions. */
function joined(one: KnownAccess | undefined, other: KnownAccess): KnownAccess {
  if (one === undefined || other.isWhole || one.record.version < other.record.version) return other;
  if (one.isWhole || one.record.version > other.record.version) return one;
  return { ...one, entries: new Map([...one.entries, ...other.entries]) };
}
