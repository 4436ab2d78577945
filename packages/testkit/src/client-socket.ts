// Owns one WebSocket connection up to its close: credentials, welcome, frames in and out. Called by client.ts.
// States: opening, welcomed, closed. Must never hide how a connection ended.
import { WebSocket } from "ws";
import { parseFrame } from "./client-frame.ts";
import type { Frame } from "./client-frame.ts";

/** Where the token is put. (protocol, "Connecting") */
export type Via = "header" | "subprotocol" | "auth";

export interface SocketOptions {
  url: string;
  token: string;
  via: Via;
  /** More request headers, for example `Origin`. */
  headers?: Record<string, string>;
  /** PEM certificates of who signs for a `wss` address. */
  ca?: string;
  /** More fields of the `auth` frame, when that is how the token travels. */
  auth?: Record<string, unknown>;
  welcomeWithinMs: number;
  /** Sees every frame, the welcome too, in order. */
  onFrame: (frame: Frame) => void;
}

/** How a connection ended, by the close frame; 1006 when there was none. */
export interface Closing {
  code: number;
  reason: string;
}

/** A connection that did not come about: closed before its welcome, or refused as an HTTP request. */
export class ConnectFailure extends Error {
  readonly closing: Closing;
  /** The HTTP status instead of an upgrade. */
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;

  constructor(what: string, closing: Closing, http?: { status: number; retryAfter: string | undefined }) {
    super(what);
    this.closing = closing;
    this.status = http?.status;
    this.retryAfter = http?.retryAfter;
  }
}

export interface OpenSocket {
  welcome: Frame;
  /** False when the connection is closing or closed. */
  send: (frame: Frame) => boolean;
  closed: Promise<Closing>;
  close: (code?: number) => void;
  /** Stops reading, so that the buffers of both ends fill, or reads on. */
  read: (on: boolean) => void;
  /** Ends the TCP connection without a close frame. */
  kill: () => void;
}

const opened = ({ url, token, via, headers = {}, ca }: SocketOptions): WebSocket => {
  const trust = ca === undefined ? {} : { ca };
  if (via === "header")
    return new WebSocket(url, { headers: { ...headers, authorization: `Bearer ${token}` }, ...trust });
  if (via === "auth") return new WebSocket(url, { headers, ...trust });
  return new WebSocket(url, ["rookery.v1", `bearer.${Buffer.from(token).toString("base64url")}`], {
    headers,
    ...trust,
  });
};

/** Opens a connection and resolves at its welcome. Rejects with a ConnectFailure. */
export const openSocket = (options: SocketOptions): Promise<OpenSocket> =>
  new Promise((resolve, reject) => {
    const socket = opened(options);
    let http: { status: number; retryAfter: string | undefined } | undefined;
    let fault = "";
    const late = setTimeout(() => {
      fault = `no welcome within ${options.welcomeWithinMs} ms`;
      socket.terminate();
    }, options.welcomeWithinMs);
    const closed = new Promise<Closing>((done) => {
      socket.once("close", (code, reason) => done({ code, reason: reason.toString("utf8") }));
    });
    socket.on("error", (error) => {
      fault ||= error.message;
    });
    socket.once("unexpected-response", (_request, response) => {
      http = { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] };
      fault = `answered ${http.status} instead of an upgrade`;
      socket.terminate();
    });
    socket.once("open", () => {
      if (options.via !== "auth") return;
      socket.send(JSON.stringify({ type: "auth", ref: "auth", token: options.token, ...options.auth }));
    });
    const handle = {
      send: (frame: Frame): boolean => {
        if (socket.readyState !== WebSocket.OPEN) return false;
        socket.send(JSON.stringify(frame));
        return true;
      },
      closed,
      close: (code = 1000) => socket.close(code),
      read: (on: boolean) => (on ? socket.resume() : socket.pause()),
      kill: () => socket.terminate(),
    };
    socket.on("message", (data) => {
      const frame = parseFrame(Buffer.isBuffer(data) ? data.toString("utf8") : "");
      if (frame.type === "welcome") {
        clearTimeout(late);
        resolve({ ...handle, welcome: frame });
      }
      options.onFrame(frame);
    });
    void closed.then((closing) => {
      clearTimeout(late);
      const what = fault === "" ? `closed with ${closing.code} ${closing.reason}` : fault;
      reject(new ConnectFailure(`${options.url}: ${what}`, closing, http));
    });
  });
