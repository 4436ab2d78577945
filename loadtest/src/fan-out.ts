// fan-out: CPU a delivery of an edge, with and without beats, against a bare uWebSockets.js + ioredis loop: 1,000 sockets in
// one channel, 200-byte messages, each once through Redis; and how long messages take. A publisher in this process sends all
// the same rate.

import { composeMessage } from "@rookery/broker";
import { compare } from "./compare.ts";
import type { Side } from "./compare.ts";
import { deliver, openCrowd } from "./crowd.ts";
import { cpuSeconds } from "./process-cost.ts";
import { quantile, round } from "./report.ts";
import type { Report } from "./report.ts";
import { startRig, UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = 1000;
const ROUNDS = 5;
/** Before each round, so that a beat has grown to what the rate makes it. */
const WARM_UP_SECONDS = 0.5;
const SECONDS = 1.2;
const CHANNEL = "bench";
const PACE_MAX_MS = 25;
const ADDED = `p99 <= off + ${PACE_MAX_MS + 5} ms`;
const RATES = [
  { perSec: 100, off: "<= 1.15x", on: "<= 0.6x" },
  { perSec: 500, off: "<= 1.15x", on: "<= 0.65x" },
  { perSec: 1000, off: "<= 1.15x", on: "<= 0.8x" },
] as const;

/** A server with a crowd before it, and a way to its topic. */
interface Stage {
  readonly name: string;
  readonly pid: number;
  readonly crowd: Awaited<ReturnType<typeof openCrowd>>;
  publish(this: void, body: string): void;
}

export async function fanOut(): Promise<Report> {
  const rig = await startRig();
  try {
    const stages = [await bareStage(rig), await edgeStage(rig, "off", 0), await edgeStage(rig, "on", PACE_MAX_MS)];
    const rows = [];
    for (const rate of RATES) {
      const [bare, off, on] = stages.map((stage) => sideOf(stage, rate.perSec));
      if (bare === undefined || off === undefined || on === undefined) throw new Error("a side is missing");
      const compared = await compare(bare, [off, on], ROUNDS);
      for (const [side, target] of [
        [bare, ""] as const,
        [off, rate.off] as const,
        [on, `${rate.on}, ${ADDED}`] as const,
      ]) {
        const { ratio, spread } = compared.toBaseline(side, "cost");
        rows.push({
          "msg/s": rate.perSec,
          side: side.name,
          "µs/delivery": compared.of(side, "cost"),
          ratio,
          spread: side === bare ? `A against A ${compared.sameAgainstSame("cost")}` : spread,
          "p50 ms": compared.of(side, "p50Ms"),
          "p99 ms": compared.of(side, "p99Ms"),
          target,
        });
      }
    }
    return { name: "fan-out", sockets: SOCKETS, rows };
  } finally {
    await rig.stop();
  }
}

async function bareStage(rig: Rig): Promise<Stage> {
  const topic = "{bench}:t";
  const server = rig.forkHere("bare-server.js", [rig.redisUrl, topic]);
  const port = await rig.portOf(server);
  const crowd = await openCrowd(rig, [{ port, sockets: SOCKETS, headers: {}, frames: [] }]);
  // The same bytes that an edge's envelope has, so that both sides write the same frames to their sockets.
  return {
    name: "bare",
    pid: rig.pidOf(server),
    crowd,
    publish: (body) => void rig.redis.spublish(topic, payload(body)),
  };
}

async function edgeStage(rig: Rig, pace: string, paceMaxMs: number): Promise<Stage> {
  const { process: server, port } = await rig.startEdge({ ROOKERY_PACE_MAX_MS: String(paceMaxMs) });
  const channel = `${CHANNEL}-${pace}`;
  const headers = { Authorization: `Bearer ${await rig.token("reader")}` };
  const frames = [JSON.stringify({ type: "join", channel, limit: 1 })];
  const crowd = await openCrowd(rig, [{ port, sockets: SOCKETS, headers, frames }]);
  const publisher = rig.publisher();
  const publish = (body: string): void => {
    const message = composeMessage({ channel, ...ids(), user: "bench", name: "bench", body });
    void publisher.publish({ ...message, ...UNFENCED });
  };
  return { name: `edge, pace ${pace}`, pid: rig.pidOf(server), crowd, publish };
}

/** Each round tells the CPU microseconds of the server for each frame that reached a socket, and how long frames took. */
function sideOf({ name, pid, crowd, publish }: Stage, perSec: number): Side {
  return {
    name,
    async round() {
      await deliver(crowd, { perSec, seconds: WARM_UP_SECONDS, sockets: SOCKETS }, publish);
      await crowd.takeDelaysMs();
      const before = cpuSeconds(pid);
      await deliver(crowd, { perSec, seconds: SECONDS, sockets: SOCKETS }, publish);
      const cost = ((cpuSeconds(pid) - before) * 1e6) / (perSec * SECONDS * SOCKETS);
      const delaysMs = await crowd.takeDelaysMs();
      return { cost, p50Ms: round(quantile(delaysMs, 0.5)), p99Ms: round(quantile(delaysMs, 0.99)) };
    },
  };
}

let made = 0;
function ids(): { id: string; clientId: string } {
  made += 1;
  const id = `bench-${String(made).padStart(15, "0")}`;
  return { id, clientId: id };
}

/** As long as the frame that the edge delivers for `body`: about 200 bytes. */
function payload(body: string): string {
  const { id, clientId } = ids();
  const position = { epoch: 1_700_000_000_000, seq: 100_000 + made, at: 1_700_000_000_000 };
  return JSON.stringify({
    type: "message",
    channel: `${CHANNEL}-on`,
    ...position,
    id,
    clientId,
    user: "bench",
    name: "bench",
    body,
  });
}
