// An edge for tests of the commands that talk to one: welcomes, lets in, takes messages, or does what a test says instead.
// Everything made here ends with the test that asked for it.
import { once } from "node:events";
import { Readable } from "node:stream";
import { DEFAULT_LIMITS } from "@rookery/protocol";
import type { FrameLimits, MessageFrame } from "@rookery/protocol";
import { onTestFinished } from "vitest";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Entry } from "../io.ts";
import { main } from "../main.ts";

export interface Asked {
  readonly type: string;
  readonly ref?: string;
  readonly [field: string]: unknown;
}

export interface FakeEdgeOptions {
  readonly limits?: Partial<FrameLimits>;
  /** What was said before anybody came. */
  readonly messages?: readonly MessageFrame[];
  /** True when it has dealt with the frame itself. */
  readonly answer?: (frame: Asked, socket: WebSocket) => boolean;
}

export interface FakeEdge {
  readonly url: string;
  /** Every frame that came, by whichever connection. */
  readonly asked: readonly Asked[];
  /** To everybody. */
  say(frame: object | string): void;
}

export const message = (seq: number, over: Partial<MessageFrame> = {}): MessageFrame => ({
  type: "message",
  channel: "lobby",
  epoch: 1,
  seq,
  at: 0,
  id: `m${seq}`,
  clientId: `c${seq}`,
  user: "alice",
  name: "alice",
  body: `text ${seq}`,
  ...over,
});

const NOWHERE = { epoch: 0, seq: 0 };
const COUNTS = { read: NOWHERE, saved: NOWHERE, unread: 0, mentions: 0, online: 0 };
const JOINED = { ...COUNTS, channel: "lobby", recovered: true, more: false, mode: "full", role: "member", can: [] };
/** A token of these never ends. */
const FAR_MS = 4_000_000_000_000;

const isAsked = (value: unknown): value is Asked => typeof value === "object" && value !== null && "type" in value;

export async function startFakeEdge(options: FakeEdgeOptions = {}): Promise<FakeEdge> {
  const { limits, messages = [], answer = () => false } = options;
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const asked: Asked[] = [];
  const replies: Readonly<Record<string, object>> = {
    join: { ...JOINED, epoch: 1, seq: messages.length, messages },
    send: { channel: "lobby", id: "m", clientId: "c", epoch: 1, seq: messages.length + 1, at: 0 },
  };
  server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    const session = { user: "alice", name: "alice", heartbeatMs: 25_000, refreshAt: FAR_MS, expiresAt: FAR_MS };
    socket.send(JSON.stringify({ type: "welcome", ...session, limits: { ...DEFAULT_LIMITS, ...limits } }));
    socket.on("message", (data) => {
      const frame: unknown = JSON.parse(Buffer.isBuffer(data) ? data.toString("utf8") : "null");
      if (!isAsked(frame)) return;
      asked.push(frame);
      if (answer(frame, socket)) return;
      // One join, as several in one frame or by itself.
      const { joins } = frame;
      const reply = Array.isArray(joins)
        ? { results: joins.map(() => ({ type: "ok", ...replies["join"] })) }
        : replies[frame.type];
      if (reply !== undefined) socket.send(JSON.stringify({ type: "ok", ref: frame.ref, ...reply }));
    });
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const say = (frame: object | string): void => {
    for (const client of server.clients) client.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  };
  return { url: `ws://127.0.0.1:${port}/ws`, asked, say };
}

export interface Running {
  readonly code: Promise<number>;
  readonly out: readonly string[];
  readonly err: readonly string[];
  /** As when the reader of standard output leaves. */
  readonly closeOutput: () => void;
}

/** A command in this process; it has to be over when the test is. */
export function run(...argv: readonly string[]): Running {
  return runWith({ input: Readable.from([]), screen: undefined }, ...argv);
}

/** The same with lines to read, and maybe a screen. */
export function runWith(entry: Entry, ...argv: readonly string[]): Running {
  const out: string[] = [];
  const err: string[] = [];
  let closeOutput = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    closeOutput = resolve;
  });
  const code = main(argv, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    outClosed: () => closed,
    outFlushed: () => Promise.resolve(undefined),
    entry: () => entry,
    cwd: "/nowhere",
    env: {},
  });
  onTestFinished(async () => {
    closeOutput();
    await code;
  });
  return { code, out, err, closeOutput: () => closeOutput() };
}
