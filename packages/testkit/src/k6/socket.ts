// Owns a WebSocket as `k6/websockets` has it, on a real one. Called by load scripts through their imports.
// States: connecting, open, closing, closed, each for k6's reasons: what arrives once a script has closed is not handed on.
import { WebSocket } from "ws";
import type { RawData } from "ws";
import type { EventLoop } from "./event-loop.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
/** What a library calls an end without a close frame; k6 names no code then. */
const NO_CLOSE_FRAME = 1006;

type Listener = (event: object) => void;

export interface LoadSocket {
  readonly readyState: number;
  readonly url: string;
  addEventListener: (type: string, listener: Listener) => void;
  send: (data: string) => void;
  close: (code?: number) => void;
}

const textOf = (data: RawData): string => {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return Buffer.isBuffer(data) ? data.toString("utf8") : Buffer.from(data).toString("utf8");
};

export const openSocket = (loop: EventLoop, url: string): LoadSocket => {
  if (!/^wss?:\/\//.test(url)) throw new Error(`WebSocket requires url with scheme ws or wss, but got "${url}"`);
  const listeners = new Map<string, Listener[]>();
  const real = new WebSocket(url);
  let state = CONNECTING;
  let code: number | undefined;
  const done = loop.expect(() => real.terminate());

  const tell = (type: string, more: object = {}): void => {
    for (const listener of listeners.get(type) ?? [])
      loop.run(() => listener({ type, timestamp: Date.now(), ...more }));
  };

  real.on("open", () => {
    if (state === CONNECTING) state = OPEN;
    tell("open");
  });
  real.on("message", (data) => {
    if (state === OPEN) tell("message", { data: textOf(data) });
  });
  real.on("error", (error) => tell("error", { error: error.message }));
  real.on("close", (ended) => {
    state = CLOSED;
    if (ended !== NO_CLOSE_FRAME) code = ended;
    tell("close", code === undefined ? {} : { code });
    done();
  });
  return {
    url,
    get readyState() {
      return state;
    },
    addEventListener: (type, listener) => {
      listeners.set(type, [...(listeners.get(type) ?? []), listener]);
    },
    send: (data) => {
      if (state !== OPEN) throw new Error("InvalidStateError");
      real.send(data);
    },
    close: (wanted = 1000) => {
      if (state >= CLOSING) return;
      if (wanted !== 1000 && (wanted < 3000 || wanted > 4999)) throw new Error(`InvalidAccessError: ${wanted}`);
      const wasOpen = state === OPEN;
      state = CLOSING;
      code = wanted;
      if (wasOpen) real.close(wanted);
      else real.terminate();
    },
  };
};
