// What is told of a client's address: a hash, keyed with the cluster's id, so that every node says the same of one address and
// nobody finds it in a table made beforehand. Whoever can read the key in Redis can try all of IPv4: it hides an address from
// those who are shown connections, not from those who run the stores. Asked by the local truth. Pure.

import { hash } from "node:crypto";

/** 72 bits: two addresses of one cluster do not share it by chance. */
const SHOWN_CHARS = 12;

/** "" while there is no key. */
export function hashAddress(key: string | undefined, address: string): string {
  if (key === undefined) return "";
  // Shortened, so that nothing can be appended to what was hashed. An HMAC is an object of Node for each connection.
  return hash("sha256", `${key}|${address}`, "base64url").slice(0, SHOWN_CHARS);
}
