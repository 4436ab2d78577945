// What the pages of the api may load and call (Content Security Policy). Sent with every answer; only pages read it.
// Scripts and styles come from here only, none of them inline, and nothing may frame a page.

/** The sockets of a cluster on this machine, for whoever tries the protocol from a page of it. */
const LOOPBACK_SOCKETS = ["ws://localhost:*", "ws://127.0.0.1:*"];

export interface Reachable {
  /** As in the settings: where any page of this machine may connect, those of the api may too. */
  readonly allowedOrigins: readonly string[];
  /** What the chat page connects to, where it is served. */
  readonly chatPage?: { readonly publicWsUrls: readonly string[]; readonly signInUrl?: string | undefined } | undefined;
}

export function contentPolicy({ allowedOrigins, chatPage }: Reachable) {
  const sockets = allowedOrigins.includes("loopback") ? LOOPBACK_SOCKETS : [];
  const named = [...(chatPage?.publicWsUrls ?? []), chatPage?.signInUrl ?? ""].filter((url) => URL.canParse(url));
  const called = named.map((url) => new URL(url)).map(({ protocol, host }) => `${protocol}//${host}`);
  return {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      connectSrc: [...new Set(["'self'", ...called, ...sockets])],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", "data:"],
      objectSrc: ["'none'"],
    },
  };
}
