// storm: 15,000 clients of channels of fifty are dropped at once and come back at once, each from where it stood: by when they have
// joined, what was asked of Postgres, and what others who stayed waited for their sends meanwhile; against the upgrades alone
// of a bare server. One edge and two, with the budget of connects that ships and with one that lets all come.

import type { ChildProcess } from "node:child_process";
import { composeMessage } from "@rookery/broker";
import { ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { joinFrame, requestOf } from "./joiner.ts";
import { openPostgresLine } from "./postgres-line.ts";
import type { PostgresLine } from "./postgres-line.ts";
import { cpuSeconds } from "./process-cost.ts";
import { openRawSocket } from "./raw-sockets.ts";
import { quantile, round } from "./report.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig, UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";
import type { StormAnswer, StormOrder } from "./storm-crowd.ts";

const SOCKETS = 15_000;
const CHANNELS = 300;
const AT_ONCE = 50;
const SENDS_EVERY_MS = 20;
/** What each missed while it was away. */
const MISSED = 2;
/** After which nobody is told by name any more that the crowd is there. */
const SETTLED_MS = 3000;
const LOOK_EVERY_MS = 250;
const ASIDE = "aside";

interface Case {
  readonly what: string;
  readonly edges: number;
  readonly connectsPerSec: number;
}
const CASES: readonly Case[] = [
  { what: "two edges, 1,000 connects a second each", edges: 2, connectsPerSec: 1000 },
  { what: "one edge, 3,000 connects a second", edges: 1, connectsPerSec: 3000 },
];

const channelOf = (n: number): string => `storm-${n % CHANNELS}`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function storm(): Promise<Report> {
  const rows = [await bareStorm()];
  for (const each of CASES) rows.push(await edgeStorm(each));
  return { name: "storm", sockets: SOCKETS, channels: CHANNELS, rows };
}

async function withRig<T>(run: (rig: Rig, line: PostgresLine) => Promise<T>): Promise<T> {
  const rig = await startRig();
  const line = await openPostgresLine(rig.postgresUrl);
  try {
    return await run(rig, line);
  } finally {
    line.close();
    await rig.stop();
  }
}

const bareStorm = (): Promise<Record<string, string | number>> =>
  withRig(async (rig) => {
    const crowd = rig.forkHere("storm-crowd.js", []);
    const server = rig.forkHere("bare-server.js", [rig.redisUrl, "{bench}:t"]);
    const requests = Array.from({ length: SOCKETS }, () => requestOf([]));
    const order = { ports: [await rig.portOf(server)], requests, frames: undefined, until: "\r\n\r\n" };
    await asked(crowd, { ...order, atOnce: AT_ONCE });
    await dropped(crowd);
    const cpu = cpuSeconds(rig.pidOf(server));
    const found = await asked(crowd, order);
    return {
      what: "bare server, upgrades alone",
      ...timesOf(found),
      "CPU s": round(cpuSeconds(rig.pidOf(server)) - cpu),
    };
  });

const edgeStorm = ({ what, edges: count, connectsPerSec }: Case): Promise<Record<string, string | number>> =>
  withRig(async (rig, line) => {
    const tokens = await Promise.all(Array.from({ length: SOCKETS }, (_, n) => rig.token(`user-${n}`)));
    const requests = tokens.map((token) => requestOf([`Authorization: Bearer ${token}`]));
    const settings = {
      ...{ ROOKERY_POSTGRES_URL: line.url, ROOKERY_PACE_MAX_MS: "25", ROOKERY_SENDS_PER_SEC: "1000" },
      ROOKERY_CONNECTS_PER_SEC: String(connectsPerSec),
    };
    const edges = await Promise.all(Array.from({ length: count }, () => rig.startEdge(settings)));
    const crowd = rig.forkHere("storm-crowd.js", []);
    const heads = await speak(rig, 1);
    const numbers = requests.map((_request, n) => n);
    const order = { ports: edges.map(({ port }) => port), requests, until: '"more":' };
    await asked(crowd, { ...order, frames: numbers.map((n) => joinFrame(channelOf(n))), atOnce: AT_ONCE });
    const sender = await openSender(rig, edges[0]?.port ?? 0);
    await pause(SETTLED_MS);
    const calm = sender.take();

    await dropped(crowd);
    await speak(rig, MISSED);
    const pids = [...edges.map((edge) => rig.pidOf(edge.process)), await rig.redisPid()];
    const before = { cpu: pids.map(cpuSeconds), writes: line.writes() };
    sender.take();
    const lateness = watchLateness(edges.map(({ internalPort }) => internalPort));
    const frames = numbers.map((n) => joinFrame(channelOf(n), heads[n % CHANNELS]));
    const found = await asked(crowd, { ...order, frames });
    const lateSec = await lateness();
    const meanwhile = sender.take();
    const cpu = pids.map((pid, n) => cpuSeconds(pid) - (before.cpu[n] ?? 0));
    const spent = cpu.slice(0, -1).reduce((sum, each) => sum + each, 0);
    sender.stop();
    return {
      what,
      ...timesOf(found),
      "CPU s": round(spent),
      "CPU s of Redis": round(cpu.at(-1) ?? Number.NaN),
      "writes to Postgres a resume": round((line.writes() - before.writes) / SOCKETS),
      "loop late at most s": round(lateSec),
      "send to ok before, p50 ms": round(quantile(calm.okMs, 0.5)),
      "in the storm, p50 ms": round(quantile(meanwhile.okMs, 0.5)),
      "p99 ms": round(quantile(meanwhile.okMs, 0.99)),
      unanswered: meanwhile.unanswered,
      target: "95 % within 10 s, no query",
    };
  });

function timesOf({ joinedMs, refused, failed }: StormAnswer) {
  const at = (share: number): number => round(quantile(joinedMs, share) / 1000);
  return {
    "50 % after s": at(0.5),
    "95 % after s": at(0.95),
    "all after s": round((joinedMs.at(-1) ?? 0) / 1000),
    refused,
    failed,
  };
}

async function asked(crowd: ChildProcess, order: StormOrder): Promise<StormAnswer> {
  crowd.send(order);
  const found = await nextMessage(crowd);
  if (!isAnswer(found)) throw new Error("storm: the crowd did not say when it was in");
  return { ...found, joinedMs: found.joinedMs.toSorted((a, b) => a - b) };
}

const isAnswer = (value: unknown): value is StormAnswer =>
  typeof value === "object" && value !== null && "joinedMs" in value && Array.isArray(value.joinedMs);

async function dropped(crowd: ChildProcess): Promise<void> {
  crowd.send("drop");
  await nextMessage(crowd);
}

/** Somebody who stays and speaks at an even pace; `take` answers what became of it since the last call. */
async function openSender(rig: Rig, port: number) {
  const waiting = new Map<string, number>();
  let okMs: number[] = [];
  const socket = await openRawSocket(port, { Authorization: `Bearer ${await rig.token("sender")}` }, (payload) => {
    const [, ref = ""] = /^\{"type":"ok","ref":"([^"]+)"/.exec(payload.toString("latin1")) ?? [];
    const sentMs = waiting.get(ref);
    if (sentMs === undefined) return;
    waiting.delete(ref);
    okMs.push(performance.now() - sentMs);
  });
  socket.sendText(JSON.stringify({ type: "join", ref: "in", channel: ASIDE }));
  let sent = 0;
  const speaking = setInterval(() => {
    const ref = `s-${(sent += 1)}`;
    waiting.set(ref, performance.now());
    socket.sendText(JSON.stringify({ type: "send", ref, channel: ASIDE, clientId: ref, body: "still here" }));
  }, SENDS_EVERY_MS);
  return {
    take() {
      const taken = { okMs, unanswered: waiting.size };
      okMs = [];
      return taken;
    },
    stop() {
      clearInterval(speaking);
      socket.close();
    },
  };
}

