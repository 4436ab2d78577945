/**
 * The one file that knows the world: sockets, timers, tokens, the page around. Everything that it hears it hands to the machines, and
 * does what they ask; it decides nothing.
 */
import type { ServerFrame } from "@rookery/protocol/wire";
import { encodeClientFrame } from "@rookery/protocol/wire";
import { createClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import type { ConnectionWorld } from "./connection.ts";
import { ignore, whenAborted } from "./settle.ts";
import type { Client, ConnectOptions, SocketEvent, SocketLike } from "./public-client.ts";

const OPEN = 1;
const GONE = 1006;

/** Begins at once, and goes on until `close()` or until the cluster sends it away for good. Throws on options that cannot work. */
export function connect(options: ConnectOptions): Client {
  const { token, storage, signal } = options;
  const Socket: ConnectOptions["WebSocket"] = options.WebSocket ?? globalThis.WebSocket;
  const urls = urlsOf(options);
  if (typeof Socket !== "function") throw new TypeError("no WebSocket here: hand one in");
  const over = new AbortController();
  let socket: SocketLike | undefined;

  const world: ConnectionWorld = {
    clock: createClock(over.signal),
    fetchToken() {
      tokenOf(token).then(connection.token, (error: unknown) => {
        fault(error);
        connection.noToken(String(error));
      });
    },
    dial(url) {
      try {
        const dialled = new Socket(url, ["rookery.v1"]);
        const listen = (type: string, hear: (event: SocketEvent) => void): void =>
          dialled.addEventListener(type, (event) => {
            if (socket === dialled) hear(event);
          });
        listen("open", connection.open);
        listen("message", ({ data }) => {
          const frame = frameOf(data);
          if (frame) connection.frame(frame);
        });
        // `ws` tells of a failed handshake by an error that has to be heard; a close follows.
        listen("error", ignore);
        listen("close", ({ code = GONE, reason = "" }) => connection.closed(code, reason));
        socket = dialled;
      } catch (error) {
        fault(error);
        connection.closed(GONE, String(error));
      }
    },
    hangUp() {
      socket?.close(1000);
      socket = undefined;
    },
    say(frame) {
      if (socket?.readyState === OPEN) socket.send(encodeClientFrame(frame));
    },
  };
  const fixed = typeof token === "string" ? token : undefined;
  const { client, connection, fault } = createClient({ urls, world, storage, token: fixed });
  watchPage(connection.wake, over);
  client.on("state", ({ state }) => {
    if (state === "closed") over.abort();
  });
  signal?.addEventListener("abort", client.close, over);
  if (signal?.aborted) client.close();
  else connection.start();
  return client;
}

function urlsOf({ url = "", urls = [url] }: ConnectOptions): readonly string[] {
  const isAddress = (each: string): boolean => /^wss?:\/\//.test(each);
  if (urls.length === 0 || !urls.every(isAddress))
    throw new TypeError(`ws://host/ws or wss://host/ws, not "${urls.join()}"`);
  return urls;
}

async function tokenOf(token: ConnectOptions["token"]): Promise<string> {
  const fetched: unknown = typeof token === "string" ? token : await token();
  if (typeof fetched !== "string" || fetched === "") throw new TypeError("`token` gave no text");
  return fetched;
}

/** The real one; what runs by it ends with `over`, so that a process which is done may end. */
function createClock(over: AbortSignal): Clock {
  return {
    nowMs: () => performance.now(),
    timeMs: Date.now,
    random: Math.random,
    soon: (act) => queueMicrotask(act),
    after(ms, act) {
      const timer = setTimeout(() => {
        forget();
        act();
      }, ms);
      const stop = (): void => clearTimeout(timer);
      const forget = whenAborted(over, stop);
      return () => {
        forget();
        stop();
      };
    },
  };
}

/** Undefined for what is no frame. What is one is the protocol's word, and not looked at again. */
function frameOf(data: unknown): ServerFrame | undefined {
  try {
    const value: unknown = JSON.parse(String(data));
    return isFrame(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFrame(value: unknown): value is ServerFrame {
  return typeof ((value ?? {}) as Partial<ServerFrame>).type === "string";
}

/**
 * Calls back when the page is seen again, or the network is back or gone, until it is over: a browser that is cut off leaves its
 * sockets as they are, and who looks at once has the truth 20 s before the next ping.
 */
function watchPage(wake: () => void, over: AbortController): void {
  const window = globalThis as Partial<EventTarget> & { document?: EventTarget & { hidden?: boolean } };
  window.addEventListener?.("online", wake, over);
  window.addEventListener?.("offline", wake, over);
  const seen = (): void => {
    if (!window.document?.hidden) wake();
  };
  window.document?.addEventListener("visibilitychange", seen, over);
}
