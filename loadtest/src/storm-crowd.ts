// The crowd of the `storm` bench, a process of its own: comes in and joins 50 at a time, is dropped at once, and comes back at
// once as clients should: after a random moment, and where it was refused after the time it was told, spread over a second.
// Handshakes and joins are made beforehand and answers are only walked. Told by messages of its parent.

import { connect } from "node:net";
import type { Socket } from "node:net";

export interface StormOrder {
  /** Each socket goes to one of them, in turn. */
  readonly ports: readonly number[];
  /** One upgrade request a socket. */
  readonly requests: readonly string[];
  /** Sent by each once its upgrade is done, as a finished WebSocket frame; without them a socket is done with its upgrade. */
  readonly frames: readonly string[] | undefined;
  /** What the last answer contains. */
  readonly until: string;
  /** So many at a time; all at once, after a random moment, when left out. */
  readonly atOnce?: number;
}

export interface StormAnswer {
  /** Of each, from the beginning to its answer, ascending. */
  readonly joinedMs: readonly number[];
  readonly refused: number;
  /** Connections that ended without an answer, and joins that were refused. */
  readonly failed: number;
}

/** The protocol's backoff: full jitter, from a quarter of a second. */
const FIRST_PAUSE_MS = 250;
const MOST_PAUSE_MS = 20_000;
/** Whoever is told a whole second comes back within the next one. */
const RETRY_SPREAD_MS = 1000;

const open: Socket[] = [];
let answer = { refused: 0, failed: 0 };

process.on("message", (order: StormOrder | "drop") => {
  if (order === "drop") drop();
  else come(order).catch((error: unknown) => process.nextTick(() => Promise.reject(error)));
});
process.on("disconnect", () => process.exit(0));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function come({ ports, requests, frames, until, atOnce }: StormOrder): Promise<void> {
  answer = { refused: 0, failed: 0 };
  const last = Buffer.from(until, "latin1");
  const startedMs = performance.now();
  const joinedMs: number[] = [];
  const one = async (n: number): Promise<void> => {
    const bytes = (text: string | undefined): Buffer | undefined =>
      text === undefined ? undefined : Buffer.from(text, "latin1");
    const request = bytes(requests[n]) ?? Buffer.alloc(0);
    const frame = bytes(frames?.[n]);
    if (atOnce === undefined) await pause(Math.random() * FIRST_PAUSE_MS);
    await untilIn(ports[n % ports.length] ?? 0, request, frame, last);
    joinedMs.push(performance.now() - startedMs);
  };
  if (atOnce === undefined) await Promise.all(requests.map((_request, n) => one(n)));
  else
    for (let from = 0; from < requests.length; from += atOnce)
      await Promise.all(requests.slice(from, from + atOnce).map((_request, n) => one(from + n)));
  process.send?.({ ...answer, joinedMs } satisfies StormAnswer);
}

async function untilIn(port: number, request: Buffer, frame: Buffer | undefined, until: Buffer): Promise<void> {
  for (let failures = 0; ; failures += 1) {
    const retryAfterMs = await enter(port, request, frame, until);
    if (retryAfterMs === undefined) return;
    const backoffMs = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
    await pause(retryAfterMs > 0 ? retryAfterMs + Math.random() * RETRY_SPREAD_MS : Math.random() * backoffMs);
  }
}

/** Of all sockets: each chunk is looked at before the next one is read. */
const BUFFER = Buffer.allocUnsafe(256 * 1024);
/** A join that a slow machine did not get done in time: like any client, it comes once more. */
const REFUSED = Buffer.from('{"type":"error"');
const UPGRADED = Buffer.from("HTTP/1.1 101");

/** Undefined once the last answer is there; else what a refusal said of when to come back, 0 for nothing. */
function enter(port: number, request: Buffer, frame: Buffer | undefined, until: Buffer): Promise<number | undefined> {
  return new Promise((resolve) => {
    let isUpgraded = false;
    let isDone = false;
    let tail: Buffer = Buffer.alloc(0);
    const end = (retryAfterMs: number | undefined): void => {
      if (isDone) return;
      isDone = true;
      resolve(retryAfterMs);
    };
    const read = (chunk: Buffer): void => {
      if (isDone) return;
      if (!isUpgraded && !chunk.subarray(0, UPGRADED.length).equals(UPGRADED)) {
        answer.refused += 1;
        const [, seconds = "0"] = /^Retry-After: (\d+)/im.exec(chunk.toString("latin1")) ?? [];
        socket.destroy();
        end(Number(seconds) * 1000);
        return;
      }
      if (!isUpgraded && frame !== undefined) socket.write(frame);
      isUpgraded = true;
      const seen = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      if (seen.includes(until)) end(undefined);
      else if (seen.includes(REFUSED)) {
        answer.failed += 1;
        socket.destroy();
        end(0);
      }
      // An end that is cut in two is seen in the next chunk.
      tail = Buffer.from(seen.subarray(Math.max(0, seen.length - until.length)));
    };
    const onread = {
      buffer: BUFFER,
      callback(length: number) {
        read(BUFFER.subarray(0, length));
        return true;
      },
    };
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    open.push(socket);
    socket.once("connect", () => void socket.write(request));
    socket.once("error", () => {
      if (!isDone) answer.failed += 1;
      end(0);
    });
    socket.once("close", () => end(0));
  });
}

function drop(): void {
  for (const socket of open.splice(0)) socket.resetAndDestroy();
  process.send?.("dropped");
}
