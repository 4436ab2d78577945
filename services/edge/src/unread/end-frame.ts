// What the end of a channel needs to know of a sequenced frame: of most kinds nothing. Used by the tail alone. Pure.
import type { FrameBytes } from "@rookery/broker";
import { parsedObject } from "../parsed-object.ts";

export type EndFrame =
  | {
      readonly kind: "message";
      readonly id: string;
      readonly user: string;
      readonly mentions: readonly string[];
      readonly isDeleted: boolean;
    }
  | { readonly kind: "deleted"; readonly id: string };

const NOBODY: readonly string[] = [];
const ENCODER = new TextEncoder();

/** Undefined for edits, reactions, and whatever is no frame of ours. */
export function endFrameOf(frame: FrameBytes): EndFrame | undefined {
  const members = parsedObject(typeof frame === "string" ? ENCODER.encode(frame) : frame);
  const { type, id, user, mentions, deleted } = members;
  if (typeof id !== "string") return undefined;
  if (type === "deleted") return { kind: "deleted", id };
  if (type !== "message" || typeof user !== "string") return undefined;
  const named = Array.isArray(mentions) ? mentions.map(String) : NOBODY;
  return { kind: "message", id, user, mentions: named, isDeleted: deleted === true };
}
