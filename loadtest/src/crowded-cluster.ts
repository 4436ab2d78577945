// Three edges and an api with 15,000 connections, each of a user of its own: 10,000 in one channel and the others in a hundred
// small ones, a third of all on each edge. Used by the bench `control`.

import { openCrowd } from "./crowd.ts";
import type { Crowd } from "./crowd.ts";
import type { Rig } from "./rig.ts";

const EDGES = 3;
export const MEMBERS = 10_000;
export const CONNECTIONS = 15_000;
const SMALL_CHANNELS = 100;
const QUIET_WITHIN_MS = 60_000;
/** A channel whose members are told by numbers alone hears of them once a second. */
const QUIET_FOR_MS = 2500;

export interface CrowdedCluster {
  /** Of the crowd of 10,000. */
  readonly channel: string;
  readonly members: Crowd;
  readonly others: Crowd;
  readonly edges: readonly { readonly pid: number; readonly port: number }[];
  readonly apiPid: number;
  /** As a backend; the answer's body, or throws what went wrong. */
  call(this: void, method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Resolves when nobody of the 10,000 has heard anything for a while. */
  quiet(this: void): Promise<void>;
}

export async function openCrowdedCluster(rig: Rig): Promise<CrowdedCluster> {
  const channel = "crowded";
  const started = await Promise.all(Array.from({ length: EDGES }, () => rig.startEdge({ ROOKERY_PACE_MAX_MS: "25" })));
  const edges = started.map(({ process, port }) => ({ pid: rig.pidOf(process), port }));
  const api = await rig.startApi();
  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${rig.apiKey}`, "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`http://127.0.0.1:${api.port}${path}`, { method, headers, ...sent });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    const read: unknown = text === "" ? {} : JSON.parse(text);
    return typeof read === "object" && read !== null ? { ...read } : {};
  };
  await call("POST", "/v1/channels", { id: channel, kind: "public", owner: "olga" });
  const members = await crowdOn(rig, edges, { prefix: "member", sockets: MEMBERS, channelOf: () => channel });
  const channelOf = (n: number): string => `small-${n % SMALL_CHANNELS}`;
  const others = await crowdOn(rig, edges, { prefix: "other", sockets: CONNECTIONS - MEMBERS, channelOf });
  const quiet = async (): Promise<void> => {
    const deadlineMs = performance.now() + QUIET_WITHIN_MS;
    for (let before = -1; ;) {
      const { all } = await members.framesRead();
      if (all === before) return;
      if (performance.now() > deadlineMs) throw new Error("control: the crowd does not come to rest");
      before = all;
      await new Promise((resolve) => setTimeout(resolve, QUIET_FOR_MS));
    }
  };
  await quiet();
  return { channel, members, others, edges, apiPid: rig.pidOf(api.process), call, quiet };
}

interface Wanted {
  readonly prefix: string;
  readonly sockets: number;
  channelOf(this: void, n: number): string;
}

async function crowdOn(rig: Rig, edges: readonly { port: number }[], wanted: Wanted): Promise<Crowd> {
  const { prefix, sockets, channelOf } = wanted;
  const numbers = Array.from({ length: sockets }, (_, n) => n);
  const orders = edges.map(async ({ port }, at) => {
    const own = numbers.filter((n) => n % edges.length === at);
    const headers = await Promise.all(
      own.map(async (n) => ({ Authorization: `Bearer ${await rig.token(`${prefix}-${n}`)}` })),
    );
    const framesOf = own.map((n) => [JSON.stringify({ type: "join", channel: channelOf(n), limit: 1 })]);
    return { port, sockets: own.length, headers, frames: [], framesOf };
  });
  return openCrowd(rig, await Promise.all(orders));
}
