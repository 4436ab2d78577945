// fan-out: CPU a delivery of an edge against a bare uWebSockets.js + ioredis loop, 1,000 sockets in one channel, 200-byte
// messages, each once through Redis. Rounds interleave A B B A; first A against A, to know how far one can trust the ratio.
// A publisher in this process sends both the same rate; readers live in a process of their own.

import type { ChildProcess } from "node:child_process";
import { composeMessage } from "@rookery/broker";
import { cpuSeconds } from "./process-cost.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";
import { median, round } from "./report.ts";

const SOCKETS = 1000;
const RATES_PER_SEC = [100, 500, 1000];
const ROUNDS = 5;
const SECONDS_PER_ROUND = 3;
const CHANNEL = "bench";
/** Two cores carry server, readers and Redis: at the highest rate the readers are what is waited for. */
const DELIVERED_WITHIN_MS = 30_000;

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly readers: ChildProcess;
  publish(n: number): void;
}

export async function fanOut(): Promise<Report> {
  const rig = await startRig();
  try {
    const bare = await bareSide(rig);
    const edge = await edgeSide(rig);
    const rows = [];
    for (const rate of RATES_PER_SEC) {
      await measure(bare, rate);
      await measure(edge, rate);
      const same = [await measure(bare, rate), await measure(bare, rate)];
      const pairs: [bare: number, edge: number][] = [];
      for (let n = 0; n < ROUNDS; n += 1) {
        // A B, then B A: a drift of the machine falls on both sides alike.
        const first = await measure(n % 2 === 0 ? bare : edge, rate);
        const second = await measure(n % 2 === 0 ? edge : bare, rate);
        pairs.push(n % 2 === 0 ? [first, second] : [second, first]);
      }
      const ratios = pairs.map(([a, b]) => b / a).toSorted((a, b) => a - b);
      rows.push({
        "msg/s": rate,
        "bare µs/delivery": round(median(pairs.map(([a]) => a))),
        "edge µs/delivery": round(median(pairs.map(([, b]) => b))),
        ratio: round(median(ratios)),
        spread: `${round(ratios[0] ?? 0)} to ${round(ratios.at(-1) ?? 0)}`,
        "A against A": round((same[1] ?? 0) / (same[0] ?? 1)),
        target: "<= 1.15",
      });
    }
    return { name: "fan-out", sockets: SOCKETS, rows };
  } finally {
    await rig.stop();
  }
}

async function bareSide(rig: Rig): Promise<Side> {
  const topic = "{bench}:t";
  const server = rig.forkHere("bare-server.js", [rig.redisUrl, topic]);
  const port = await rig.portOf(server);
  const readers = await openReaders(rig, port, {}, []);
  // The same bytes that an edge's envelope has, so that both sides write the same frames to their sockets.
  return { name: "bare", pid: rig.pidOf(server), readers, publish: (n) => void rig.redis.spublish(topic, payload(n)) };
}

async function edgeSide(rig: Rig): Promise<Side> {
  const { process: server, port } = await rig.startEdge({});
  const token = await rig.token("reader");
  const join = JSON.stringify({ type: "join", channel: CHANNEL, limit: 1 });
  const readers = await openReaders(rig, port, { Authorization: `Bearer ${token}` }, [join]);
  const publisher = rig.publisher();
  const publish = (n: number): void => {
    const message = composeMessage({
      channel: CHANNEL,
      id: messageId(n),
      clientId: messageId(n),
      user: "bench",
      name: "bench",
      body: body(),
    });
    void publisher.publish({ ...message, rightsVersion: 0, slowModeMs: 0, freshRights: async () => 0 });
  };
  return { name: "edge", pid: rig.pidOf(server), readers, publish };
}

async function openReaders(
  rig: Rig,
  port: number,
  headers: Record<string, string>,
  frames: string[],
): Promise<ChildProcess> {
  const readers = rig.forkHere("readers.js", []);
  readers.send({ open: { port, sockets: SOCKETS, headers, frames } });
  await nextMessage(readers);
  return readers;
}

/** One round at one rate: CPU microseconds of the server for each frame that reached a socket. Throws on a shortfall. */
async function measure(side: Side, ratePerSec: number): Promise<number> {
  const before = await framesRead(side);
  const cpuBefore = cpuSeconds(side.pid);
  const total = ratePerSec * SECONDS_PER_ROUND;
  const startedMs = performance.now();
  for (let sent = 0; sent < total;) {
    // Open loop: what is due by now goes out now, whatever became of the messages before.
    const due = Math.min(total, Math.floor(((performance.now() - startedMs) * ratePerSec) / 1000));
    for (; sent < due; sent += 1) side.publish(sent);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const expected = total * SOCKETS;
  const deadlineMs = performance.now() + DELIVERED_WITHIN_MS;
  while ((await framesRead(side)) - before < expected) {
    if (performance.now() > deadlineMs) {
      const read = (await framesRead(side)) - before;
      throw new Error(`fan-out: ${side.name} at ${ratePerSec}/s brought ${read} of ${expected} frames`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return ((cpuSeconds(side.pid) - cpuBefore) * 1e6) / expected;
}

async function framesRead({ readers }: Side): Promise<number> {
  readers.send({ count: true });
  const message = await nextMessage(readers);
  return typeof message === "number" ? message : Number.NaN;
}

let ids = 0;
function messageId(_n: number): string {
  ids += 1;
  return `bench-${String(ids).padStart(15, "0")}`;
}

const body = (): string => "x".repeat(40);

/** As long as the frame that the edge delivers for `body`: about 200 bytes. */
function payload(n: number): string {
  const frame = {
    type: "message",
    channel: CHANNEL,
    epoch: 1_700_000_000_000,
    seq: 100_000 + n,
    at: 1_700_000_000_000,
    id: messageId(n),
    clientId: messageId(n),
    user: "bench",
    name: "bench",
    body: body(),
  };
  return JSON.stringify(frame);
}
