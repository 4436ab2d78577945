// API keys of backends: made once, shown once, kept as a hash. Used by the REST API and the command line. A fast hash is
// enough, since a key is 256 random bits and not a word that somebody chose.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What a key may be allowed to do; `admin` allows everything. */
export const SCOPES = ["tokens", "publish", "channels", "moderate", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

const PREFIX = "rk_";
const KEY_BYTES = 32;

/** A new key (`rk_` and 43 characters) and the hash under which it is kept. The key itself is to be stored nowhere. */
export function newApiKey(): { readonly key: string; readonly hash: string } {
  const key = PREFIX + randomBytes(KEY_BYTES).toString("base64url");
  return { key, hash: hashApiKey(key) };
}

/** SHA-256 of the key, in hex. */
export function hashApiKey(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

/** Whether a bearer credential is an API key rather than a user's token. */
export function isApiKey(credential: string): boolean {
  return credential.startsWith(PREFIX);
}

/** Compares a key with a stored hash in a time that depends on neither; false for a hash of another form. */
export function matchesApiKey(key: string, hash: string): boolean {
  const actual = Buffer.from(hashApiKey(key), "hex");
  const expected = Buffer.from(hash, "hex");
  return expected.length === actual.length && timingSafeEqual(actual, expected);
}
