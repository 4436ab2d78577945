// idle: what an edge costs while nothing is said. CPU and memory for 9,000 sockets, each of a user who is present in one
// channel, and in five, beside a bare uWebSockets.js server, and one that pings as often as an edge; and an edge without a
// client: its share of a core and the commands it sends to Redis.
// All run at once and are looked at over the same seconds. Memory is the process's, kernel buffers not included.

import type { ChildProcess } from "node:child_process";
import { collectGarbage } from "./collect-garbage.ts";
import { addresses, hearCommands } from "./heard-commands.ts";
import { cpuSeconds, residentBytes } from "./process-cost.ts";
import { round } from "./report.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = 9_000;
const WARM_UP_SOCKETS = 500;
/** A whole heartbeat, so that every socket is pinged once in it. */
const WATCHED_SEC = 25;
/** Until then V8 collects, in its own time, what connecting left behind: that is no cost of being there. */
const SETTLED_SEC = 20;
/** What the CPU is told for. */
const TOLD_SEC = 15;
const FIRST_INSPECT_PORT = 29_229;

interface Crowd {
  readonly what: string;
  readonly pid: number;
  /** Of a server that can be told to collect its garbage. */
  readonly inspectPort: number | undefined;
  readonly uncollected: number;
  /** Memory of each socket in use, to be asked for at the end, since a collection costs CPU. */
  collected(this: void): Promise<number>;
}

export async function idle(): Promise<Report> {
  const rig = await startRig();
  try {
    const others = await addresses(rig);
    const empty = await rig.startEdge({});
    const ofEmpty = new Set([...(await addresses(rig))].filter((address) => !others.has(address)));
    const bare = await bareCrowd(rig, "bare uWebSockets.js", []);
    const pinging = await bareCrowd(rig, "bare, with pings", ["pings"]);
    const one = await edgeCrowd(rig, "edge, 1 channel", ["bench"], FIRST_INSPECT_PORT);
    const five = await edgeCrowd(rig, "edge, 5 channels", numbered("bench", 5), FIRST_INSPECT_PORT + 1);
    const crowds = [bare, pinging, one, five];
    await new Promise((resolve) => setTimeout(resolve, SETTLED_SEC * 1000));
    const pids = [...crowds.map(({ pid }) => pid), rig.pidOf(empty.process)];
    const [commandsPerSec, spent] = await watch(rig, ofEmpty, pids);
    const cpuOf = (n: number): number => round(((spent[n] ?? Number.NaN) * TOLD_SEC) / WATCHED_SEC);
    const rows = [];
    for (const [n, crowd] of crowds.entries()) {
      rows.push({
        what: `${crowd.what}: ${SOCKETS} sockets`,
        "CPU s in 15 s": cpuOf(n),
        "KB a socket": round(crowd.uncollected / 1024),
        "KB, collected": crowd.inspectPort === undefined ? "" : round((await crowd.collected()) / 1024),
        target: crowd === one ? "<= 0.15 s; <= 4.5 KB, 2.6 collected" : "",
      });
    }
    const share = ((spent.at(-1) ?? Number.NaN) * 100) / WATCHED_SEC;
    const target = "<= 0.5 % of a core, < 5 commands/s";
    rows.push({ what: "edge without a client", "% of a core": round(share), "commands/s": commandsPerSec, target });
    return { name: "idle", sockets: SOCKETS, rows };
  } finally {
    await rig.stop();
  }
}

/** Commands a second that come from these addresses, and the CPU seconds of each of these processes, in the same time. */
async function watch(rig: Rig, sources: ReadonlySet<string>, pids: readonly number[]): Promise<[number, number[]]> {
  const heard = await hearCommands(rig, sources);
  const before = pids.map(cpuSeconds);
  await new Promise((resolve) => setTimeout(resolve, WATCHED_SEC * 1000));
  const spent = pids.map((pid, n) => cpuSeconds(pid) - (before[n] ?? Number.NaN));
  heard.stop();
  return [round(heard.commands() / WATCHED_SEC), spent];
}

async function bareCrowd(rig: Rig, what: string, options: string[]): Promise<Crowd> {
  const server = rig.forkHere("bare-server.js", [rig.redisUrl, "{bench}:t", ...options]);
  return gather(rig, what, server, await rig.portOf(server), {}, undefined);
}

async function edgeCrowd(rig: Rig, what: string, channels: readonly string[], inspectPort: number): Promise<Crowd> {
  const edge = await rig.startEdge({ NODE_OPTIONS: `--inspect=127.0.0.1:${inspectPort}` });
  const joins = channels.map((channel) => ({ channel }));
  const join = channels.length === 1 ? { type: "join", ...joins[0] } : { type: "join", joins };
  return gather(rig, what, edge.process, edge.port, { frame: JSON.stringify(join) }, inspectPort);
}

/** Memory is the slope between some sockets and many: what a process costs by itself falls out. */
async function gather(
  rig: Rig,
  what: string,
  server: ChildProcess,
  port: number,
  { frame }: { frame?: string },
  inspectPort: number | undefined,
): Promise<Crowd> {
  const pid = rig.pidOf(server);
  const readers = rig.forkHere("readers.js", []);
  const open = async (first: number, sockets: number): Promise<void> => {
    const authorization = async (n: number) => ({ Authorization: `Bearer ${await rig.token(`user-${n}`)}` });
    const users = Array.from({ length: sockets }, (_, n) => first + n);
    const headers = frame === undefined ? {} : await Promise.all(users.map(authorization));
    readers.send({ open: { port, sockets, headers, frames: frame === undefined ? [] : [frame] } });
    await nextMessage(readers);
  };
  const inUse = async (): Promise<number> => {
    if (inspectPort !== undefined) await collectGarbage(inspectPort);
    return residentBytes(pid);
  };
  await open(0, WARM_UP_SOCKETS);
  const fewUncollected = residentBytes(pid);
  const fewInUse = await inUse();
  await open(WARM_UP_SOCKETS, SOCKETS);
  const uncollected = (residentBytes(pid) - fewUncollected) / SOCKETS;
  return { what, pid, inspectPort, uncollected, collected: async () => ((await inUse()) - fewInUse) / SOCKETS };
}

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name}-${n}`);
}
