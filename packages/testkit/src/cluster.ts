// Owns a whole cluster of real processes for a test: `rookery dev --json --ephemeral`, its ready line, its later lines, its
// end. Called by end-to-end tests and the lab. States: starting, ready, stopped. Knows of the cluster only what `dev`
// prints and what anybody may ask over HTTP and SQL. Must never leave a process behind, whatever becomes of the test.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { RedisKind } from "@rookery/servers";
import postgres from "postgres";
import { connectClient } from "./client.ts";
import type { ChatClient, ClientOptions } from "./client.ts";
import { readRows } from "./cluster-rows.ts";
import type { Row } from "./evidence.ts";
import { parseMetrics, parseReadyLine } from "./ready-line.ts";
import type { ReadyLine } from "./ready-line.ts";

const rookeryFile = fileURLToPath(new URL("../../cli/bin/rookery.js", import.meta.url));

/** Redis, Postgres, migrations and five processes on two busy cores. */
const readyWithinMs = 90_000;
/** Above the drain of the edges; what is still there then is ended by force. */
const stopWithinMs = 30_000;
/** Children look for their parent twice a second and take a few seconds to end. */
const orphansGoneWithinMs = 10_000;
const keptLines = 400;

export interface ClusterOptions {
  edges?: number;
  persisters?: number;
  /** Settings for every process, `ROOKERY_*`. */
  set?: Record<string, string>;
  /** Its own Redis, as; a single server unless given. */
  redis?: RedisKind;
  redisUrl?: string;
  postgresUrl?: string;
  /** Dead processes come back. */
  restart?: boolean;
  /** More arguments for `dev`. */
  args?: string[];
  /** Instead of Node and the checkout's `rookery`, for tests of this file. */
  command?: [string, ...string[]];
}

export interface TokenOptions {
  /** 900 unless given; may be negative. */
  ttlSec?: number;
  name?: string;
  claims?: Record<string, unknown>;
}

export interface Cluster {
  ready: ReadyLine;
  /** A token of this cluster's own issuer, signed here. */
  token: (user: string, options?: TokenOptions) => string;
  /** A client of `user` on edge number `edge` (0 unless given). */
  client: (user: string, options?: Partial<ClientOptions> & { edge?: number }) => Promise<ChatClient>;
  pid: (name: string) => number;
  /** Signals one process, SIGKILL unless given: `cluster.kill("edge-1")`. */
  kill: (name: string, signal?: NodeJS.Signals) => void;
  /** Resolves with the new process id, once the process that was killed last (or dies from now on) is back. */
  restarted: (name: string, withinMs?: number) => Promise<number>;
  /** What a process tells about itself, by series: `rookery_edge_connections` or `name{label="value"}`. */
  metrics: (name: string) => Promise<Map<string, number>>;
  /** A full read of the stored frames, of one channel or of all. */
  rows: (channel?: string) => Promise<Row[]>;
  /** The last lines `dev` wrote to standard error. */
  stderr: () => string[];
  /** Stops everything in order. Called by itself at the end of the test or file. */
  stop: () => Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const argumentsOf = (options: ClusterOptions): string[] => [
  ...["dev", "--json", "--port", "0", "--ephemeral"],
  ...(options.edges === undefined ? [] : ["--edges", String(options.edges)]),
  ...(options.persisters === undefined ? [] : ["--persisters", String(options.persisters)]),
  ...(options.redis === undefined ? [] : ["--redis", options.redis]),
  ...(options.redisUrl === undefined ? [] : ["--redis-url", options.redisUrl]),
  ...(options.postgresUrl === undefined ? [] : ["--postgres-url", options.postgresUrl]),
  ...(options.restart === true ? ["--restart"] : []),
  ...Object.entries(options.set ?? {}).flatMap(([key, value]) => ["--set", `${key}=${value}`]),
  ...(options.args ?? []),
];

const keepLines = (child: ChildProcess): (() => string[]) => {
  const lines: string[] = [];
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
    });
  }
  return () => [...lines];
};

/** Inside vitest a cluster ends with the test that started it, or with the file when none was running. */
const endWithTest = async (stop: () => Promise<unknown>): Promise<void> => {
  if (process.env["VITEST"] === undefined) return;
  const { afterAll, onTestFinished } = await import("vitest");
  const end = async (): Promise<void> => void (await stop());
  try {
    onTestFinished(end);
  } catch {
    afterAll(end);
  }
};

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs a token by RFC 7515 and 7518 with nothing of the project's own. */
const signToken = ({ jwt }: ReadyLine, user: string, { ttlSec = 900, name = user, claims }: TokenOptions): string => {
  const nowMs = Date.now();
  const iat = Math.floor(nowMs / 1_000);
  const times = { iat, iat_ms: nowMs, exp: iat + ttlSec };
  const payload = { sub: user, name, iss: jwt.issuer, aud: jwt.audience, jti: randomUUID(), ...times, ...claims };
  const signed = `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url(payload)}`;
  return `${signed}.${createHmac("sha256", jwt.secret).update(signed).digest("base64url")}`;
};

