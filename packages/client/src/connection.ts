/**
 * One conversation with a cluster over as many sockets as it takes: which to open when, when to show which token, when a
 * socket is dead. Knows no socket and no clock of its own; `connect.ts` gives it both. It never looks at a channel.
 *
 * | state   | leaves it by | to |
 * | ------- | ------------ | -- |
 * | idle    | start        | token, or opening where one is at hand |
 * | token   | a token; none | opening; waiting |
 * | opening | welcome; a close, or nobody answers | open; waiting, or closed by the code's range |
 * | open    | a close, silence; `reconnect` | waiting, or closed by the code's range; opening |
 * | waiting | its time, or a wake-up | token or opening |
 * | closed  | nothing      | |
 *
 * Every state is left for `closed` by close.
 */
import { actionForClose, backoffMs, BACKOFF_RESET_MS, RECONNECT } from "@rookery/protocol/wire";
import type { ClientFrame, ServerFrame, ServerFrameOf } from "@rookery/protocol/wire";
import type { Clock } from "./clock.ts";
import { isOkOf } from "./questions.ts";
import type { ConnectionState } from "./public-types.ts";

type TimerName = "token" | "retry" | "answer" | "beat" | "drain";

/** What the machine asks of the world; each answer comes back as a call of {@link Connection}. */
export interface ConnectionWorld {
  readonly clock: Clock;
  readonly fetchToken: () => void;
  readonly dial: (url: string) => void;
  readonly say: (frame: ClientFrame) => void;
  /** The socket is no more, whatever it still has to say. */
  readonly hangUp: () => void;
}

export interface ConnectionEvents {
  readonly changed: (state: ConnectionState, reason: string) => void;
  /** The session is open: everything may be said. */
  readonly welcome: (welcome: ServerFrameOf<"welcome">) => void;
  /** Whatever was said and not answered never will be; `code` is that of the close. */
  readonly lost: (code: number) => void;
  readonly frame: (frame: ServerFrame) => void;
}

export interface Connection {
  readonly state: () => ConnectionState;
  readonly start: () => void;
  readonly token: (token: string) => void;
  readonly noToken: (reason: string) => void;
  readonly open: () => void;
  readonly frame: (frame: ServerFrame) => void;
  readonly closed: (code: number, reason: string) => void;
  /** The machine was asleep, or is on the network again. */
  readonly wake: () => void;
  /** Ask for a fresh token and show it: the one in use is not accepted any more. */
  readonly renew: () => void;
}

export interface ConnectionOptions {
  readonly urls: readonly string[];
  /** Given once and for all: there is nobody to ask for another. */
  readonly token?: string | undefined;
  readonly world: ConnectionWorld;
  readonly events: ConnectionEvents;
}

/** Of its own; those of questions are numbers. */
const AUTH_REF = "auth";
/** From the first look for a socket to `welcome`, and from a ping to anything: a network may have to be found again. */
const ANSWERS_WITHIN_MS = 15_000;
/** After a sleep the socket is mostly dead, and somebody waits. */
const AWAKE_ANSWERS_WITHIN_MS = 4_000;
/** A source of tokens that does not answer is asked again. */
const TOKEN_WITHIN_MS = 30_000;
const GONE = 1006;
const DRAINING = 4000;

