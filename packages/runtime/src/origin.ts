// Reads an origin as an operator writes it into the text that a browser sends for it (RFC 6454 section 6.1, WHATWG URL):
// scheme and host in lower case, names in punycode, no default port. Called by the settings. Pure.

/** An item of an allow-list: every page that this machine itself serves, on any port. For development. */
export const LOOPBACK_ORIGINS = "loopback";

/** Scheme, host and port, and nothing that could hide a path, a user or another host. */
const FORM = /^https?:\/\/[^\s/?#\\@]+$/i;

/** The word `loopback`, or the origin in the form that browsers send. Throws an Error of one line for anything else. */
export function parseOrigin(text: string): string {
  if (text.toLowerCase() === LOOPBACK_ORIGINS) return LOOPBACK_ORIGINS;
  if (text.includes("*")) throw new Error("there is no wildcard: each origin is named");
  if (text.toLowerCase() === "null")
    throw new Error("null is sent by pages of no origin, of which anybody can make one");
  if (!/^https?:/i.test(text)) throw new Error("an origin begins with https:// or http://");
  if (!FORM.test(text)) throw new Error("an origin ends with its host or port: no path, no query, no user");
  if (!URL.canParse(text)) throw new Error("the host or the port of an origin cannot be read");
  return new URL(text).origin;
}
