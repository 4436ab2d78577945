// How long `GET /v1/connections` takes while 15,000 connections are held, and the CPU it costs the api, the edges and Redis: no
// loop is blocked for longer than what its process spends on the whole answer. One part of the bench `control`.

import { CONNECTIONS } from "./crowded-cluster.ts";
import type { CrowdedCluster } from "./crowded-cluster.ts";
import { cpuSeconds } from "./process-cost.ts";
import { median, quantile, round } from "./report.ts";
import type { Rig } from "./rig.ts";

const LOOKS = 100;
const WARM_UP_LOOKS = 20;
const COUNTED_WITHIN_MS = 30_000;
const PAGES = [50, 100];

export async function connectionList(rig: Rig, { call, edges, apiPid }: CrowdedCluster) {
  const redisPid = await rig.redisPid();
  await counted(call);
  const cpu = () => ({
    api: cpuSeconds(apiPid),
    edges: edges.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
    redis: cpuSeconds(redisPid),
  });
  const look = async (page: number): Promise<number> => {
    const startedMs = performance.now();
    await call("GET", `/v1/connections?limit=${page}`);
    return performance.now() - startedMs;
  };
  const rows = [];
  for (const page of PAGES) {
    for (let n = 0; n < WARM_UP_LOOKS; n += 1) await look(page);
    await rig.redis.config("RESETSTAT");
    await rig.redis.config("SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "20000");
    await rig.redis.slowlog("RESET");
    const from = cpu();
    const ms: number[] = [];
    for (let n = 0; n < LOOKS; n += 1) ms.push(await look(page));
    const to = cpu();
    const longest = longestOf(await rig.redis.slowlog("GET", 20_000));
    await rig.redis.config("SET", "slowlog-log-slower-than", "10000");
    const spent = (of: keyof typeof from): number => round(((to[of] - from[of]) * 1000) / LOOKS);
    rows.push({
      what: `${CONNECTIONS} connections, a page of ${page} users`,
      ms: round(median(ms)),
      "quietest tenth": round(quantile(ms, 0.1)),
      p99: round(quantile(ms, 0.99)),
      "CPU ms of the api": spent("api"),
      "of 3 edges": spent("edges"),
      "of Redis": spent("redis"),
      "longest command of Redis, ms": round(longest / 1000),
      target: "<= 50 ms, no loop blocked for 10 ms",
    });
  }
  return rows;
}

/** Until every edge has told of all of its own. */
async function counted(call: CrowdedCluster["call"]): Promise<void> {
  const deadlineMs = performance.now() + COUNTED_WITHIN_MS;
  for (;;) {
    const { total } = await call("GET", "/v1/connections");
    if (total === CONNECTIONS) return;
    if (performance.now() > deadlineMs) throw new Error(`control: ${String(total)} connections are told of`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** In microseconds, of entries as `SLOWLOG GET` answers them: number, time, duration and so on. */
function longestOf(entries: unknown): number {
  if (!Array.isArray(entries)) return Number.NaN;
  return entries.reduce(
    (most: number, entry: unknown) => Math.max(most, Array.isArray(entry) ? Number(entry[2]) : 0),
    0,
  );
}
