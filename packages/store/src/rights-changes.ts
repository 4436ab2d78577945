// Changes of who may do what, each one statement that judges, writes and leaves word of itself. Shapes and promises for the
// api; behind them are functions of the database, which lock the channel's row, so that of two changes one sees the other.
//
// What a change leaves is a row of `announcements`, in its own transaction: whoever announces it takes the row away, and what
// lies there for more than a second is announced by any api that finds it. So nothing that was committed stays unheard.
import type { ChannelChange, Control, Role } from "@rookery/protocol";
import type { ChannelRow } from "./channels.ts";

/** Who acts. A key may do to everybody what its scope allows; a user is judged by the role that stands when it is done. */
export type Actor = { readonly kind: "user"; readonly user: string } | { readonly kind: "key"; readonly name: string };

/** Why nothing was done. `not_found` is also what one is told of a channel that one may not know of. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: "not_found" | "forbidden" | "conflict" | "too_many" | "invalid";
  /** For whoever asked: names what was wrong and what is possible. */
  readonly message: string;
}

/** Done, committed, and still to be told. */
export interface Done<Change extends Control> {
  readonly kind: "done";
  readonly change: Change;
  /** The row that waits until the change was announced. */
  readonly announcement: number;
  /** The audit record that goes with it, JSON without its time; see the broker's audit.ts. */
  readonly audit: string;
}

/** Nothing had to change, so nothing is to be told. */
export interface Unchanged {
  readonly kind: "unchanged";
}

export type ChannelOutcome = Done<ChannelChange> | Unchanged | Refusal;

/** Of one channel; `partition` is the channel's, for the announcement. */
export interface ChannelAct {
  readonly actor: Actor;
  readonly channel: string;
  readonly partition: number;
}

/** `untilMs` null for good. */
export interface SanctionGiven {
  readonly untilMs: number | null;
  readonly reason: string | null;
}

export interface SanctionRow extends SanctionGiven {
  readonly user: string;
  readonly channel: string;
  /** User id, or `key:<name>`. */
  readonly by: string;
  /** Since the Unix epoch, ms. */
  readonly at: number;
}

/** All of what may be changed of a channel beside who belongs to it. Absent: as it is. */
export interface ChannelGiven {
  readonly name?: string | null | undefined;
  readonly slowModeSec?: number | undefined;
  readonly retentionDays?: number | null | undefined;
  readonly memberCap?: number | null | undefined;
  readonly digestAbove?: number | null | undefined;
  readonly countAbove?: number | null | undefined;
  /** argon2id. */
  readonly passwordHash?: string | undefined;
  /** With a new password: everybody below a moderator is no member any more and is taken out. */
  readonly evict?: boolean | undefined;
}

/** A channel that is to be. Those with an owner begin with one member; a direct one has its two users from the start. */
export type WantedChannel =
  | {
      readonly kind: "public" | "private" | "password";
      readonly owner: string;
      readonly given: Omit<ChannelGiven, "evict">;
    }
  | { readonly kind: "direct"; readonly users: readonly [string, string] };

export type MadeOutcome =
  (Done<ChannelChange> & { readonly row: ChannelRow }) | (Unchanged & { readonly row: ChannelRow }) | Refusal;

/** Where a channel has no number of its own; what is given of it is judged against these. */
export interface CrowdDefaults {
  readonly digestAbove: number;
  readonly countAbove: number;
}

/** Every method throws ChatError `unavailable` while Postgres is away, or `unknown` where it fell silent with the act in hand. */
export interface ChannelActs {
  /** `conflict` where there is, or was, one with this id; a direct channel that is there is `unchanged`. */
  create(act: ChannelAct & { readonly wanted: WantedChannel }): Promise<MadeOutcome>;
  /** Null takes the role away: of a member by a moderator, of oneself by oneself. The last owner stays. */
  setRole(act: ChannelAct & { readonly user: string; readonly role: Role | null }): Promise<ChannelOutcome>;
  /** Null lifts it. A ban takes away the role, and lifting it gives none back. Of owners only a key bans one, and not the last. */
  ban(act: ChannelAct & { readonly user: string; readonly ban: SanctionGiven | null }): Promise<ChannelOutcome>;
  mute(act: ChannelAct & { readonly user: string; readonly mute: SanctionGiven | null }): Promise<ChannelOutcome>;
  /** Ends being present now, and nothing else: whoever could come in before can come again. */
  kick(act: ChannelAct & { readonly user: string; readonly reason: string | null }): Promise<ChannelOutcome>;
  /** Of who has shown the password: a member, unless banned or beyond the cap. The hash that was checked must still stand. */
  admit(act: ChannelAct & { readonly user: string; readonly passwordHash: string }): Promise<ChannelOutcome>;
  /** `row`: the channel as it is then, also where nothing had to change. */
  change(act: ChannelAct & { readonly given: ChannelGiven; readonly defaults?: CrowdDefaults }): Promise<MadeOutcome>;
  /** Its id is given to nobody again; what was said in it is removed by the retention job. */
  delete(act: ChannelAct): Promise<ChannelOutcome>;
}
