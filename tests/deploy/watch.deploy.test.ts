import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { startPostgres, startRedis } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import { eventually, startCluster, startProxy } from "@rookery/testkit";
import type { ChatClient, Cluster, Proxy } from "@rookery/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTalk, UNHURRIED } from "../talk.ts";
import type { Talk } from "../talk.ts";
import { startPrometheus } from "./prometheus.ts";
import type { Prometheus } from "./prometheus.ts";
import { debianTool } from "./tools.ts";
import { alerts, dashboards, PROMETHEUS, recordings } from "./watch-files.ts";

const promtool = debianTool("promtool", "prometheus");
const program = debianTool("prometheus", "prometheus");
const SPEAKERS = 16;
const PACE_MS = 100;
const CHECK_EVERY_MS = 1_000;
const CUTS = 5;
const SCRAPED_MS = 120_000;
/** Above the minute for which an alert waits until it fires. */
const WITHIN_MS = 90_000;

let redisServer: RunningServer;
let replica: RunningServer;
let postgresServer: RunningServer;
let postgresWay: Proxy;
let redis: Redis;
let cluster: Cluster;
let prometheus: Prometheus;
let talk: Talk;
let requests: { end(): Promise<void> };
const clients: ChatClient[] = [];

describe.skipIf(promtool === undefined)("the rules and alerts", () => {
  it.each([["rules.test.yml"], ["alerts.test.yml"]])("do what %s says, by promtool", (file) => {
    const { status, stdout, stderr } = promtoolRun(["test", "rules", file]);
    expect(status, stdout + stderr).toBe(0);
  });

  it("are in order, as is the scraping, by promtool", () => {
    const { status, stdout, stderr } = promtoolRun(["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"]);
    expect(status, stdout + stderr).toBe(0);
  });
});