/** So much in each channel; answers where each stands then. */
async function speak(rig: Rig, messages: number): Promise<Position[]> {
  const publisher = rig.publisher();
  const say = async (channel: string): Promise<Position> => {
    let position: Position = ORIGIN;
    for (let n = 0; n < messages; n += 1) {
      const id = `bench-${channel}-${messages}-${n}`;
      const parts = { channel, id, clientId: id, user: "bench", name: "bench", body: "x".repeat(40) };
      ({ position } = await publisher.publish({ ...composeMessage(parts), ...UNFENCED }));
    }
    return position;
  };
  return Promise.all(Array.from({ length: CHANNELS }, (_, n) => say(channelOf(n))));
}

/** How late a loop came round at most, by what the edges say of it, until it is asked. */
function watchLateness(internalPorts: readonly number[]): () => Promise<number> {
  let most = 0;
  let isOver = false;
  const look = async (port: number): Promise<void> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const [, seconds = "0"] = /^rookery_edge_loop_late_seconds (\S+)/m.exec(text) ?? [];
    most = Math.max(most, Number(seconds));
  };
  const over = (async () => {
    while (!isOver) {
      await Promise.all(internalPorts.map(look));
      await pause(LOOK_EVERY_MS);
    }
  })();
  return async () => {
    isOver = true;
    await over;
    return most;
  };
}
