// How long a ban takes from the request to its receipt, in a channel with 10,000 members on three edges, when the banned user has
// a session on each of them; and the deletion of the channel, by which every member is taken out. One part of the bench `control`.

import { MEMBERS } from "./crowded-cluster.ts";
import type { CrowdedCluster } from "./crowded-cluster.ts";
import { cpuSeconds } from "./process-cost.ts";
import { openRawSocket } from "./raw-sockets.ts";
import { median, round } from "./report.ts";
import type { Rig } from "./rig.ts";

const BANS = 20;
const TARGET = "<= 500 ms";
const HEARD_WITHIN_MS = 10_000;
const REMOVED = Buffer.from('{"type":"removed"');

interface Victim {
  readonly user: string;
  /** When each of the sessions was told that it is out. */
  readonly removedMs: number[];
}

export async function banReceipt(rig: Rig, cluster: CrowdedCluster) {
  const { call, channel, members, edges } = cluster;
  const victims = await Promise.all(Array.from({ length: BANS }, (_, n) => openVictim(rig, cluster, `victim-${n}`)));
  await cluster.quiet();
  const from = { cpu: cpuOf(cluster), read: await members.framesRead() };
  const bans = [];
  for (const { user, removedMs } of victims) {
    bans.push(await timed(() => call("PUT", `/v1/channels/${channel}/bans/${user}`, {}), removedMs, edges.length));
  }
  await cluster.quiet();
  const cpuMs = ((cpuOf(cluster) - from.cpu) * 1000) / BANS;
  const frames = (await members.framesRead()).all - from.read.all;
  const before = { cpu: cpuOf(cluster), read: await members.framesRead() };
  const deletion = await timed(() => call("DELETE", `/v1/channels/${channel}`), [], 0);
  await cluster.quiet();
  const removal = (cpuOf(cluster) - before.cpu) * 1000;
  const removed = (await members.framesRead()).all - before.read.all;
  return [
    {
      what: `a ban of a user with ${edges.length} sessions, ${BANS} in a row`,
      ...figuresOf(bans),
      "CPU ms of the edges": round(cpuMs),
      "frames to a member": round(frames / MEMBERS / BANS),
      target: TARGET,
    },
    {
      what: `the deletion of the channel`,
      ...figuresOf([deletion]),
      "CPU ms of the edges": round(removal),
      "frames to a member": round(removed / MEMBERS),
      target: "",
    },
  ];
}

/** Of all edges so far, in seconds. */
const cpuOf = ({ edges }: CrowdedCluster): number => edges.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);

async function openVictim(rig: Rig, { edges, channel }: CrowdedCluster, user: string): Promise<Victim> {
  const removedMs: number[] = [];
  const headers = { Authorization: `Bearer ${await rig.token(user)}` };
  for (const { port } of edges) {
    const socket = await openRawSocket(port, headers, (payload) => {
      if (payload.subarray(0, REMOVED.length).equals(REMOVED)) removedMs.push(performance.now());
    });
    socket.sendText(JSON.stringify({ type: "join", channel, limit: 1 }));
  }
  return { user, removedMs };
}

interface Timed {
  readonly ms: number;
  readonly toldMs: number;
  readonly receiptMs: number;
  readonly confirmed: number;
  readonly expected: number;
  readonly closed: number;
}

/** `removedMs` fills as sessions are told; so many of them are waited for. */
async function timed(
  act: () => Promise<Record<string, unknown>>,
  removedMs: number[],
  sessions: number,
): Promise<Timed> {
  const startedMs = performance.now();
  const { receipt } = await act();
  const ms = performance.now() - startedMs;
  while (removedMs.length < sessions) {
    if (performance.now() - startedMs > HEARD_WITHIN_MS) throw new Error("control: a banned session was not told");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const numberAt = (text: string): number => Number(new RegExp(`"${text}":(\\d+)`).exec(JSON.stringify(receipt))?.[1]);
  return {
    ms,
    toldMs: Math.max(...removedMs, startedMs) - startedMs,
    receiptMs: numberAt("ms"),
    confirmed: numberAt("confirmed"),
    expected: numberAt("expected"),
    closed: numberAt("sessionsClosed"),
  };
}

function figuresOf(all: readonly Timed[]) {
  const sum = (of: (each: Timed) => number): number => all.reduce((before, each) => before + of(each), 0);
  return {
    "ms over REST": round(median(all.map(({ ms }) => ms))),
    most: round(Math.max(...all.map(({ ms }) => ms))),
    "last session told, ms": round(median(all.map(({ toldMs }) => toldMs))),
    "receipt's ms": round(median(all.map(({ receiptMs }) => receiptMs))),
    "edges that confirmed": `${sum((each) => each.confirmed)} of ${sum((each) => each.expected)}`,
    "sessions closed": sum((each) => each.closed),
  };
}
