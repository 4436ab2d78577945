// Owns one WebSocket of a test that must see everything: a refusal before the upgrade, each frame, how it ended; it sends
// any text or bytes. Called by tests that misbehave on purpose. Must never repair, answer or retry anything by itself.
import type { Frame } from "@rookery/testkit";
import { WebSocket } from "ws";

export interface RawOptions {
  headers?: Record<string, string>;
  protocols?: string[];
  /** PEM certificates of who signs for a `wss` address. */
  ca?: string;
  /** False: pings of the server stay unanswered, as by a peer that is gone. */
  answersPings?: boolean;
}

export interface RawSocket {
  /** The sub-protocol that the server chose; empty for none. */
  protocol: string;
  /** Every frame so far, the welcome too. */
  frames: Frame[];
  /** How often the server has asked so far whether this side is there. */
  pings: () => number;
  /** A text message; bytes go out as they are, UTF-8 or not. */
  send: (message: string | Uint8Array) => void;
  sendBinary: (message: Uint8Array) => void;
  /** Resolves with the first frame that fits, already received or still to come. Rejects when the connection ends before. */
  waitFor: (predicate: (frame: Frame) => boolean) => Promise<Frame>;
  /** The code and reason of the end; without a close frame 1006 and what this side complained about, if it did. */
  closed: Promise<{ code: number; reason: string }>;
  close: () => void;
  /** Ends the TCP connection without a close frame. */
  cut: () => void;
}

/** The server answered an HTTP status instead of an upgrade. */
export class UpgradeRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`answered ${status} instead of an upgrade`);
    this.status = status;
  }
}

const answerWithinMs = 10_000;

const isFrame = (value: unknown): value is Frame =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

const frameIn = (data: unknown): Frame => {
  const text = Buffer.isBuffer(data) ? data.toString("utf8") : "";
  const value: unknown = JSON.parse(text);
  if (isFrame(value)) return value;
  throw new Error(`not a frame: ${text.slice(0, 200)}`);
};

const createWaiting = (frames: Frame[], closed: RawSocket["closed"]) => {
  const watchers = new Set<() => void>();
  const waitFor = (predicate: (frame: Frame) => boolean): Promise<Frame> =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const fail = (why: string): void => {
        end();
        reject(new Error(`${why}; frames: ${JSON.stringify(frames.slice(-5)).slice(0, 600)}`));
      };
      const look = (): void => {
        const found = frames.find(predicate);
        if (found === undefined) return;
        end();
        resolve(found);
      };
      const timer = setTimeout(() => fail(`no such frame within ${answerWithinMs} ms`), answerWithinMs);
      watchers.add(look);
      look();
      void closed.then(({ code, reason }) => fail(`closed with ${code} ${reason} before such a frame`));
    });
  return { waitFor, look: () => watchers.forEach((look) => look()) };
};

/** Resolves once the upgrade is done, whatever follows. Rejects with UpgradeRefused or the error of the connection. */
export const openRaw = (url: string, options: RawOptions = {}): Promise<RawSocket> =>
  new Promise((resolve, reject) => {
    const { headers = {}, protocols = [], ca, answersPings = true } = options;
    const trust = ca === undefined ? {} : { ca };
    const socket = new WebSocket(url, protocols, { headers, autoPong: answersPings, ...trust });
    const frames: Frame[] = [];
    let pings = 0;
    let fault = "";
    const closed = new Promise<{ code: number; reason: string }>((done) => {
      socket.once("close", (code, reason) => done({ code, reason: reason.toString("utf8") || fault }));
    });
    const waiting = createWaiting(frames, closed);
    socket.on("message", (data) => {
      frames.push(frameIn(data));
      waiting.look();
    });
    socket.on("ping", () => (pings += 1));
    socket.on("error", (error) => {
      fault = error.message;
      reject(error);
    });
    socket.once("unexpected-response", (_request, response) => {
      response.destroy();
      reject(new UpgradeRefused(response.statusCode ?? 0));
    });
    socket.once("open", () =>
      resolve({
        protocol: socket.protocol,
        frames,
        pings: () => pings,
        send: (message) => socket.send(message, { binary: false }, () => undefined),
        sendBinary: (message) => socket.send(message, { binary: true }, () => undefined),
        waitFor: waiting.waitFor,
        closed,
        close: () => socket.close(1000),
        cut: () => socket.terminate(),
      }),
    );
  });

/** An upgrade with a token in the header, up to its welcome. */
export const openWelcomed = async (url: string, token: string, options: RawOptions = {}): Promise<RawSocket> => {
  const headers = { ...options.headers, authorization: `Bearer ${token}` };
  const socket = await openRaw(url, { ...options, headers });
  await socket.waitFor(({ type }) => type === "welcome");
  return socket;
};
