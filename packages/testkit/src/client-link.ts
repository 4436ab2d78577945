// Owns a client's connection over its whole life: requests by ref, and with `reconnecting` the way to the next node.
// Called by client.ts. States: connected, between connections (waiting, connecting, resuming), over.
// Must never answer a request itself: one whose connection ended before the answer is rejected with ConnectionLost.
import { setTimeout as delay } from "node:timers/promises";
import type { Frame } from "./client-frame.ts";
import { ConnectFailure, openSocket } from "./client-socket.ts";
import type { Closing, OpenSocket, SocketOptions } from "./client-socket.ts";

/** The connection ended between a request and its answer: whether it was done is not known. */
export class ConnectionLost extends Error {}

export interface Reconnecting {
  /** Tried in turn, each after the one before. */
  urls: string[];
  /** Upper limit of the first pause; it doubles with each failure. (protocol, "Close codes": full jitter) */
  firstDelayMs?: number;
  maxDelayMs?: number;
  /** A connection that lasted this long makes the next pause short again. */
  stableAfterMs?: number;
}

export interface LinkOptions extends Omit<SocketOptions, "onFrame" | "token"> {
  /** Asked anew for every connection when it is a function. */
  token: string | (() => string | Promise<string>);
  reconnecting?: Reconnecting | undefined;
  answerWithinMs: number;
}

/** What the link tells its owner. */
export interface LinkEvents {
  /** Every frame, in order. `session` counts connections from 1. */
  onFrame: (frame: Frame, session: number) => void;
  onClosed: (closing: Closing, session: number) => void;
  /** Restores the session on a new connection; requests of others wait for it. */
  resume: () => Promise<void>;
}

export interface Link {
  welcome: () => Frame;
  session: () => number;
  /** Sends a frame with a ref of its own and resolves with the frame that answers it. */
  request: (frame: Frame) => Promise<Frame>;
  /** Resolves when connected and resumed; rejects when the link is over. */
  ready: () => Promise<void>;
  /** How the last connection ended. */
  closed: Promise<Closing>;
  close: () => Promise<void>;
  /** The connection of now alone. */
  read: (on: boolean) => void;
  kill: () => void;
}

