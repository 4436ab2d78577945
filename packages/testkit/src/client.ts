// Owns the testkit's chat client: an independent reading of the protocol that speaks plain JSON and writes a history of
// all it does and sees. Called by end-to-end and fault tests. States: those of its link, and per channel of its state.
// Must never import the project's own encoder, decoder or SDK: it is the other opinion.
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { createChannels } from "./client-channels.ts";
import type { JoinOptions } from "./client-channels.ts";
import type { ChannelState } from "./client-channel.ts";
import type { Frame, SequencedFrame } from "./client-frame.ts";
import { ConnectionLost, openLink } from "./client-link.ts";
import type { Link, Reconnecting } from "./client-link.ts";
import type { Closing, Via } from "./client-socket.ts";
import { createHistory } from "./history.ts";
import type { History } from "./history.ts";
import type { HistoryQuery } from "./history-query.ts";

export interface ClientOptions {
  url: string;
  /** A function is asked for every connection, and makes 44xx an end to come back from. */
  token: string | (() => string | Promise<string>);
  /** `header` unless given. */
  via?: Via;
  /** Names the client in histories and failures; the user's id unless given. */
  name?: string;
  /** Where to record; a fresh one in memory unless given. */
  history?: History;
  headers?: Record<string, string>;
  /** PEM certificates of who signs for a `wss` address. */
  ca?: string;
  /** More fields of the `auth` frame, for `via: "auth"`. */
  auth?: Record<string, unknown>;
  reconnecting?: Reconnecting;
  answerWithinMs?: number;
}

export type Change = { channel: string; id: string } & (
  { type: "edit"; body: string } | { type: "delete" } | { type: "react"; emoji: string; on: boolean }
);

export interface WaitOptions {
  withinMs?: number;
  /** Index into `frames` from which to look; 0 unless given, so what has already come counts. */
  from?: number;
}

export interface ChatClient {
  name: string;
  user: string;
  /** Every frame received, in order, over all connections. */
  frames: Frame[];
  history: History;
  /** The latest welcome. */
  welcome: () => Frame;
  /** Counts connections from 1. */
  session: () => number;
  /** Sends any frame under a ref; resolves with the `ok`, `error` or `pong` that carries it. */
  request: (frame: Frame) => Promise<Frame>;
  /**
   * Sends a message and resolves with its `ok` or `error`. When reconnecting, an unanswered or `unknown` one is repeated
   * under the same clientId until it has another answer.
   */
  send: (channel: string, body: string, clientId?: string, more?: Record<string, unknown>) => Promise<Frame>;
  /**
   * Edits, deletes or reacts, and resolves with its `ok` or `error`. When reconnecting, an unanswered or `unknown` one is
   * repeated: what stands already is answered where it stands.
   */
  change: (frame: Change) => Promise<Frame>;
  /** Resolves with the reply once all pages that it announces were read and what overtook them was merged. */
  join: (channel: string, options?: JoinOptions) => Promise<Frame>;
  leave: (channel: string) => Promise<Frame>;
  /** One page. It is recorded, and a client's own view of the channel takes it in. */
  readHistory: (channel: string, query?: HistoryQuery) => Promise<Frame>;
  /** What a correct client would show: each position once, in order, of every sequenced type. */
  inOrder: (channel: string) => SequencedFrame[];
  /** The client's state of a channel, to look at. */
  channel: (channel: string) => Readonly<ChannelState>;
  /** Everything a correct client would complain about, in words. */
  problems: () => string[];
  /** Resolves with the first frame that fits, already received or still to come. */
  waitFor: (predicate: (frame: Frame) => boolean, options?: WaitOptions) => Promise<Frame>;
  /** How it ended for good. */
  closed: Promise<Closing>;
  /** Resolves between connections too, once the next one is resumed. */
  ready: () => Promise<void>;
  close: () => Promise<void>;
  /** Stops reading, as a client that is busy or suspended does, or reads on. A later connection reads. */
  read: (on: boolean) => void;
  /** Cuts the TCP connection; a reconnecting client comes back. */
  kill: () => void;
}

/** An id of its own for a message. (protocol, `send`: 1 to 64 of `A-Za-z0-9_-`) */
export const newClientId = (): string => randomBytes(12).toString("base64url");

const createWatch = (frames: Frame[]) => {
  const watchers = new Set<() => void>();
  return {
    notify: () => watchers.forEach((look) => look()),
    waitFor: (predicate: (frame: Frame) => boolean, { withinMs = 10_000, from = 0 }: WaitOptions = {}) =>
      new Promise<Frame>((resolve, reject) => {
        let next = from;
        const end = (): void => {
          clearTimeout(timer);
          watchers.delete(look);
        };
        const look = (): void => {
          const found = frames.slice(next).find(predicate);
          next = frames.length;
          if (found === undefined) return;
          end();
          resolve(found);
        };
        const timer = setTimeout(() => {
          end();
          const lately = frames.slice(-5).map((frame) => JSON.stringify(frame).slice(0, 160));
          reject(new Error(`no such frame within ${withinMs} ms; the last ones:\n${lately.join("\n")}`));
        }, withinMs);
        watchers.add(look);
        look();
      }),
  };
};

