// The socket that the SDK is given here: `ws`, with an ear for what the SDK keeps to itself and a person at a terminal wants to know:
// why an edge cannot be reached, how a connection ended, what is refused for the moment. Called by sdk-link.ts.
import type { ErrorFrame, FrameLimits } from "@rookery/protocol";
import { WebSocket } from "ws";
import { parseFrame } from "./frame-of.ts";
import { tlsHint } from "./tls-hint.ts";

/** How a connection ended, or why there was none. */
export interface SocketEnd {
  readonly url: string;
  readonly wasOpen: boolean;
  readonly code: number;
  /** Of the edge or of the network. */
  readonly reason: string;
  /** Trying again will not help: the edge understood and said no. */
  readonly isFinal: boolean;
}

export interface SocketEars {
  readonly ended: (end: SocketEnd) => void;
  readonly limits: (limits: FrameLimits) => void;
  /** The SDK asks again by itself. */
  readonly refusedForNow: (frame: ErrorFrame) => void;
}

const HANDSHAKE_MS = 10_000;
/** Of the 4xx the one that passes: a proxy's limit. */
const TOO_MANY_REQUESTS = 429;

/** What `connect` takes as its `WebSocket`. */
export function toldSockets(ears: SocketEars): typeof WebSocket {
  return new Proxy(WebSocket, {
    construct(Socket, [url, protocols]: [string, string[]]) {
      const socket = new Socket(url, protocols, { handshakeTimeout: HANDSHAKE_MS });
      listen(socket, url, ears);
      return socket;
    },
  });
}

function listen(socket: WebSocket, url: string, { ended, limits, refusedForNow }: SocketEars): void {
  let failure: string | undefined;
  let wasOpen = false;
  socket.once("open", () => {
    wasOpen = true;
  });
  socket.on("error", ({ message }) => (failure ??= message));
  socket.once("close", (code, reason) => {
    const status = Number(/^Unexpected server response: (\d+)$/.exec(failure ?? "")?.[1] ?? 0);
    const isFinal = status >= 400 && status < 500 && status !== TOO_MANY_REQUESTS;
    const why = status > 0 ? `${url} refused the connection with HTTP ${status}` : unreachable(url, failure ?? "");
    ended({ url, wasOpen, code, isFinal, reason: wasOpen ? reason.toString("utf8") : why });
  });
  socket.on("message", (data) => {
    const frame = parseFrame(data);
    if (frame?.type === "welcome") limits(frame.limits);
    if (frame?.type === "error" && frame.retry === "later") refusedForNow(frame);
  });
}

function unreachable(url: string, why: string): string {
  const hint = tlsHint(url, why);
  return `${url} cannot be reached: ${why}${hint === undefined ? "" : ` (${hint})`}`;
}
