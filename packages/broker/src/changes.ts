// Edits, deletions and reactions: what is asked of them and what they promise. Shapes and promises here.
import type { Position, StoredMessage } from "@rookery/protocol";

/** What every change names. */
export interface ChangeDraft {
  readonly channel: string;
  /** Id of the message. */
  readonly id: string;
  readonly user: string;
  /** The version of the channel's rights with which the user was found to be allowed. */
  readonly rightsVersion: number;
  /** As of a Publication. */
  freshRights(this: void): Promise<number>;
}

export interface EditDraft extends ChangeDraft {
  readonly body: string;
}

export interface DeleteDraft extends ChangeDraft {
  /** Whether the user may delete what others wrote. */
  readonly moderates: boolean;
}

export interface ReactDraft extends ChangeDraft {
  readonly emoji: string;
  readonly on: boolean;
}

/** Where the change stands. */
export interface Changed {
  readonly position: Position;
  /** False when it stood already: nothing was announced. */
  readonly isNew: boolean;
}

/**
 * Numbered and announced like messages, and judged by what is so when Redis numbers them. Throws ChatError: `not_found` (no
 * such message, or a deleted one), `forbidden` (another's message), `too_many` (a 51st emoji), `overloaded` and `unavailable`
 * mean that nothing happened, `unknown` that it may have: a repeat answers where it stands.
 */
export interface Changes {
  edit(draft: EditDraft): Promise<Changed>;
  delete(draft: DeleteDraft): Promise<Changed>;
  react(draft: ReactDraft): Promise<Changed>;
}

/** `own` is of `user`. One statement; rejects while Postgres is away. */
export type FindStored = (channel: string, id: string, user: string) => Promise<StoredMessage | undefined>;
