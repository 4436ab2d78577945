// From what a client wants to say to what the publish script needs: the frame in two halves and the fingerprint by which
// a repeat is told from a conflict. Called by the edge's `send` and the api's POST; knows no Redis.
import { hash } from "node:crypto";
import { findMentions, messageHalves } from "@rookery/protocol";
import type { FrameHalves, Meta } from "@rookery/protocol";

/** A message with its final id, its fields already checked and cleaned. */
export interface MessageDraft {
  readonly channel: string;
  readonly id: string;
  readonly clientId: string;
  readonly user: string;
  readonly name: string;
  readonly body: string;
  readonly replyTo?: string | undefined;
  readonly meta?: Meta | undefined;
}

export interface ComposedMessage {
  readonly channel: string;
  readonly user: string;
  readonly clientId: string;
  readonly id: string;
  readonly contentHash: string;
  readonly halves: FrameHalves;
}

/** Serialises the message, once in its life. Equal body, replyTo and meta (in any order of keys) give an equal hash. */
export function composeMessage(draft: MessageDraft): ComposedMessage {
  const { channel, user, clientId, id, name, body, replyTo, meta } = draft;
  const mentions = body.includes("@") ? findMentions(body) : undefined;
  return {
    channel,
    user,
    clientId,
    id,
    contentHash: contentHash(draft),
    halves: messageHalves({ channel, id, clientId, user, name, body, replyTo, meta, mentions }),
  };
}

/** Before each hash: one of another recipe, which another build has left, cannot be compared. See recall.lua. */
const RECIPE = "2:";

/**
 * 160 bits against accidents, not against attackers: a sender could only collide with its own clientId. Salted with what the
 * once-key names, so that equal texts are not seen to be equal in Redis; it is overwritten when the message is deleted.
 */
function contentHash({ channel, user, clientId, body, replyTo, meta }: MessageDraft): string {
  const sorted = meta === undefined ? [] : Object.entries(meta).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return RECIPE + hash("sha1", JSON.stringify([channel, user, clientId, body, replyTo ?? null, sorted]), "base64url");
}
