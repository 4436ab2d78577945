// What the page of the api may load and call (Content Security Policy). Sent with every answer; only the page reads it.
// Scripts and styles come from here only, and nothing may frame the page.

/** The sockets of a cluster on this machine, for whoever tries the protocol from the page. */
const LOOPBACK_SOCKETS = ["ws://localhost:*", "ws://127.0.0.1:*"];

/** `allowedOrigins` as in the settings: where any page of this machine may connect, this one may too. */
export function contentPolicy(allowedOrigins: readonly string[]) {
  const sockets = allowedOrigins.includes("loopback") ? LOOPBACK_SOCKETS : [];
  return {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      connectSrc: ["'self'", ...sockets],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", "data:"],
      objectSrc: ["'none'"],
    },
  };
}
