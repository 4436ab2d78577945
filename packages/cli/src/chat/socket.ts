// One WebSocket to an edge: the one file that knows `ws`. Frames in and out, a watch for a dead link, how it closed.
// Called by stay-connected.ts, once a connection. What an edge sends is taken to be what its type says.
// States: opening, open, closed.
import type { ClientFrame, ServerFrame } from "@rookery/protocol";
import { encodeClientFrame } from "@rookery/protocol";
import { WebSocket } from "ws";
import { messageOf } from "../io.ts";
import { parseFrame } from "./frame-of.ts";
import { tlsHint } from "./tls-hint.ts";

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export interface ChatSocket {
  /** Lost when the socket is closed. */
  send(frame: ClientFrame): void;
  close(): void;
  /** Calls `act` after so long, unless the socket is closed by then. */
  after(ms: number, act: () => void): void;
  /** Resolves once it is closed, by whomever. */
  readonly closed: Promise<Closing>;
}

export interface SocketOptions {
  readonly url: string;
  readonly token: string;
  readonly onFrame: (frame: ServerFrame, socket: ChatSocket) => void;
  /** Gives up a handshake that is under way; an open socket is closed by its owner. */
  readonly until: AbortSignal;
}

/** The upgrade was refused, or nobody listens. */
export class ConnectFailure extends Error {
  /** Trying again will not help: the edge understood and said no. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal: boolean) {
    super(message);
    this.isFinal = isFinal;
  }
}

const HANDSHAKE_MS = 10_000;
/** An edge that does not answer a farewell is not waited for. */
const FAREWELL_MS = 1000;
/** Of the 4xx the one that passes: a proxy's limit. */
const TOO_MANY_REQUESTS = 429;
/** An edge pings every 25 s: two pings missed and the link is dead, whatever TCP believes. */
const SILENCE_MS = 60_000;

/** Resolves once the socket is open, before anything was said. Rejects with a `ConnectFailure`. */
export function openSocket({ url, token, onFrame, until }: SocketOptions): Promise<ChatSocket> {
  const headers = { authorization: `Bearer ${token}` };
  const ws = new WebSocket(url, ["rookery.v1"], { headers, handshakeTimeout: HANDSHAKE_MS });
  const silence = setTimeout(() => ws.terminate(), SILENCE_MS);
  const closed = new Promise<Closing>((resolve) => {
    ws.once("close", (code, reason) => {
      clearTimeout(silence);
      resolve({ code, reason: reason.toString("utf8") });
    });
  });
  const socket: ChatSocket = {
    // A socket that has closed meanwhile tells so by `closed`.
    send: (frame) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(encodeClientFrame(frame));
    },
    close: () => {
      ws.close(1000);
      const forced = setTimeout(() => ws.terminate(), FAREWELL_MS);
      void closed.then(() => clearTimeout(forced));
    },
    after: (ms, act) => {
      const timer = setTimeout(act, ms);
      void closed.then(() => clearTimeout(timer));
    },
    closed,
  };
  ws.on("ping", () => silence.refresh());
  ws.on("message", (data) => {
    silence.refresh();
    const frame = parseFrame(data);
    if (frame !== undefined) onFrame(frame, socket);
  });
  return new Promise((resolve, reject) => {
    const giveUp = (): void => ws.terminate();
    until.addEventListener("abort", giveUp, { once: true });
    // Also of a handshake that fails: whoever follows for days makes thousands of them under one signal.
    void closed.then(() => until.removeEventListener("abort", giveUp));
    ws.once("open", () => {
      until.removeEventListener("abort", giveUp);
      resolve(socket);
    });
    ws.once("unexpected-response", (request, response) => {
      const status = response.statusCode ?? 0;
      request.destroy();
      clearTimeout(silence);
      const isFinal = status >= 400 && status < 500 && status !== TOO_MANY_REQUESTS;
      reject(new ConnectFailure(`${url} refused the connection with HTTP ${status}`, isFinal));
    });
    ws.on("error", (error) => reject(new ConnectFailure(unreachable(url, messageOf(error)), false)));
  });
}

function unreachable(url: string, why: string): string {
  const hint = tlsHint(url, why);
  return `${url} cannot be reached: ${why}${hint === undefined ? "" : ` (${hint})`}`;
}
