// Keeps the promises of access.ts by read-access.lua and fill-access.lua. Made once by edge and api, called by packages/rights.
// Must never remember, as what is so under a server, an answer of Postgres that was asked for before that server took over:
// what the former one was told meanwhile may be newer, and lost.
// States: of each partition the replication id of the server that answered last, and since when it is that one.
import { parseAccessEntry, parseChannelRecord } from "@rookery/protocol";
import type { AccessEntry } from "@rookery/protocol";
import type { AccessStore, AccessWish, KnownAccess } from "./access.ts";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface AccessOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** Local time in ms, from any epoch. */
  readonly clock?: () => number;
}

/** What nobody asks for is forgotten: while Postgres is away whoever comes within that time is still known. */
const KEPT_MS = 24 * 3_600_000;
/** As the entry of a user, about 100 bytes each. */
const MOST_ENTRIES = 50_000;
/** Longer than any read of Postgres takes: one that is remembered was asked for after the server took over. */
const UNSETTLED_MS = 10_000;
/** In one run, in which Redis does nothing else: two microseconds for one, 100 where 256 entries come with it. */
const MOST_WISHES = 100;

export const NO_ENTRY: AccessEntry = { role: null, ban: null, mute: null };

interface Serving {
  readonly id: string;
  readonly sinceMs: number;
}

interface Asked extends AccessWish {
  readonly at: number;
}

export function createAccessStore(options: AccessOptions): AccessStore {
  const { connection, keys } = options;
  const clock = options.clock ?? ((): number => performance.now());
  const servers = new Map<number, Serving>();

  function learn(partition: number, id: string): void {
    const known = servers.get(partition);
    if (known?.id !== id) servers.set(partition, { id, sinceMs: known === undefined ? -UNSETTLED_MS : clock() });
  }

  async function run(wishes: readonly Asked[], known: (KnownAccess | undefined)[]): Promise<void> {
    const names = wishes.flatMap(({ channel }) => [
      keys.partition(keys.partitions.of(channel)).rights,
      keys.channel(channel).access,
    ]);
    const given = wishes.flatMap(({ channel, users }) => [channel, users.length, ...users]);
    const reply = await answered(connection, () =>
      connection.rookeryReadAccess(names.length, ...names, KEPT_MS, ...given),
    );
    const [serving, ...values]: unknown[] = Array.isArray(reply) ? reply : [];
    for (const [n, { channel, users, at }] of wishes.entries()) {
      learn(keys.partitions.of(channel), String(serving));
      known[at] = readKnown(values[n], users);
    }
  }

  function byPartition(wishes: readonly Asked[]): Asked[][] {
    const groups = new Map<number, Asked[]>();
    for (const wish of wishes) {
      const partition = keys.partitions.of(wish.channel);
      groups.set(partition, [...(groups.get(partition) ?? []), wish]);
    }
    return [...groups.values()];
  }

  return {
    async read(wishes) {
      const known: (KnownAccess | undefined)[] = wishes.map(() => undefined);
      const asked = wishes.map((wish, at) => ({ ...wish, at }));
      const runs = connection.isCluster ? byPartition(asked) : [asked];
      await Promise.all(runs.flatMap(inTurns).map((some) => run(some, known)));
      return known;
    },
    async fill(channel, { record, isWhole, entries }) {
      const partition = keys.partitions.of(channel);
      const serving = servers.get(partition);
      if (serving !== undefined && clock() - serving.sinceMs < UNSETTLED_MS) return;
      const given = [...entries].flatMap(([user, entry]) => [user, packEntry(entry)]);
      const fixed = [channel, String(record.version), JSON.stringify(record), isWhole ? 1 : 0];
      const { rights } = keys.partition(partition);
      const { access } = keys.channel(channel);
      const reply = await answered(connection, () =>
        connection.rookeryFillAccess(rights, access, serving?.id ?? "", KEPT_MS, MOST_ENTRIES, ...fixed, ...given),
      );
      if (Array.isArray(reply)) learn(partition, String(reply[1]));
    },
  };
}

function inTurns(wishes: readonly Asked[]): (readonly Asked[])[] {
  const turns = [];
  for (let from = 0; from < wishes.length; from += MOST_WISHES) turns.push(wishes.slice(from, from + MOST_WISHES));
  return turns;
}

/** "" for who has none of anything: of most there are who are remembered. */
export function packEntry(entry: AccessEntry): string {
  return entry.role === null && entry.ban === null && entry.mute === null ? "" : JSON.stringify(entry);
}

/** Undefined too for what another build wrote and this one cannot read. */
function readKnown(value: unknown, users: readonly string[]): KnownAccess | undefined {
  if (!Array.isArray(value)) return undefined;
  const [written, whole, ...rest]: unknown[] = value;
  const record = parseChannelRecord(String(written));
  if (record === undefined) return undefined;
  const isWhole = whole === 1;
  const texts = rest.map(String);
  const pairs = isWhole ? inPairs(texts) : users.map((user, n) => [user, texts[n] ?? ""] as const);
  const entries = new Map<string, AccessEntry>();
  for (const [user, text] of pairs) {
    const entry = text === "" ? NO_ENTRY : parseAccessEntry(text);
    if (entry === undefined) return undefined;
    if (!isWhole || text !== "") entries.set(user, entry);
  }
  return { record, isWhole, entries };
}

function inPairs(texts: readonly string[]): (readonly [string, string])[] {
  const pairs = [];
  for (let at = 0; at + 1 < texts.length; at += 2) pairs.push([texts[at] ?? "", texts[at + 1] ?? ""] as const);
  return pairs;
}
