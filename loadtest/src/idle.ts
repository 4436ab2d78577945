// idle: resident memory of an edge for each socket that is connected, authenticated and joined to one channel, and doing
// nothing; beside it a bare uWebSockets.js server in the same run. Memory of the process, kernel buffers not included.

import { residentBytes } from "./process-cost.ts";
import { round } from "./report.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = 10_000;
const WARM_UP_SOCKETS = 500;
/** V8 gives the garbage of ten thousand handshakes back some seconds after the last of them. */
const CALM_MS = 25_000;
const CALM_AT_MOST_MS = 90_000;

export async function idle(): Promise<Report> {
  const rig = await startRig();
  try {
    const bareServer = rig.forkHere("bare-server.js", [rig.redisUrl, "{bench}:t"]);
    const barePort = await rig.portOf(bareServer);
    const bareBytes = await bytesPerSocket(rig, rig.pidOf(bareServer), barePort, () => Promise.resolve({}), []);
    const edge = await rig.startEdge({});
    const authorization = async (n: number) => ({ Authorization: `Bearer ${await rig.token(`user-${n}`)}` });
    const join = JSON.stringify({ type: "join", channel: "bench" });
    const edgeBytes = await bytesPerSocket(rig, rig.pidOf(edge.process), edge.port, authorization, [join]);
    const row = (what: string, bytes: number, target: string) => ({ what, "KB/socket": round(bytes / 1024), target });
    return {
      name: "idle",
      sockets: SOCKETS,
      rows: [row("edge, joined to one channel", edgeBytes, "<= 3"), row("bare uWebSockets.js", bareBytes, "")],
    };
  } finally {
    await rig.stop();
  }
}

/** The slope between some sockets and many: what a process costs by itself falls out. */
async function bytesPerSocket(
  rig: Rig,
  pid: number,
  port: number,
  headersOf: (n: number) => Promise<Record<string, string>>,
  frames: string[],
): Promise<number> {
  const readers = rig.forkHere("readers.js", []);
  const open = async (first: number, sockets: number): Promise<void> => {
    const headers = await Promise.all(Array.from({ length: sockets }, (_, n) => headersOf(first + n)));
    readers.send({ open: { port, sockets, headers, frames } });
    await nextMessage(readers);
  };
  await open(0, WARM_UP_SOCKETS);
  const before = await calmBytes(pid);
  await open(WARM_UP_SOCKETS, SOCKETS);
  return ((await calmBytes(pid)) - before) / SOCKETS;
}

/** Resident memory once it has not fallen any more for a while. */
async function calmBytes(pid: number): Promise<number> {
  const startedMs = performance.now();
  let lowest = residentBytes(pid);
  for (let lowestMs = startedMs; performance.now() - lowestMs < CALM_MS;) {
    if (performance.now() - startedMs > CALM_AT_MOST_MS) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = residentBytes(pid);
    if (now < lowest * 0.995) lowestMs = performance.now();
    lowest = Math.min(lowest, now);
  }
  return lowest;
}
