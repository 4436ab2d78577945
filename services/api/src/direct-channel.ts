// The id of the channel of two users: the same whoever of them asks. Pure.
// Others can work it out as well, and learn nothing by it: to them it is as absent as any other.
import { createHash } from "node:crypto";
import { DIRECT_PREFIX } from "@rookery/protocol";

/** 128 bits of it, 22 characters of base64url: two pairs with one id would share a channel. */
const HASH_BYTES = 16;

export function directChannelId(one: string, other: string): string {
  // By code units, like everywhere; as JSON, so that no two pairs are one text.
  const pair = JSON.stringify([one, other].toSorted());
  const hash = createHash("sha256").update(pair, "utf8").digest();
  return DIRECT_PREFIX + hash.subarray(0, HASH_BYTES).toString("base64url");
}