/** Follows process ids through deaths and returns. */
const followProcesses = (ready: ReadyLine) => {
  const pids = new Map(ready.processes.map(({ name, pid }) => [name, pid]));
  const returns = new Map<string, number>();
  /** How often each process had come back when it was killed last. */
  const marks = new Map<string, number>();
  const watchers = new Set<() => void>();
  const pid = (name: string): number => {
    const found = pids.get(name);
    if (found === undefined) throw new Error(`no process ${name}; there are ${[...pids.keys()].join(", ")}`);
    return found;
  };
  return {
    pid,
    onReturn: (name: string, newPid: number) => {
      pids.set(name, newPid);
      returns.set(name, (returns.get(name) ?? 0) + 1);
      watchers.forEach((look) => look());
    },
    kill: (name: string, signal: NodeJS.Signals = "SIGKILL") => {
      marks.set(name, returns.get(name) ?? 0);
      process.kill(pid(name), signal);
    },
    restarted: (name: string, withinMs = 20_000) =>
      new Promise<number>((resolve, reject) => {
        const mark = marks.get(name) ?? returns.get(name) ?? 0;
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`${name} did not come back within ${withinMs} ms`));
        }, withinMs);
        const look = (): void => {
          if ((returns.get(name) ?? 0) <= mark) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve(pid(name));
        };
        watchers.add(look);
        look();
      }),
  };
};

type Lines = AsyncIterator<string, unknown>;

const firstLine = async (lines: Lines, exited: Promise<unknown>, stderr: () => string[]): Promise<ReadyLine> => {
  const giveUp = new AbortController();
  const late = delay(readyWithinMs, "late" as const, { signal: giveUp.signal }).catch(() => "late" as const);
  const outcome = await Promise.race([lines.next(), exited.then(() => "exited" as const), late]);
  giveUp.abort();
  const told = `\n${stderr().slice(-40).join("\n")}`;
  if (outcome === "late") throw new Error(`the cluster was not ready within ${readyWithinMs} ms${told}`);
  if (outcome === "exited" || outcome.done === true) throw new Error(`dev ended before it was ready${told}`);
  return parseReadyLine(outcome.value);
};

const createStop = (child: ChildProcess, exited: Promise<unknown>) => async (): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const giveUp = new AbortController();
  const late = async (): Promise<void> => {
    await delay(stopWithinMs, undefined, { signal: giveUp.signal });
    child.kill("SIGKILL");
    await delay(orphansGoneWithinMs);
  };
  child.kill("SIGTERM");
  await Promise.race([exited, late().catch(() => undefined)]);
  giveUp.abort();
  await exited;
};

/** Reads what `dev` prints after the ready line. */
const followLines = async (lines: Lines, onReturn: (name: string, pid: number) => void): Promise<void> => {
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
    const line: unknown = JSON.parse(next.value);
    if (typeof line !== "object" || line === null || !("restarted" in line) || !("pid" in line)) continue;
    onReturn(String(line.restarted), Number(line.pid));
  }
};

/** Starts a cluster and resolves when everything answers. Rejects with what it wrote to standard error. */
export const startCluster = async (options: ClusterOptions = {}): Promise<Cluster> => {
  const [command, ...first] = options.command ?? [process.execPath, rookeryFile];
  // A test run that is killed outright takes its clusters with it.
  const env = { ...process.env, ROOKERY_PARENT_PID: String(process.pid) };
  const child = spawn(command, [...first, ...argumentsOf(options)], { env, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "close");
  const stderr = keepLines(child);
  const end = createStop(child, exited);
  await endWithTest(end);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = await firstLine(lines, exited, stderr).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  const processes = followProcesses(ready);
  void followLines(lines, processes.onReturn);
  const token: Cluster["token"] = (user, more = {}) => signToken(ready, user, more);
  return {
    ready,
    token,
    client: (user, { edge = 0, ...more } = {}) =>
      connectClient({ url: ready.ws[edge] ?? "", token: () => token(user), ...more }),
    pid: processes.pid,
    kill: processes.kill,
    restarted: processes.restarted,
    metrics: async (name) => {
      const found = ready.processes.find((one) => one.name === name)?.internal;
      if (found === undefined) throw new Error(`${name} has no internal port`);
      // A connection of its own: one that is kept may be closed by the other side in the moment in which it is used again.
      const headers = { connection: "close" };
      const answer = await fetch(`${found}/metrics`, { headers, signal: AbortSignal.timeout(5_000) });
      return parseMetrics(await answer.text());
    },
    rows: async (channel) => {
      const sql = postgres(ready.postgres, { max: 1, onnotice: () => undefined });
      try {
        return await readRows(sql, channel);
      } finally {
        await sql.end();
      }
    },
    stderr,
    stop: async () => {
      await end();
      return { code: child.exitCode, signal: child.signalCode };
    },
  };
};
