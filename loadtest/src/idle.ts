// idle: resident memory of an edge for each socket that is connected, authenticated and joined to one channel, and doing
// nothing; beside it a bare uWebSockets.js server in the same run. Memory of the process, kernel buffers not included.

import { collectGarbage } from "./collect-garbage.ts";
import { residentBytes } from "./process-cost.ts";
import { round } from "./report.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = 10_000;
const WARM_UP_SOCKETS = 500;
const INSPECT_PORT = 29_229;

export async function idle(): Promise<Report> {
  const rig = await startRig();
  try {
    const bareServer = rig.forkHere("bare-server.js", [rig.redisUrl, "{bench}:t"]);
    const barePort = await rig.portOf(bareServer);
    const bareBytes = await bytesPerSocket(
      rig,
      rig.pidOf(bareServer),
      barePort,
      () => Promise.resolve({}),
      [],
      undefined,
    );
    const edge = await rig.startEdge({ NODE_OPTIONS: `--inspect=127.0.0.1:${INSPECT_PORT}` });
    const authorization = async (n: number) => ({ Authorization: `Bearer ${await rig.token(`user-${n}`)}` });
    const join = JSON.stringify({ type: "join", channel: "bench" });
    const edgeBytes = await bytesPerSocket(
      rig,
      rig.pidOf(edge.process),
      edge.port,
      authorization,
      [join],
      INSPECT_PORT,
    );
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
  inspectPort: number | undefined,
): Promise<number> {
  const readers = rig.forkHere("readers.js", []);
  const usedBytes = async (): Promise<number> => {
    if (inspectPort !== undefined) await collectGarbage(inspectPort);
    return residentBytes(pid);
  };
  const open = async (first: number, sockets: number): Promise<void> => {
    const headers = await Promise.all(Array.from({ length: sockets }, (_, n) => headersOf(first + n)));
    readers.send({ open: { port, sockets, headers, frames } });
    await nextMessage(readers);
  };
  await open(0, WARM_UP_SOCKETS);
  const before = await usedBytes();
  await open(WARM_UP_SOCKETS, SOCKETS);
  return ((await usedBytes()) - before) / SOCKETS;
}
