// An edge in memory for tests of what stands on the SDK: lets everybody in, joins every channel but those that it refuses. Answers
// at once; remembers no messages.
import { connect } from "@rookery/client";
import type { Client, Message, SocketEvent, SocketLike } from "@rookery/client";
import { fieldOf, isFields, parsed, textOf } from "./shape.ts";

export interface FakeEdge {
  readonly client: Client;
  /** What was asked for: `id`, or `id by password`. */
  readonly joined: string[];
  readonly left: string[];
  /** By id: whoever asks for one of these is refused. */
  readonly closed: Set<string>;
  /** Somebody says something in a channel. */
  readonly say: (channel: string, more: Partial<Message>) => void;
}

const LIMITS = {
  frameBytes: 16_384,
  bodyBytes: 4096,
  metaBytes: 1024,
  channels: 100,
  pageMessages: 50,
  pageBytes: 65_536,
};
const WELCOME = {
  type: "welcome",
  session: "s",
  user: "ann",
  name: "Ann",
  node: "n",
  heartbeatMs: 25_000,
  limits: LIMITS,
};
const FAR_MS = 4_000_000_000_000;
const NOWHERE = { epoch: 0, seq: 0 };

export function createFakeEdge(): FakeEdge {
  const [joined, left, closed]: [string[], string[], Set<string>] = [[], [], new Set()];
  const join = (asked: unknown): object => {
    const channel = textOf(asked, "channel") ?? "";
    const password = textOf(asked, "password");
    joined.push(password === undefined ? channel : `${channel} by ${password}`);
    if (closed.has(channel)) return { type: "error", code: "forbidden", message: "no", retry: "never", channel };
    const head = { ...NOWHERE, recovered: false, messages: [], more: false };
    const counts = { read: NOWHERE, unread: 0, mentions: 0, saved: NOWHERE, online: 1 };
    return { type: "ok", channel, ...head, ...counts, role: "member", can: [], mode: "full" };
  };
  const answer = (frame: unknown): object | undefined => {
    const joins = fieldOf(frame, "joins");
    const type = textOf(frame, "type");
    if (type === "auth") return { ...WELCOME, expiresAt: FAR_MS, refreshAt: FAR_MS };
    if (type === "leave") left.push(textOf(frame, "channel") ?? "");
    if (type !== "join") return { type: "ok" };
    return Array.isArray(joins) ? { type: "ok", results: joins.map(join) } : join(frame);
  };

  let deliver: (data: string) => void = () => undefined;
  let seq = 0;
  const last = new Map<string, typeof NOWHERE>();
  class FakeSocket extends EventTarget implements SocketLike {
    readonly readyState = 1;
    constructor() {
      super();
      queueMicrotask(() => this.dispatchEvent(new Event("open")));
      deliver = (data) => void this.dispatchEvent(new MessageEvent("message", { data }));
    }
    override addEventListener(type: string, hear: (event: SocketEvent) => void): void {
      super.addEventListener(type, (event) => hear(event instanceof MessageEvent ? event : { type }));
    }
    send(text: string): void {
      const frame = parsed(text);
      const told = answer(frame);
      if (!told || !isFields(frame)) return;
      const data = JSON.stringify({ ref: frame["ref"], ...told });
      queueMicrotask(() => deliver(data));
    }
    close(): void {
      left.push("everything");
    }
  }
  const client = connect({ url: "ws://edge/ws", token: "t", WebSocket: FakeSocket });
  const say: FakeEdge["say"] = (channel, more) => {
    seq += 1;
    const at = { channel, epoch: 1, seq, id: `m${seq}`, clientId: `c${seq}`, at: 0 };
    // One channel's positions have no holes; those of several here are one count, so each says what it follows.
    deliver(
      JSON.stringify({ type: "message", ...at, user: "bo", name: "Bo", prev: last.get(channel) ?? NOWHERE, ...more }),
    );
    last.set(channel, { epoch: 1, seq });
  };
  return { client, joined, left, closed, say };
}