/** Answers the machine, and how to close it for good. */
export function createConnection(options: ConnectionOptions): [Connection, close: (reason: string) => void] {
  const { urls, token: fixedToken, world, events } = options;
  const { clock } = world;
  const timers = new Map<TimerName, () => void>();
  let state: ConnectionState = "idle";
  let token = fixedToken;
  let urlIndex = 0;
  let doublings = 0;
  let welcomedAtMs = Infinity;
  let heartbeatMs = 0;
  /** By the server's clock, as `pong` tells it: the time of day here may be any. */
  let refreshAt = Infinity;

  const go = (to: ConnectionState, reason = ""): void => {
    state = to;
    events.changed(to, reason);
  };
  const isIn = (...states: readonly ConnectionState[]): boolean => states.includes(state);
  const clearTimer = (name: TimerName): void => {
    timers.get(name)?.();
    timers.delete(name);
  };
  const setTimer = (name: TimerName, ms: number, act: () => void): void => {
    clearTimer(name);
    timers.set(name, clock.after(ms, act));
  };

  const fetchToken = (): void => {
    if (timers.has("token") || fixedToken) return;
    setTimer("token", TOKEN_WITHIN_MS, () => noToken("no answer"));
    world.fetchToken();
  };
  /** An open session asks again with its next ping, as long as the old token is good. */
  const noToken = (reason: string): void => {
    clearTimer("token");
    if (isIn("token")) wait(reason);
  };
  const showToken = (): void => {
    if (token) world.say({ type: "auth", ref: AUTH_REF, token, persisted: true });
  };

  const begin = (): void => {
    clearTimer("retry");
    if (!token) {
      go("token");
      fetchToken();
      return;
    }
    go("opening");
    setTimer("answer", ANSWERS_WITHIN_MS, noAnswer);
    world.dial(urls[urlIndex % urls.length] ?? "");
  };

  /** The socket and what was asked through it are no more. */
  const hangUp = (code: number): void => {
    const wasOpen = state === "open";
    for (const name of timers.keys()) if (name !== "token") clearTimer(name);
    world.hangUp();
    urlIndex += 1;
    if (wasOpen) events.lost(code);
  };
  /** Back after a while that grows with every loss, to the next address. */
  const wait = (reason: string): void => {
    if (clock.nowMs() - welcomedAtMs >= BACKOFF_RESET_MS) doublings = 0;
    welcomedAtMs = Infinity;
    setTimer("retry", backoffMs(doublings, RECONNECT, clock.random()), begin);
    doublings += 1;
    go("waiting", reason);
  };
  const lost = (code: number, reason: string): void => {
    if (!isIn("opening", "open")) return;
    hangUp(code);
    const action = actionForClose(code);
    if (action === "renew") token = undefined;
    if (action === "stop" || (action === "renew" && fixedToken)) go("closed", reason);
    else wait(reason);
  };
  const noAnswer = (): void => lost(GONE, "no answer");
  const drain = (): void => {
    hangUp(DRAINING);
    begin();
  };

  const beat = (answersWithinMs = ANSWERS_WITHIN_MS): void => {
    world.say({ type: "ping" });
    setTimer("answer", answersWithinMs, noAnswer);
    setTimer("beat", heartbeatMs, beat);
  };

  const hear = (frame: ServerFrame): void => {
    const { type } = frame;
    if (type === "pong" && frame.at >= refreshAt) fetchToken();
    else if (type === "reconnect") setTimer("drain", frame.afterMs, drain);
    else if (isOkOf<"auth">(frame) && frame.ref === AUTH_REF) ({ refreshAt } = frame);
    else if (type === "welcome") {
      welcomedAtMs = clock.nowMs();
      ({ heartbeatMs, refreshAt } = frame);
      setTimer("beat", heartbeatMs, beat);
      state = "open";
      events.welcome(frame);
      if (isIn("open")) events.changed("open", "");
    }
  };

  const connection: Connection = {
    state: () => state,
    start: begin,
    closed: lost,
    renew: fetchToken,
    noToken,
    token(fetched) {
      clearTimer("token");
      token = fetched;
      if (isIn("token")) begin();
      else if (isIn("open")) showToken();
    },
    open() {
      if (isIn("opening")) showToken();
    },
    frame(frame) {
      if (!isIn("open", "opening")) return;
      // Nothing but `welcome` says that the session is open.
      if (isIn("open") || frame.type === "welcome") clearTimer("answer");
      hear(frame);
      events.frame(frame);
    },
    wake() {
      if (isIn("waiting")) begin();
      else if (isIn("open")) beat(AWAKE_ANSWERS_WITHIN_MS);
    },
  };
  return [
    connection,
    (reason) => {
      if (isIn("closed")) return;
      hangUp(GONE);
      go("closed", reason);
    },
  ];
}
