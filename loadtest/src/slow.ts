// slow: what readers that stop cost the others. 1,000 sockets of one edge in one channel, against themselves while another ten are
// behind with full buffers: CPU a delivery and how long messages take, and what the edge holds for the ten. Each round has ten
// fresh ones, since nobody stays behind for longer than half a minute.

import { composeMessage } from "@rookery/broker";
import { compare } from "./compare.ts";
import type { Side } from "./compare.ts";
import { deliver, openCrowd } from "./crowd.ts";
import type { Crowd } from "./crowd.ts";
import { cpuSeconds, residentBytes } from "./process-cost.ts";
import { quantile, round } from "./report.ts";
import type { Report } from "./report.ts";
import { startRig, UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = 1000;
const STOPPED = 10;
const ROUNDS = 7;
const WARM_UP_SECONDS = 0.5;
const SECONDS = 2;
const PER_SEC = 200;
const CHANNEL = "slow-bench";
/** Only those who stop are in it: the kernel takes megabytes of each before the edge keeps anything. */
const FLOOD = "slow-flood";
const FLOOD_BODY = "x".repeat(4000);
const FLOOD_BATCH = 50;
const BEHIND_WITHIN_MS = 60_000;
const TARGET = "p99 <= 1.1x";

interface Stage {
  readonly rig: Rig;
  readonly pid: number;
  readonly port: number;
  readonly crowd: Crowd;
  publish(this: void, channel: string, body: string): Promise<unknown>;
  /** A series of the edge, summed over what it is labelled by. */
  metric(this: void, series: string): Promise<number>;
}

export async function slow(): Promise<Report> {
  const rig = await startRig();
  try {
    const stage = await open(rig);
    const alone: Side = { name: `${SOCKETS} readers`, round: () => measure(stage) };
    const beside: Side = { name: `and ${STOPPED} that have stopped`, round: () => measureBeside(stage) };
    const compared = await compare(alone, [beside], ROUNDS);
    const rows = [alone, beside].map((side) => {
      const [cost, p99] = [compared.toBaseline(side, "cost"), compared.toBaseline(side, "p99Ms")];
      const isBase = side === alone;
      return {
        side: side.name,
        "µs/delivery": compared.of(side, "cost"),
        ratio: cost.ratio,
        spread: isBase ? `A against A ${compared.sameAgainstSame("cost")}` : cost.spread,
        "p50 ms": compared.of(side, "p50Ms"),
        "p99 ms": compared.of(side, "p99Ms"),
        "p99 ratio": p99.ratio,
        "its spread": isBase ? `A against A ${compared.sameAgainstSame("p99Ms")}` : p99.spread,
        "KiB kept in the edge": compared.of(side, "keptKib"),
        "resident MiB": compared.of(side, "residentMib"),
        target: isBase ? "" : TARGET,
      };
    });
    return { name: "slow", sockets: SOCKETS, rows };
  } finally {
    await rig.stop();
  }
}

async function open(rig: Rig): Promise<Stage> {
  const { process: server, port, internalPort } = await rig.startEdge({});
  const headers = { Authorization: `Bearer ${await rig.token("reader")}` };
  const crowd = await openCrowd(rig, [{ port, sockets: SOCKETS, headers, frames: [joinFrame(CHANNEL)] }]);
  const publisher = rig.publisher();
  let made = 0;
  return {
    ...{ rig, port, crowd, pid: rig.pidOf(server) },
    publish: (channel, body) => {
      made += 1;
      const id = `slow-${String(made).padStart(16, "0")}`;
      const message = composeMessage({ channel, id, clientId: id, user: "bench", name: "bench", body });
      return publisher.publish({ ...message, ...UNFENCED });
    },
    async metric(series) {
      const text = await (await fetch(`http://127.0.0.1:${internalPort}/metrics`)).text();
      const line = text.split("\n").find((each) => each.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1));
    },
  };
}

function joinFrame(channel: string): string {
  return JSON.stringify({ type: "join", channel, limit: 1 });
}

async function measure({ crowd, pid, publish, metric }: Stage) {
  const tell = (body: string): void => void publish(CHANNEL, body);
  await deliver(crowd, { perSec: PER_SEC, seconds: WARM_UP_SECONDS, sockets: SOCKETS }, tell);
  await crowd.takeDelaysMs();
  const before = cpuSeconds(pid);
  await deliver(crowd, { perSec: PER_SEC, seconds: SECONDS, sockets: SOCKETS }, tell);
  const cost = ((cpuSeconds(pid) - before) * 1e6) / (PER_SEC * SECONDS * SOCKETS);
  const delaysMs = await crowd.takeDelaysMs();
  return {
    ...{ cost, p50Ms: round(quantile(delaysMs, 0.5)), p99Ms: round(quantile(delaysMs, 0.99)) },
    keptKib: (await metric("rookery_edge_buffered_bytes")) / 1024,
    residentMib: residentBytes(pid) / 2 ** 20,
  };
}

/** Throws when they were not behind for all of the round: it would say nothing. */
async function measureBeside(stage: Stage) {
  const { rig, port, publish } = stage;
  const headers = { Authorization: `Bearer ${await rig.token("stopper")}` };
  const frames = [joinFrame(CHANNEL), joinFrame(FLOOD)];
  const stopped = await openCrowd(rig, [{ port, sockets: STOPPED, headers, frames }]);
  await stopped.stop();
  const behind = (): Promise<number> => stage.metric('rookery_edge_lane_sockets{lane="behind"}');
  const deadlineMs = performance.now() + BEHIND_WITHIN_MS;
  while ((await behind()) < STOPPED) {
    if (performance.now() > deadlineMs) throw new Error("slow: those who stopped do not fall behind");
    await Promise.all(Array.from({ length: FLOOD_BATCH }, () => publish(FLOOD, FLOOD_BODY)));
  }
  const figures = await measure(stage);
  if ((await behind()) !== STOPPED) throw new Error("slow: those who stopped were not behind to the end");
  stopped.leave();
  while ((await behind()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  return figures;
}
