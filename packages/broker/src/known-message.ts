// What is known of a message when a change of it is judged: made of what Redis remembers, of its frame in the log, or of its
// row. Used by find-message.ts and judge-change.ts. Pure.
import { hash } from "node:crypto";
import { formatPosition } from "@rookery/protocol";
import type { FullMessageFrame, Position, StoredMessage } from "@rookery/protocol";
import { parseActs } from "./acts.ts";
import type { Acts, Mark, Told } from "./acts.ts";

export interface KnownMessage extends Acts {
  /** The first line in `acts`, which must still be so when the message is changed; "" where Redis remembers nothing. */
  readonly line: string;
  /** What the user who changes it has said last of the emoji in question. */
  readonly mark: Mark | undefined;
  /** The same in `marks`; "" where Redis has none. */
  readonly markText: string;
  /** Up to where Postgres has the channel, as far as Redis knows. */
  readonly saved: Position;
}

export function ofActs(text: string): Acts & { readonly line: string } {
  return { ...parseActs(text), line: text.slice(0, text.indexOf("\n")) };
}

/** A message that is in the log and of which Redis remembers nothing: nothing has happened to it. */
export function ofFrame(frame: FullMessageFrame, prev: string): Acts {
  const { id, user, clientId, name, at, replyTo, body } = frame;
  const told: Told = {
    ...{ h: fingerprint(id, body), p: formatPosition(frame) },
    ...(prev !== "" && { v: prev }),
    ...{ u: user, c: clientId, n: name, t: at },
    ...(replyTo !== undefined && { r: replyTo }),
  };
  return { told, reactions: [] };
}

export function ofRow(id: string, row: StoredMessage): Acts {
  const { position, user, clientId, name, at, replyTo, body, deleted, edited, reactions } = row;
  const isDeleted = body === undefined || deleted !== undefined;
  const told: Told = {
    ...(isDeleted
      ? { d: formatPosition(deleted ?? position) }
      : { ...(edited !== undefined && { e: formatPosition(edited) }), h: fingerprint(id, body) }),
    ...{ p: formatPosition(position), u: user, c: clientId, n: name, t: at },
    ...(replyTo !== undefined && { r: replyTo }),
  };
  return { told, reactions: isDeleted ? [] : reactions };
}

/** Tells whether another text is the same. It stands where the text would be long, and is gone when the message is deleted. */
export function fingerprint(id: string, body: string): string {
  return hash("sha1", `${id}|${body}`, "base64url");
}
