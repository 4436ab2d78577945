// accept: CPU that a durable send costs an edge and its Redis, with every check on, beside a bare server that publishes with
// history and checks nothing. 40 sessions with 25 sends in flight each, in a channel each or all in one. No persister runs:
// what is stored is the business of `drain`.

import type { ChildProcess } from "node:child_process";
import { compare } from "./compare.ts";
import type { Side } from "./compare.ts";
import { cpuSeconds } from "./process-cost.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SESSIONS = 40;
const IN_FLIGHT = 25;
const ROUND_MS = 2000;
const ROUNDS = 5;
const NO_RATES = {
  ROOKERY_SENDS_PER_SEC: "100000",
  ROOKERY_SEND_BURST: "1000000",
  ROOKERY_COMMANDS_PER_SEC: "100000",
  ROOKERY_COMMAND_BURST: "1000000",
  ROOKERY_OUTBOX_MAX_BYTES: String(64 * 2 ** 30),
};
const CASES = [
  { what: "40 channels", channels: (n: number) => `many-${n}`, targets: { edge: "<= 1.8x", redis: "<= 2.2x" } },
  { what: "one channel", channels: () => "one", targets: { edge: "<= 1.4x", redis: "<= 1.6x" } },
] as const;

export async function accept(): Promise<Report> {
  const rig = await startRig();
  try {
    const bareServer = rig.forkHere("bare-chat-server.js", [rig.redisUrl]);
    const barePort = await rig.portOf(bareServer);
    const edge = await rig.startEdge(NO_RATES);
    const token = await rig.token("sender");
    const redisPid = await rig.redisPid();
    const rows = [];
    for (const { what, channels, targets } of CASES) {
      const names = Array.from({ length: SESSIONS }, (_, n) => channels(n));
      const bare = await side(rig, "bare", rig.pidOf(bareServer), redisPid, { port: barePort, headers: {} }, names);
      const headers = { Authorization: `Bearer ${token}` };
      const own = await side(rig, "edge", rig.pidOf(edge.process), redisPid, { port: edge.port, headers }, names);
      const compared = await compare(bare, [own], ROUNDS);
      for (const figure of ["edge", "redis"] as const) {
        const { ratio, spread } = compared.toBaseline(own, figure);
        rows.push({
          what: `${what}: ${figure}`,
          "bare µs/send": compared.of(bare, figure),
          "Rookery µs/send": compared.of(own, figure),
          ratio,
          spread,
          "A against A": compared.sameAgainstSame(figure),
          target: targets[figure],
        });
      }
    }
    return { name: "accept", sessions: SESSIONS, inFlight: IN_FLIGHT, rows };
  } finally {
    await rig.stop();
  }
}

interface Server {
  readonly port: number;
  readonly headers: Record<string, string>;
}

async function side(
  rig: Rig,
  name: string,
  pid: number,
  redisPid: number,
  server: Server,
  channels: readonly string[],
): Promise<Side> {
  const senders = rig.forkHere("senders.js", []);
  senders.send({ open: { ...server, channels } });
  await nextMessage(senders);
  return { name, round: () => measure(senders, pid, redisPid) };
}

/** CPU microseconds for each send that was answered. */
async function measure(senders: ChildProcess, pid: number, redisPid: number) {
  const before = { edge: cpuSeconds(pid), redis: cpuSeconds(redisPid) };
  senders.send({ send: { inFlight: IN_FLIGHT, forMs: ROUND_MS } });
  const sends = Number(await nextMessage(senders));
  const cost = (spent: number): number => (spent * 1e6) / sends;
  return {
    edge: cost(cpuSeconds(pid) - before.edge),
    redis: cost(cpuSeconds(redisPid) - before.redis),
    sends,
  };
}
