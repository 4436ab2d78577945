// A message on its way into a channel, and what comes back. Shapes only: publisher.ts takes one and answers the other.
import type { Position } from "@rookery/protocol";
import type { ComposedMessage } from "./compose-message.ts";
import type { EntryId } from "./entry-id.ts";

/** One message on its way. `contentHash` must not hold `|`, and begins with two characters that name how it is made. */
export interface Publication extends ComposedMessage {
  /** the version of the channel's rights with which the sender was found to be allowed */
  readonly rightsVersion: number;
  /** 0 means none */
  readonly slowModeMs: number;
  /**
   * Asked at most once, when the rights proved to have changed: the version to try again with, also for what the same sender
   * sent into the channel by the same version. Rejects with the refusal to tell.
   */
  freshRights(this: void): Promise<number>;
}

/** Where the message stands; for a `duplicate` where the first one does. `at` is in ms on the clock of Redis. */
export interface Published {
  readonly kind: "published";
  readonly id: string;
  readonly position: Position;
  readonly at: number;
  readonly duplicate: boolean;
  readonly entry: EntryId;
}
