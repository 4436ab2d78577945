// A clock that stands until it is moved, a world that only writes down what it is asked for, and a client in it that a test
// plays the edge to. For tests of this package alone.
import { ORIGIN } from "@rookery/protocol/wire";
import type { ClientFrame, ClientFrameOf, ClientFrameType, ErrorFrame, MessageFrame } from "@rookery/protocol/wire";
import type { SequencedFrame, ServerFrame, ServerFrameOf } from "@rookery/protocol/wire";
import type { JoinReply } from "./channel.ts";
import { createClient } from "./client.ts";
import type { WholeClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import type { ConnectionWorld } from "./connection.ts";
import type { Position, Storage } from "./public-types.ts";

export interface FakeClock extends Clock {
  /** Lets that much time go by, with all that was to happen in it. */
  readonly pass: (ms: number) => Promise<void>;
  /** What somebody does to the time of day. */
  readonly setTime: (timeMs: number) => void;
  readonly timers: () => number;
}

/** Whatever waits for promises alone has happened after it. */
export async function settled(): Promise<void> {
  for (let n = 0; n < 30; n += 1) await Promise.resolve();
}

export function createFakeClock(): FakeClock {
  let nowMs = 5_000;
  let timeMs = 1_700_000_000_000;
  let timers: { readonly atMs: number; readonly act: () => void }[] = [];
  return {
    nowMs: () => nowMs,
    timeMs: () => timeMs,
    random: () => 0.5,
    soon: (act) => queueMicrotask(act),
    after(ms, act) {
      const timer = { atMs: nowMs + ms, act };
      timers.push(timer);
      return () => void (timers = timers.filter((each) => each !== timer));
    },
    async pass(ms) {
      const endMs = nowMs + ms;
      await settled();
      for (;;) {
        const [next] = timers.filter(({ atMs }) => atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs);
        const toMs = next?.atMs ?? endMs;
        timeMs += toMs - nowMs;
        nowMs = toMs;
        if (next === undefined) return;
        timers = timers.filter((each) => each !== next);
        next.act();
        await settled();
      }
    },
    setTime: (to) => void (timeMs = to),
    timers: () => timers.length,
  };
}

export interface FakeWorld extends ConnectionWorld {
  readonly clock: FakeClock;
  readonly dialled: string[];
  readonly said: ClientFrame[];
  readonly counts: { fetched: number; hungUp: number };
}

export function createFakeWorld(clock = createFakeClock()): FakeWorld {
  const dialled: string[] = [];
  const said: ClientFrame[] = [];
  const counts = { fetched: 0, hungUp: 0 };
  return {
    ...{ clock, dialled, said, counts },
    fetchToken: () => void (counts.fetched += 1),
    dial: (url) => void dialled.push(url),
    say: (frame) => void said.push(frame),
    hangUp: () => void (counts.hungUp += 1),
  };
}

export const LIMITS = {
  ...{ frameBytes: 16_384, bodyBytes: 4_096, metaBytes: 1_024, channels: 100, pageMessages: 200, pageBytes: 65_536 },
  ...{ sendsPerSec: 20, sendBurst: 40, commandsPerSec: 50, typingPerSec: 5, idleMs: 45_000 },
};

export function welcomeOf(user = "ann", more: Partial<ServerFrameOf<"welcome">> = {}): ServerFrameOf<"welcome"> {
  const times = { expiresAt: 1_000_000, refreshAt: 900_000, heartbeatMs: 25_000 };
  return { type: "welcome", session: "s", user, name: user, node: "edge-1", ...times, limits: LIMITS, ...more };
}

export function messageOf(seq: number, more: Partial<MessageFrame> = {}): MessageFrame {
  const about = { channel: "lobby", epoch: 1, seq, at: seq, id: `m${seq}`, clientId: `c${seq}` };
  return { type: "message", ...about, user: "bob", name: "Bob", body: `body ${seq}`, ...more };
}

export function refusalOf(
  code: ErrorFrame["code"],
  retry: ErrorFrame["retry"] = "never",
  more = {},
): Omit<ErrorFrame, "ref"> {
  return { type: "error", code, message: code, retry, ...more };
}

export interface JoinAnswer {
  readonly head?: Position;
  readonly recovered?: boolean;
  readonly messages?: SequencedFrame[];
  readonly more?: boolean;
  readonly saved?: Position;
}

/** One `ok` of a `join` of several. */
export function joinedOf(channel: string, answer: JoinAnswer = {}): JoinReply {
  const { recovered = false, messages = [], more = false, saved = ORIGIN } = answer;
  const { epoch, seq } = answer.head ?? messages.at(-1) ?? ORIGIN;
  return {
    ...{ type: "ok", channel, epoch, seq, recovered, messages, more, role: "member", can: ["read", "write"] },
    ...{ mode: "full", online: 1, read: ORIGIN, unread: 0, mentions: 0, saved },
  };
}

export interface Scene extends WholeClient {
  readonly world: FakeWorld;
  readonly clock: FakeClock;
  /** The socket is there, and the session opens. */
  readonly open: (user?: string, more?: Partial<ServerFrameOf<"welcome">>) => Promise<void>;
  /** The oldest frame of that type that was said and not taken yet. */
  readonly take: <T extends ClientFrameType>(type: T) => ClientFrameOf<T>;
  /** Those of that type that were said and not taken. */
  readonly waiting: (type: ClientFrameType) => number;
  readonly hear: (frame: ServerFrame) => Promise<void>;
  readonly ok: (asked: ClientFrame, body?: object) => Promise<void>;
  readonly refuse: (asked: ClientFrame, refusal: Omit<ErrorFrame, "ref">) => Promise<void>;
  /** Answers a `join` that was said, of one channel. */
  readonly joined: (answer?: JoinAnswer, channel?: string) => Promise<void>;
  readonly cut: (code?: number) => Promise<void>;
}

export interface SceneOptions {
  readonly urls?: readonly string[];
  readonly token?: string;
  readonly storage?: Storage;
  readonly clock?: FakeClock;
}

/** A client that looks for its first socket. */
export function startScene({ urls = ["ws://one/ws"], token, storage, clock }: SceneOptions = {}): Scene {
  const world = createFakeWorld(clock);
  const whole = createClient({ urls, token, storage, world });
  const { connection } = whole;
  const taken = new Set<ClientFrame>();
  const left = <T extends ClientFrameType>(type: T): ClientFrameOf<T>[] =>
    world.said.filter((frame): frame is ClientFrameOf<T> & ClientFrame => frame.type === type && !taken.has(frame));
  const hear: Scene["hear"] = async (frame) => {
    connection.frame(frame);
    await settled();
  };
  const ok: Scene["ok"] = ({ ref = "" }, body = {}) => hear({ ...body, type: "ok", ref });
  const take: Scene["take"] = (type) => {
    const [frame] = left(type);
    if (frame === undefined) throw new Error(`no ${type} was said`);
    taken.add(frame);
    return frame;
  };
  connection.start();
  if (token === undefined) connection.token("t1");
  return {
    ...whole,
    ...{ world, clock: world.clock, take, hear, ok },
    waiting: (type) => left(type).length,
    async open(user, more) {
      connection.open();
      await hear(welcomeOf(user, more));
    },
    refuse: ({ ref = "" }, refusal) => hear({ ...refusal, ref }),
    joined: async (answer, channel = "lobby") => ok(take("join"), { results: [joinedOf(channel, answer)] }),
    async cut(code = 1006) {
      connection.closed(code, "");
      await settled();
    },
  };
}

/** A storage as a page has it. */
export function createFakeStorage(): Storage & { readonly entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    get length() {
      return entries.size;
    },
    // In whatever order: this is one that nobody would expect.
    key: (index) => [...entries.keys()].toReversed()[index] ?? null,
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: (key) => void entries.delete(key),
  };
}
