// Who is present, as this node tells Redis. The node's own truth is asked for when a run is formed, so that whatever is told
// twice, late or in another order ends with what is so: a count is set, never added to. Shapes and promises here.
import type { Crowd, CrowdRules } from "./crowd.ts";

/** One user's presence in a channel by way of this node. */
export interface Attendance {
  /** Connections here, those included whose grace has not ended. At least 1. */
  readonly connections: number;
  readonly name: string;
  readonly rules: CrowdRules;
}

/** One connection. */
export interface SessionRecord {
  /** Since the Unix epoch, in ms. */
  readonly since: number;
  /** A hash of the address, never the address. */
  readonly address: string;
  /** What the client calls itself, at most 64 characters, or "". */
  readonly client: string;
  readonly name: string;
}

/** What is so on this node: asked again and again, so it answers from memory. */
export interface LocalTruth {
  attendance(channel: string, user: string): Attendance | undefined;
  session(user: string, session: string): SessionRecord | undefined;
  /** Everybody, for registering anew. A channel or user may come more than once. */
  channels(): Iterable<string>;
  usersIn(channel: string): Iterable<string>;
  sessions(): Iterable<readonly [user: string, session: string]>;
}

/**
 * What Redis knows of this node's people. Whatever is told here ends in Redis as the truth has it then, through lost replies,
 * outages, a new master and a new id of the node.
 */
export interface Presence {
  /**
   * The user's presence in the channel has changed here. Resolves with the channel's crowd once Redis has it; rejects with
   * ChatError `unavailable` after the command timeout, and goes on trying. `session`: the one that is not told `joined`.
   */
  changed(channel: string, user: string, session?: string): Promise<Crowd>;
  /** The session has come or gone. */
  sessionChanged(user: string, session: string): void;
  /** Redis says who serves the partition: after a change all of it is told again, without a word to anybody. */
  served(partition: number, replicationId: string): void;
  /** From here on nobody leaves by way of this node: it is going, and its lease holds everybody's presence for a while. */
  hold(): void;
  /** Changes that Redis does not have yet. */
  waiting(): number;
  close(): void;
}

/** One page of those present, ascending by user. */
export interface PresentPage {
  readonly crowd: Crowd;
  readonly members: readonly { readonly user: string; readonly name: string; readonly connections: number }[];
  /** To go on after; absent on the last page. */
  readonly cursor?: string;
}

/** One connection as `sess` tells it. */
export interface KnownSession extends SessionRecord {
  readonly session: string;
  readonly node: string;
}

/** What the cluster knows of presence, for edge and api. Throws ChatError `unavailable`. */
export interface PresenceReader {
  page(channel: string, after: string | undefined, limit: number): Promise<PresentPage>;
  crowd(channel: string): Promise<Crowd>;
  isPresent(channel: string, user: string): Promise<boolean>;
  /** Of living nodes and of those not reaped yet. */
  sessionsOf(user: string): Promise<KnownSession[]>;
}