describe.skipIf(promtool === undefined || program === undefined)("a cluster under load", () => {
  beforeAll(async () => {
    [redisServer, postgresServer] = await Promise.all([startRedis({ args: { maxmemory: "256mb" } }), startPostgres()]);
    const { hostname, port } = new URL(redisServer.url);
    replica = await startRedis({ args: { replicaof: `${hostname} ${port}` } });
    postgresWay = await startProxy({ target: postgresServer.url });
    redis = new Redis(redisServer.url);
    const set = { ...UNHURRIED, ROOKERY_ACK: "safe", ROOKERY_DRAIN_MS: "6000" };
    cluster = await startCluster({ edges: 2, redisUrl: redisServer.url, postgresUrl: postgresWay.url(), set });
    prometheus = await startPrometheus(program ?? "", {
      "rookery-edge": ["edge-1", "edge-2"].map(internalOf),
      "rookery-api": [internalOf("api")],
      "rookery-persister": [internalOf("persister-1")],
    });
    talk = startTalk(await speakers(), { paceMs: PACE_MS });
    requests = startRequests();
  });

  afterAll(async () => {
    await requests?.end();
    await talk?.end();
    await Promise.all(clients.map((client) => client.close()));
    await cluster?.stop();
    await prometheus?.stop();
    redis?.disconnect();
    await postgresWay?.close();
    await Promise.all([replica?.stop(), redisServer?.stop(), postgresServer?.stop()]);
  });

  it("serves metrics in which `promtool check metrics` finds nothing, with a help for each family", async () => {
    await eventually(() => talk.acknowledged() > 100, { withinMs: WITHIN_MS });
    for (const { name, internal } of cluster.ready.processes) {
      if (internal === undefined) continue;
      const input = await (await fetch(`${internal}/metrics`)).text();
      const { status, stderr } = spawnSync(promtool ?? "", ["check", "metrics"], { input, encoding: "utf8" });
      expect([name, status, stderr]).toEqual([name, 0, ""]);
      const helped = [...input.matchAll(/^# HELP (\S+) \S/gm)].map(([, family]) => family);
      expect(helped).toEqual([...input.matchAll(/^# TYPE (\S+)/gm)].map(([, family]) => family));
    }
  });

  it(
    "raises the alerts of its faults, and over two minutes shows something in every panel, figure and bound",
    { timeout: 300_000 },
    async () => {
      const scrapedUntilMs = Date.now() + SCRAPED_MS;
      await cutSubscribers();
      clients[0]?.kill();
      await stopPersister();
      await takePostgresAway();
      await eventually(() => Date.now() >= scrapedUntilMs, { withinMs: SCRAPED_MS, what: "two minutes of scraping" });
      await talk.end();
      cluster.kill("edge-2", "SIGTERM");
      await untilSeen("rookery_edge_drained_ratio", (value) => value > 0);

      expect(await prometheus.ruleFaults()).toEqual([]);
      const asked = everyQuery();
      expect(asked.length).toBeGreaterThan(150);
      const silent: string[] = [];
      for (const [where, query] of asked)
        if ((await prometheus.shown(query)).length === 0) silent.push(`${where}: ${query}`);
      expect(silent).toEqual([]);
    },
  );
});

function promtoolRun(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(promtool ?? "", args, { cwd: PROMETHEUS, encoding: "utf8" });
}

function internalOf(name: string): string {
  const found = cluster.ready.processes.find((each) => each.name === name)?.internal;
  if (found === undefined) throw new Error(`${name} has no internal port`);
  return new URL(found).host;
}

/** All of every dashboard, and of each rule what it computes, of each alert what stands before its bound. */
function everyQuery(): [where: string, query: string][] {
  const panels = [...dashboards()].flatMap(([board, { panels: all }]) =>
    all.flatMap(({ title, targets }) =>
      targets.map(({ expr }): [string, string] => [`${board}, ${title}`, asGrafana(expr)]),
    ),
  );
  const figures = recordings().flatMap(({ record, expr }): [string, string][] => [
    [record, record],
    [`what ${record} is`, expr],
  ]);
  const bounds = alerts().map(({ alert, expr }): [string, string] => [alert, expr.replace(/ (>|>=|==) [\d.]+$/, "")]);
  return [...panels, ...figures, ...bounds];
}

/** As it puts in what is chosen: every process, and a range of several scrapes. */
const asGrafana = (expr: string): string =>
  expr.replaceAll("$__rate_interval", "15s").replaceAll("$instance", ".*").replaceAll("${datasource}", "");

async function speakers(): Promise<{ client: ChatClient; channel: string }[]> {
  return Promise.all(
    Array.from({ length: SPEAKERS }, async (_, n) => {
      const channel = `room-${n % 3}`;
      const client = await cluster.client(`user-${n}`, { edge: n % 2, reconnecting: { urls: cluster.ready.ws } });
      clients.push(client);
      await client.join(channel);
      return { client, channel };
    }),
  );
}

/** What else asks a cluster all the time: a backend that publishes and reads, and a balancer that checks who is ready. */
function startRequests(): { end(): Promise<void> } {
  const url = `${cluster.ready.api}/v1/channels/room-0/messages`;
  const headers = { authorization: `Bearer ${cluster.token("backend")}`, "content-type": "application/json" };
  const checked = cluster.ready.processes.flatMap(({ name, internal }) =>
    internal === undefined || name.startsWith("persister") ? [] : [`${internal}/readyz`],
  );
  let isOver = false;
  const repeat = async (everyMs: number, turn: () => Promise<unknown>): Promise<void> => {
    while (!isOver) {
      await turn();
      await delay(everyMs);
    }
  };
  const ended = Promise.all([
    repeat(PACE_MS, async () => {
      await ask(url, { method: "POST", headers, body: JSON.stringify({ body: "from a backend" }) });
      await ask(url, { headers });
    }),
    // The edge that drains ends while it is asked.
    repeat(CHECK_EVERY_MS, () => Promise.allSettled(checked.map((each) => ask(each)))),
  ]);
  return {
    async end() {
      isOver = true;
      await ended;
    },
  };
}

async function ask(url: string, options: RequestInit = {}): Promise<void> {
  await (await fetch(url, options)).arrayBuffer();
}

const untilSeen = (query: string, isIt: (latest: number) => boolean): Promise<unknown> =>
  eventually(
    async () => {
      const latest = (await prometheus.shown(query)).map(({ values }) => values.at(-1) ?? Number.NaN);
      expect(latest.some(isIt)).toBe(true);
    },
    { withinMs: WITHIN_MS, everyMs: 250, what: query },
  );

const untilAlert = (alert: string, state: "pending" | "firing"): Promise<unknown> =>
  untilSeen(`ALERTS{alertname="${alert}", alertstate="${state}"}`, () => true);

async function cutSubscribers(): Promise<void> {
  for (let cut = 0; cut < CUTS; cut += 1) {
    await eventually(async () => Number(await redis.call("CLIENT", "KILL", "TYPE", "pubsub")) > 0, {
      ...{ withinMs: WITHIN_MS, what: "a subscriber to cut" },
    });
    await untilSeen("min(rookery_edge_resubscribes_total)", (times) => times > cut);
  }
  await untilAlert("RookeryResubscribing", "firing");
}

async function stopPersister(): Promise<void> {
  cluster.kill("persister-1", "SIGSTOP");
  await untilAlert("RookeryProcessDown", "pending");
  cluster.kill("persister-1", "SIGCONT");
  await untilSeen('up{job="rookery-persister"}', (state) => state === 1);
}

async function takePostgresAway(): Promise<void> {
  postgresWay.refuse(true);
  postgresWay.cut();
  await untilAlert("RookeryEdgeWithoutPostgres", "pending");
  await untilAlert("RookeryPostgresAway", "firing");
  postgresWay.refuse(false);
  await untilSeen("rookery_persister_postgres_state", (state) => state === 1);
  await untilSeen("min(rookery_edge_postgres_state)", (state) => state === 1);
}
