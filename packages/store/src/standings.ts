// What Postgres has of who may do what, for many channels and users in one statement. Called through packages/rights where
// neither memory nor Redis knows. Judges nothing: a ban that has ended is given as it stands.
import type { AccessEntry, ChannelRecord } from "@rookery/protocol";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** One element a channel. */
export interface StandingWish {
  readonly channel: string;
  readonly users: readonly string[];
}

export interface Standing {
  readonly record: ChannelRecord;
  /** True: every user with an entry stands in `entries`. Never of a channel that none of those asked for may know of. */
  readonly isWhole: boolean;
  /** By user. One who was asked for and has no entry stands here with everything null, unless `isWhole`. */
  readonly entries: ReadonlyMap<string, AccessEntry>;
}

/** Throws ChatError `unavailable` while Postgres is away. */
export interface Standings {
  /** By channel; one that was never made is left out. One statement, which costs the same for one that is hidden. */
  read(wishes: readonly StandingWish[]): Promise<Map<string, Standing>>;
}

interface StandingRow {
  readonly channel: string;
  readonly record: ChannelRecord;
  readonly isWhole: boolean;
  readonly entries: readonly { readonly user: string; readonly entry: AccessEntry }[];
}

const READ = loadStatement("standings-read");

/** Up to here a node holds all that is special in a channel, and need not ask for anybody else. */
const MOST_WHOLE = 256;

export function createStandings(store: Store): Standings {
  return {
    async read(wishes) {
      const rows = await store.read<StandingRow>("channels", READ, [JSON.stringify(wishes), MOST_WHOLE]);
      return new Map(
        rows.map(({ channel, record, isWhole, entries }) => [channel, { record, isWhole, entries: byUser(entries) }]),
      );
    },
  };
}

function byUser(entries: StandingRow["entries"]): Map<string, AccessEntry> {
  return new Map(entries.map(({ user, entry }) => [user, entry]));
}