/** The pause before an `unknown` send is repeated; the server's own word comes first. */
const repeatPauseMs = (reply: Frame): number => reply.retryAfterMs ?? 50 + Math.random() * 200;

/** Repeats what `attempt` does until it has an answer that is none of a healing cluster's, if the client reconnects at all. */
const untilAnswered = async (link: Link, reconnecting: boolean, attempt: () => Promise<Frame>): Promise<Frame> => {
  for (;;) {
    if (reconnecting) await link.ready();
    try {
      const reply = await attempt();
      if (!reconnecting || reply.code !== "unknown") return reply;
      await delay(repeatPauseMs(reply));
    } catch (error) {
      if (!reconnecting || !(error instanceof ConnectionLost)) throw error;
      // A socket that is closing refuses at once while the link still counts as up: without a pause nothing else would run.
      await delay(1);
    }
  }
};

const createSender = (link: () => Link, history: () => History, reconnecting: boolean): ChatClient["send"] => {
  const attempt = async (frame: Frame & { channel: string; clientId: string; body: string }): Promise<Frame> => {
    const { channel, clientId, body } = frame;
    history().add({ kind: "send", session: link().session(), channel, clientId, body });
    const reply = await link().request(frame);
    if (reply.type === "ok") {
      const { epoch = 0, seq = 0, id = "", duplicate } = reply;
      history().add({ kind: "ok", channel, clientId, id, epoch, seq, ...(duplicate === true ? { duplicate } : {}) });
    } else if (reply.code === "unknown") history().add({ kind: "unknown", channel, clientId });
    else history().add({ kind: "refused", channel, clientId, code: String(reply.code) });
    return reply;
  };
  return (channel, body, clientId = newClientId(), more = {}) => {
    const frame = { ...more, type: "send", channel, clientId, body };
    return untilAnswered(link(), reconnecting, () => attempt(frame));
  };
};

const createChanger =
  (link: () => Link, history: () => History, reconnecting: boolean): ChatClient["change"] =>
  async (frame) => {
    const reply = await untilAnswered(link(), reconnecting, () => link().request(frame));
    const { epoch = 0, seq = 0 } = reply;
    if (reply.type === "ok") history().add({ kind: "changed", channel: frame.channel, id: frame.id, epoch, seq });
    return reply;
  };

/** Connects and resolves at the first `welcome`. Rejects with a ConnectFailure (client-socket.ts) when there is none. */
export const connectClient = async (options: ClientOptions): Promise<ChatClient> => {
  const frames: Frame[] = [];
  const watch = createWatch(frames);
  let history = options.history;
  const recorded = (): History => (history ??= createHistory({ client: options.name ?? "client", user: "" }));
  const channels = createChannels({ request: (frame) => link.request(frame), session: () => link.session(), recorded });
  const link: Link = await openLink(
    {
      url: options.url,
      token: options.token,
      via: options.via ?? "header",
      headers: options.headers ?? {},
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      auth: options.auth ?? {},
      reconnecting: options.reconnecting,
      answerWithinMs: options.answerWithinMs ?? 15_000,
      welcomeWithinMs: 15_000,
    },
    {
      onFrame: (frame, session) => {
        if (frame.type === "welcome") {
          history ??= createHistory({ client: options.name ?? frame.user ?? "", user: frame.user ?? "" });
        }
        frames.push(frame);
        channels.onFrame(frame, session);
        watch.notify();
      },
      onClosed: ({ code }, session) => {
        recorded().add({ kind: "closed", session, code });
        channels.onClosed();
      },
      resume: () => channels.resume(),
    },
  );
  const user = link.welcome().user ?? "";
  return {
    name: options.name ?? user,
    user,
    frames,
    history: recorded(),
    welcome: link.welcome,
    session: link.session,
    request: link.request,
    send: createSender(() => link, recorded, options.reconnecting !== undefined),
    change: createChanger(() => link, recorded, options.reconnecting !== undefined),
    join: channels.join,
    leave: channels.leave,
    readHistory: channels.readHistory,
    inOrder: channels.inOrder,
    channel: channels.state,
    problems: channels.problems,
    waitFor: watch.waitFor,
    closed: link.closed,
    ready: link.ready,
    close: link.close,
    read: link.read,
    kill: link.kill,
  };
};
