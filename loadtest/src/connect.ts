// connect: what it costs to come in. Sockets connect, join one channel and have their answer, 50 at a time: an edge with an
// empty channel and one with 200 messages in the log, against a bare server's upgrade and subscribe. Wall time, because whoever
// comes in waits for it, with the CPU of the server beside it; and what was written to Postgres meanwhile.

import type { ChildProcess } from "node:child_process";
import { composeMessage } from "@rookery/broker";
import { compare } from "./compare.ts";
import type { Comparison, Side } from "./compare.ts";
import type { CrowdOrder } from "./connect-crowd.ts";
import { joinFrame, requestOf } from "./joiner.ts";
import { openPostgresLine } from "./postgres-line.ts";
import type { PostgresLine } from "./postgres-line.ts";
import { cpuSeconds } from "./process-cost.ts";
import { round } from "./report.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig, UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = 9000;
const AT_ONCE = 50;
const ROUNDS = 3;
const MESSAGES = 200;
type Crowd = Omit<CrowdOrder, "atOnce">;

export async function connect(): Promise<Report> {
  const rig = await startRig();
  const line = await openPostgresLine(rig.postgresUrl);
  try {
    const crowd = rig.forkHere("connect-crowd.js", []);
    const server = rig.forkHere("bare-server.js", [rig.redisUrl, "{bench}:t"]);
    const port = await rig.portOf(server);
    const requests = Array.from({ length: SOCKETS }, () => requestOf([]));
    const order = { port, requests, frame: undefined, until: "\r\n\r\n" };
    const bare = sideOf("bare", crowd, rig.pidOf(server), order, undefined);

    // Without a grace those of one round have left before the next one begins.
    const edge = await rig.startEdge({ ROOKERY_POSTGRES_URL: line.url, ROOKERY_PRESENCE_GRACE_MS: "0" });
    const tokens = await Promise.all(Array.from({ length: SOCKETS }, (_, n) => rig.token(`user-${n}`)));
    const known = tokens.map((token) => requestOf([`Authorization: Bearer ${token}`]));
    const edgeSide = (name: string, channel: string): Side => {
      const join = { port: edge.port, requests: known, frame: joinFrame(channel), until: '"more":' };
      return sideOf(name, crowd, rig.pidOf(edge.process), join, line);
    };
    const empty = edgeSide("edge, empty channel", "empty");
    const full = edgeSide(`edge, ${MESSAGES} messages in the log`, "full");
    await speak(rig, "full");
    return report(await compare(bare, [empty, full], ROUNDS), bare, [empty, full]);
  } finally {
    line.close();
    await rig.stop();
  }
}

function sideOf(name: string, crowd: ChildProcess, pid: number, order: Crowd, line: PostgresLine | undefined): Side {
  return {
    name,
    async round() {
      const before = { cpu: cpuSeconds(pid), writes: line?.writes() ?? 0 };
      crowd.send({ ...order, atOnce: AT_ONCE } satisfies CrowdOrder);
      const ms = msOf(await nextMessage(crowd));
      const cpu = cpuSeconds(pid) - before.cpu;
      const writes = (line?.writes() ?? 0) - before.writes;
      crowd.send("leave");
      await nextMessage(crowd);
      await settled(pid);
      return { "wall µs": (ms * 1000) / SOCKETS, "CPU µs": (cpu * 1e6) / SOCKETS, writes };
    },
  };
}

function msOf(answer: unknown): number {
  if (typeof answer === "object" && answer !== null && "ms" in answer) return Number(answer.ms);
  throw new Error("connect: the crowd gave no time");
}

/** Until the server has done with those who left: it uses next to no CPU for a moment. */
async function settled(pid: number): Promise<void> {
  for (let before = -1; cpuSeconds(pid) - before > 0.01;) {
    before = cpuSeconds(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function speak(rig: Rig, channel: string): Promise<void> {
  const publisher = rig.publisher();
  for (let n = 0; n < MESSAGES; n += 1) {
    const id = `bench-${String(n).padStart(15, "0")}`;
    const parts = { channel, id, clientId: id, user: "bench", name: "bench", body: "x".repeat(40) };
    await publisher.publish({ ...composeMessage(parts), ...UNFENCED });
  }
}

function report(found: Comparison, bare: Side, edges: readonly Side[]): Report {
  const figures = (side: Side) => ({
    what: side.name,
    "wall µs": found.of(side, "wall µs"),
    "CPU µs": found.of(side, "CPU µs"),
  });
  return {
    name: "connect",
    sockets: SOCKETS,
    atOnce: AT_ONCE,
    rows: [
      { ...figures(bare), "wall to bare": 1, spread: `A against A ${found.sameAgainstSame("wall µs")}` },
      ...edges.map((side) => {
        const wall = found.toBaseline(side, "wall µs");
        const cpu = found.toBaseline(side, "CPU µs");
        return {
          ...figures(side),
          "wall to bare": wall.ratio,
          spread: wall.spread,
          "CPU to bare": cpu.ratio,
          "writes to Postgres a join": round(found.of(side, "writes") / SOCKETS),
          target: "<= 3.2x wall, no writes",
        };
      }),
    ],
  };
}
