// What to say of an address that was tried with TLS where the port has none, or without where it has: neither side says so, and
// the errors of the runtime name no cause. Called where a connection failed. Pure.

/** How the runtime tells that the other side hung up on what it took for no handshake. */
const HUNG_UP = /socket hang up|other side closed|ECONNRESET|Parse Error/;
const NO_TLS = /wrong version number|packet length too long/;

/** In words, or undefined where the failure was of another kind. */
export function tlsHint(url: string, why: string): string | undefined {
  const [scheme = ""] = url.split(":", 1);
  if (/^(ws|http)$/.test(scheme) && HUNG_UP.test(why)) return `if this port speaks TLS, say ${scheme}s://`;
  if (/^(wss|https)$/.test(scheme) && NO_TLS.test(why)) return `this port speaks no TLS: say ${scheme.slice(0, -1)}://`;
  return undefined;
}
