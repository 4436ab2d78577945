// The crowd of the `connect` bench, a process of its own: sockets that connect, join one channel and are done, so many at a
// time, at the least possible cost. Handshakes are made beforehand and answers are only walked, so that what is measured is
// the server. Told by messages of its parent; answers how long a crowd took.

import { connect } from "node:net";
import type { Socket } from "node:net";

export interface CrowdOrder {
  readonly port: number;
  /** One upgrade request a socket. */
  readonly requests: readonly string[];
  readonly atOnce: number;
  /** Sent when the upgrade is done, as a finished WebSocket frame; without it a socket is done with its upgrade. */
  readonly frame: string | undefined;
  /** What the last answer contains. */
  readonly until: string;
}

const open: Socket[] = [];

process.on("message", (order: CrowdOrder | "leave") => {
  if (order === "leave") leave();
  else come(order);
});
process.on("disconnect", () => process.exit(0));

function come({ port, requests, atOnce, frame, until }: CrowdOrder): void {
  const bytes = requests.map((request) => Buffer.from(request, "latin1"));
  const first = frame === undefined ? undefined : Buffer.from(frame, "latin1");
  const last = Buffer.from(until, "latin1");
  let next = 0;
  let done = 0;
  const startedMs = performance.now();
  const one = (): void => {
    const request = bytes[next];
    if (request === undefined) return;
    next += 1;
    enter(port, request, first, last, () => {
      done += 1;
      if (done === bytes.length) process.send?.({ ms: performance.now() - startedMs });
      else one();
    });
  };
  for (let n = 0; n < atOnce; n += 1) one();
}

/** Of all sockets: each chunk is looked at before the next one is read. */
const BUFFER = Buffer.allocUnsafe(256 * 1024);
const UPGRADED = Buffer.from("HTTP/1.1 101");

function enter(port: number, request: Buffer, frame: Buffer | undefined, until: Buffer, done: () => void): void {
  let isUpgraded = false;
  let isDone = false;
  let tail = Buffer.alloc(0);
  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: BUFFER,
      callback(length) {
        if (isDone) return true;
        const chunk = BUFFER.subarray(0, length);
        if (!isUpgraded) {
          if (!chunk.subarray(0, UPGRADED.length).equals(UPGRADED)) {
            throw new Error(`a crowd was refused: ${chunk.toString("latin1").split("\r\n")[0] ?? ""}`);
          }
          isUpgraded = true;
          if (frame !== undefined) socket.write(frame);
        }
        const seen = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
        if (seen.includes(until)) {
          isDone = true;
          done();
        }
        // An end that is cut in two is seen in the next chunk.
        tail = isDone ? tail : Buffer.from(seen.subarray(Math.max(0, seen.length - until.length)));
        return true;
      },
    },
  });
  open.push(socket);
  socket.once("connect", () => void socket.write(request));
  socket.once("error", (error) => {
    throw error;
  });
}

function leave(): void {
  for (const socket of open.splice(0)) socket.resetAndDestroy();
  process.send?.("left");
}
