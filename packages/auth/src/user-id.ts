// What a user id and a display name may be, as taken from a token's claims, whatever their type: the protocol's rules, so
// that a name from a token and one from the REST API are the same. Used by the verifier, the minter and the REST API. Pure.
import { cleanName, isUserId as isAllowed } from "@rookery/protocol";

/** A string that the protocol takes for a user id. */
export function isUserId(value: unknown): value is string {
  return typeof value === "string" && isAllowed(value);
}

/**
 * The name to show for a user: the claim, cleaned as every name is. A claim that is no text or leaves nothing gives the
 * user id, cut alike. A foreign issuer's long name is no reason to keep its owner out.
 */
export function displayName(claim: unknown, user: string): string {
  return cleanName(typeof claim === "string" ? claim : "") || cleanName(user) || user;
}