interface Waiting {
  resolve: (frame: Frame) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Which ends of a connection a client comes back from. (protocol, "Close codes") */
const comesBack = ({ code }: Closing, freshTokens: boolean): boolean =>
  (code >= 4000 && code <= 4399) || code === 1006 || (freshTokens && code >= 4400 && code <= 4499);

const createRequests = (answerWithinMs: number) => {
  const waiting = new Map<string, Waiting>();
  let refs = 0;
  const answer = (frame: Frame): void => {
    const one = waiting.get(frame.ref ?? "");
    if (one === undefined || (frame.type !== "ok" && frame.type !== "error" && frame.type !== "pong")) return;
    waiting.delete(frame.ref ?? "");
    clearTimeout(one.timer);
    one.resolve(frame);
  };
  const ask = (socket: OpenSocket, frame: Frame): Promise<Frame> =>
    new Promise((resolve, reject) => {
      refs += 1;
      const ref = `r${refs}`;
      const timer = setTimeout(() => {
        waiting.delete(ref);
        reject(new Error(`no answer to ${frame.type} within ${answerWithinMs} ms`));
      }, answerWithinMs);
      waiting.set(ref, { resolve, reject, timer });
      if (!socket.send({ ...frame, ref })) lose(ref);
    });
  const lose = (ref: string): void => {
    const one = waiting.get(ref);
    waiting.delete(ref);
    clearTimeout(one?.timer);
    one?.reject(new ConnectionLost("the connection ended before the answer"));
  };
  return { answer, ask, loseAll: () => [...waiting.keys()].forEach(lose) };
};

/** Pauses between attempts and the order of nodes. */
const createRoute = (first: string, reconnecting: Reconnecting | undefined) => {
  const { urls = [first], firstDelayMs = 250, maxDelayMs = 20_000, stableAfterMs = 30_000 } = reconnecting ?? {};
  let failures = 0;
  let next = urls.indexOf(first) + 1;
  let stable: NodeJS.Timeout | undefined;
  return {
    connected: () => {
      stable = setTimeout(() => {
        failures = 0;
      }, stableAfterMs).unref();
    },
    nextUrl: () => urls[next++ % urls.length] ?? first,
    pauseMs: () => {
      clearTimeout(stable);
      const limitMs = Math.min(maxDelayMs, firstDelayMs * 2 ** failures);
      failures += 1;
      return Math.random() * limitMs;
    },
  };
};

/** Opens connections one after another and counts them. */
const createOpener = (options: LinkOptions, onFrame: LinkEvents["onFrame"]) => {
  let session = 0;
  return {
    session: () => session,
    open: async (url: string): Promise<OpenSocket> => {
      const token = typeof options.token === "function" ? await options.token() : options.token;
      const mine = session + 1;
      return openSocket({
        ...{ ...options, url, token },
        onFrame: (frame) => {
          if (frame.type === "welcome") session = mine;
          onFrame(frame, mine);
        },
      });
    },
  };
};

/**
 * What can be waited for from one connection to the next. Whoever waits while it is shut waits until it opens, however many
 * connections are lost before one is resumed. Nobody may be waiting, so its failure is no unhandled rejection.
 */
const createGate = () => {
  let isOpen = true;
  let resolve = (): void => undefined;
  let reject = (_error: Error): void => undefined;
  let passed = Promise.resolve();
  const shut = (): void => {
    if (!isOpen) return;
    isOpen = false;
    passed = new Promise<void>((open, fail) => {
      resolve = open;
      reject = fail;
    });
    passed.catch(() => undefined);
  };
  return {
    passed: () => passed,
    shut,
    open: () => {
      isOpen = true;
      resolve();
    },
    fail: (error: Error) => {
      shut();
      reject(error);
    },
  };
};

/** The next connection, or how the last attempt ended when there will be none. */
const reopen = async (
  last: Closing,
  options: LinkOptions,
  pauseMs: () => number,
  attempt: () => Promise<OpenSocket>,
  stopping: AbortSignal,
): Promise<OpenSocket | Closing> => {
  let closing = last;
  while (options.reconnecting !== undefined && comesBack(closing, typeof options.token === "function")) {
    await delay(pauseMs(), undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return closing;
    try {
      return await attempt();
    } catch (error) {
      // A node that is full or gone answers no upgrade: the same as a lost connection.
      closing = error instanceof ConnectFailure ? error.closing : { code: 1006, reason: String(error) };
    }
  }
  return closing;
};

/** Connects and keeps connected. Rejects with a ConnectFailure when the first connection fails. */
export const openLink = async (options: LinkOptions, events: LinkEvents): Promise<Link> => {
  const requests = createRequests(options.answerWithinMs);
  const route = createRoute(options.url, options.reconnecting);
  const stopping = new AbortController();
  const gate = createGate();
  let leaveAtMs: number | undefined;
  let leave = (): void => undefined;
  const opener = createOpener(options, (frame, session) => {
    // A draining node names the delay after which to be gone; by then it may have closed the connection itself.
    if (frame.type === "reconnect" && options.reconnecting !== undefined) {
      leaveAtMs = Date.now() + (frame.afterMs ?? 0);
      setTimeout(() => opener.session() === session && leave(), frame.afterMs).unref();
    }
    events.onFrame(frame, session);
    requests.answer(frame);
  });
  let current = await opener.open(options.url);
  leave = () => current.kill();
  route.connected();

  const pauseMs = (): number => {
    const toldMs = leaveAtMs === undefined ? undefined : Math.max(0, leaveAtMs - Date.now());
    leaveAtMs = undefined;
    return toldMs ?? route.pauseMs();
  };
  const follow = async (): Promise<Closing> => {
    for (;;) {
      const closing = await current.closed;
      gate.shut();
      events.onClosed(closing, opener.session());
      requests.loseAll();
      const next = await reopen(closing, options, pauseMs, () => opener.open(route.nextUrl()), stopping.signal);
      if ("code" in next) {
        gate.fail(new ConnectionLost(`over after ${next.code} ${next.reason}`));
        return next;
      }
      current = next;
      route.connected();
      if (stopping.signal.aborted) current.close();
      // A session that cannot be resumed is worth nothing: the next turn of this loop tries another connection.
      void events.resume().then(
        () => current === next && gate.open(),
        () => next.kill(),
      );
    }
  };
  const closed = follow();
  return {
    welcome: () => current.welcome,
    session: opener.session,
    request: (frame) => requests.ask(current, frame),
    ready: gate.passed,
    closed,
    close: async () => {
      stopping.abort();
      current.close();
      await closed;
    },
    read: (on) => current.read(on),
    kill: () => current.kill(),
  };
};
