// What this process remembers of who may do what, a record and its entries a channel. Owned by one `Rights`; it reads nothing
// by itself. Must never take for current what was read before a change that has been heard of, nor what was doubted since.
// States of a channel: unknown, current, doubted (changes may have been missed: to be read again). Beside them a channel has a
// flight while it is read, which keeps the newest version heard of meanwhile.
// Whoever has no entry in a channel that is whole costs nothing: all of them share one standing.
import type { ChatError } from "@rookery/protocol";
import type { AccessEntry, ChannelChange, ChannelRecord, Role } from "@rookery/protocol";
import type { Grant } from "./grant.ts";
import { NO_ENTRY, standingOf } from "./judge.ts";
import type { KnownAccess } from "./known-access.ts";

/** A reading that is under way; to be ended whatever comes of it. */
export interface Reading {
  /** False where a newer version was heard of meanwhile: then it is to be read again, and nothing was kept. */
  keep(known: KnownAccess, user: string): boolean;
  /** The same of what is hidden from who asked, of which nothing is kept. */
  pass(known: KnownAccess): boolean;
  end(): void;
}

export interface AccessMemory {
  /** Undefined where it has to be read. */
  standing(this: void, channel: string, user: string): Grant | ChatError | undefined;
  begin(channel: string): Reading;
  apply(this: void, change: ChannelChange): "applied" | "known" | "forgotten";
  /** All channels of a partition, in no more time than one. */
  doubt(this: void, partition: number): void;
}

export interface AccessMemoryOptions {
  readonly partitionOf: (channel: string) => number;
  /** Beyond it the longest known make room, but for those that are pinned. 0: nothing is remembered. */
  readonly maxChannels: number;
  /** Whether somebody here needs it all the time. */
  readonly isPinned: (channel: string) => boolean;
  /** On Redis' clock. */
  readonly nowMs: () => number;
}

interface Held {
  record: ChannelRecord;
  readonly partition: number;
  readonly doubts: number;
  isWhole: boolean;
  readonly entries: Map<string, AccessEntry>;
  /** Of whoever has no entry. */
  others: Grant | ChatError;
}

interface Flight {
  readings: number;
  newest: number;
}

/** A channel of which more is special is not kept whole, so that its changes make no node remember all of it. */
const MOST_WHOLE = 1024;
/** Of a channel that is not whole, whole crowds of users: beyond it the longest known are asked for again. */
const MOST_ENTRIES = 50_000;
/** Looked at for room with each channel that comes: enough to find some, and no loop that a client could lengthen. */
const LOOKED_AT_FOR_ROOM = 8;

export function createAccessMemory(options: AccessMemoryOptions): AccessMemory {
  const { partitionOf, maxChannels, isPinned, nowMs } = options;
  const channels = new Map<string, Held>();
  const flights = new Map<string, Flight>();
  /** How often each partition was doubted. */
  const doubtsOf = new Map<number, number>();
  const countOf = (partition: number): number => doubtsOf.get(partition) ?? 0;

  function makeRoom(): void {
    let looked = 0;
    for (const [channel, held] of channels) {
      if (channels.size < maxChannels || (looked += 1) > LOOKED_AT_FOR_ROOM) return;
      channels.delete(channel);
      if (isPinned(channel)) channels.set(channel, held);
    }
  }

  function keep(channel: string, known: KnownAccess, user: string, doubts: number): void {
    if (maxChannels === 0) return;
    const { record, isWhole } = known;
    const held = channels.get(channel);
    if (held?.record.version === record.version && held.doubts === doubts && !held.isWhole && !isWhole) {
      putEntry(held, user, known.entries.get(user) ?? NO_ENTRY);
      return;
    }
    // Concurrent readings of one version: whole stays whole.
    if (held?.record.version === record.version && held.doubts === doubts && held.isWhole) return;
    if (held === undefined) makeRoom();
    const others = standingOf(channel, record, NO_ENTRY, 0);
    const fresh: Held = { record, partition: partitionOf(channel), doubts, isWhole, entries: new Map(), others };
    if (isWhole) for (const [each, entry] of known.entries) fresh.entries.set(each, shared(entry));
    else putEntry(fresh, user, known.entries.get(user) ?? NO_ENTRY);
    channels.set(channel, fresh);
  }

  return {
    standing(channel, user) {
      const held = channels.get(channel);
      if (held === undefined || held.doubts !== countOf(held.partition)) return undefined;
      const entry = held.entries.get(user);
      if (entry === undefined) return held.isWhole ? held.others : undefined;
      if (entry === NO_ENTRY) return held.others;
      const atMs = entry.ban === null && entry.mute === null ? 0 : nowMs();
      return standingOf(channel, held.record, entry, atMs);
    },
    begin(channel) {
      const doubts = countOf(partitionOf(channel));
      const flight = flights.get(channel) ?? { readings: 0, newest: 0 };
      flight.readings += 1;
      flights.set(channel, flight);
      return {
        pass({ record: { version } }) {
          if ((channels.get(channel)?.record.version ?? version) < version) channels.delete(channel);
          return version >= flight.newest;
        },
        keep(known, user) {
          if (known.record.version < flight.newest) return false;
          // So that a reading that began earlier and ends later does not undo this one.
          flight.newest = known.record.version;
          keep(channel, known, user, doubts);
          return true;
        },
        end() {
          flight.readings -= 1;
          if (flight.readings === 0) flights.delete(channel);
        },
      };
    },
    apply({ channel, record, entries, forgets }) {
      const flight = flights.get(channel);
      if (flight !== undefined) flight.newest = Math.max(flight.newest, record.version);
      const held = channels.get(channel);
      if (held === undefined) return "forgotten";
      if (record.version <= held.record.version) return "known";
      if (forgets || record.version !== held.record.version + 1) {
        channels.delete(channel);
        return "forgotten";
      }
      held.record = record;
      held.others = standingOf(channel, record, NO_ENTRY, 0);
      for (const { user, entry } of entries) putEntry(held, user, entry);
      if (held.entries.size > MOST_WHOLE) held.isWhole = false;
      return "applied";
    },
    doubt: (partition) => void doubtsOf.set(partition, countOf(partition) + 1),
  };
}

function putEntry({ entries, isWhole }: Held, user: string, entry: AccessEntry): void {
  const kept = shared(entry);
  if (isWhole && kept === NO_ENTRY) {
    entries.delete(user);
    return;
  }
  if (entries.size >= MOST_ENTRIES && !entries.has(user)) {
    for (const longestKnown of entries.keys()) {
      entries.delete(longestKnown);
      break;
    }
  }
  entries.set(user, kept);
}

const ROLE_ONLY: Readonly<Record<Role, AccessEntry>> = {
  owner: { ...NO_ENTRY, role: "owner" },
  moderator: { ...NO_ENTRY, role: "moderator" },
  member: { ...NO_ENTRY, role: "member" },
  reader: { ...NO_ENTRY, role: "reader" },
};

/** Most entries say the same as others: one object stands for them all. */
function shared(entry: AccessEntry): AccessEntry {
  if (entry.ban !== null || entry.mute !== null) return entry;
  return entry.role === null ? NO_ENTRY : ROLE_ONLY[entry.role];
}
