// Whether a page's origin may use the public ports. Edge and api ask the same function, so that a page is let in by both or
// by neither. An origin is compared as browsers send it: nothing is normalised for a client.

import { LOOPBACK_ORIGINS } from "./origin.ts";

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
/** A host name has at most 253 characters. */
const MAX_ORIGIN_CHARS = 300;

export type OriginAllowed = (origin: string) => boolean;

/** `allowed`: what `parseOrigin` gives, origins in the form that browsers send or the word `loopback`. */
export function createOriginAllowed(allowed: readonly string[]): OriginAllowed {
  const named = new Set(allowed);
  const loopback = named.delete(LOOPBACK_ORIGINS);
  return (origin) => named.has(origin) || (loopback && isLoopbackOrigin(origin));
}

function isLoopbackOrigin(origin: string): boolean {
  if (origin.length > MAX_ORIGIN_CHARS || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  // What differs from its own normal form was not written by a browser.
  return /^https?:$/.test(url.protocol) && url.origin === origin && LOOPBACK_HOST.test(url.hostname);
}
