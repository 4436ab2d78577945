// Processes of any build on stores that a test has started itself, without `dev` around them: each with a name, free
// ports, a log and an end; clients find the edge of a name wherever the present one listens. Called by tests of upgrades and of restored stores.
// Must never leave a process behind: all end with `stop`.
import { spawnSync } from "node:child_process";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { connectClient, parseMetrics, readRows } from "@rookery/testkit";
import type { ChatClient, Row } from "@rookery/testkit";
import postgres from "postgres";
import { spawnUnready, startListening } from "../service-process.ts";
import type { ServiceKind, ServiceProcess as AnyService, ServiceStart } from "../service-process.ts";
import type { Build } from "./previous-build.ts";

export interface ServiceProcess extends Pick<AnyService, "pid" | "log" | "ended"> {
  readonly name: string;
  readonly kind: ServiceKind;
  /** Base URL of the public port; undefined of a persister. */
  readonly http: string | undefined;
  metrics(this: void): Promise<Map<string, number>>;
  /** What `/readyz?verbose` answers. */
  readiness(this: void): Promise<string>;
  /** Ends it in order by a signal; resolves with its exit code. */
  drain(this: void): Promise<number | null>;
}

export interface Services {
  readonly apiKey: string;
  /** Settings beyond the shared ones stand over them. Rejects with the log's end when it ends before it is ready. */
  start(name: string, build: Build, set?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  /** The exit code and log of one that is expected to end by itself. */
  runToEnd(
    name: string,
    build: Build,
    set: Readonly<Record<string, string>>,
  ): Promise<{ readonly code: number | null; readonly log: readonly string[] }>;
  /** `rookery ...` of a build against these stores; answers what it printed. Throws with its complaint when it fails. */
  rookery(build: Build, ...args: string[]): string;
  /** A client that begins at the edge of that name, comes back at whichever answers, and asks for `persisted` everywhere. */
  client(user: string, edge: string): Promise<ChatClient>;
  rows(channel?: string): Promise<Row[]>;
  stop(this: void): Promise<void>;
}

export interface Stores {
  readonly redisUrl: string;
  readonly postgresUrl: string;
  /** Settings for every process. */
  readonly set?: Readonly<Record<string, string>>;
}

/** Of tokens, and their audience, as settings come. */
const ISSUER = "rookery";

export function createServices({ redisUrl, postgresUrl, set = {} }: Stores): Services {
  const secrets = { jwt: randomBytes(32).toString("base64url"), apiKey: `rk_${randomBytes(32).toString("base64url")}` };
  const shared: Readonly<Record<string, string>> = {
    ROOKERY_REDIS_URL: redisUrl,
    ROOKERY_POSTGRES_URL: postgresUrl,
    ROOKERY_JWT_SECRET: secrets.jwt,
    ROOKERY_API_KEY: secrets.apiKey,
    ROOKERY_CHANNELS_AUTO_CREATE: "public",
    ROOKERY_LOOPBACK_EXEMPT: "true",
    ROOKERY_REQUESTS_PER_MIN: "1000000",
    ...set,
  };
  const stops: (() => Promise<void>)[] = [];
  /** Changed in place: clients hold it. */
  const edgeUrls: string[] = [];

  const startOf = (name: string, build: Build, more: Readonly<Record<string, string>>): ServiceStart => ({
    ...{ kind: kindOf(name), root: build.root },
    settings: { ...shared, ROOKERY_NODE_NAME: name, ...more },
    atEnd: (stop) => void stops.push(stop),
  });

  async function start(
    name: string,
    build: Build,
    more: Readonly<Record<string, string>> = {},
  ): Promise<ServiceProcess> {
    const kind = kindOf(name);
    const { pid, port, internal, log, ended, end } = await startListening(startOf(name, build, more));
    if (kind === "edge") edgeUrls[numberOf(name)] = `ws://127.0.0.1:${port}/ws`;
    return {
      ...{ name, kind, pid, log, ended, drain: end },
      http: kind === "persister" ? undefined : `http://127.0.0.1:${port}`,
      metrics: async () => parseMetrics(await textOf(`${internal}/metrics`)),
      readiness: () => textOf(`${internal}/readyz?verbose`),
    };
  }

  return {
    apiKey: secrets.apiKey,
    start,
    async runToEnd(name, build, more) {
      const { log, ended } = spawnUnready(startOf(name, build, more));
      return { code: await ended, log: log() };
    },
    rookery(build, ...args) {
      const program = join(build.root, "packages/cli/bin/rookery.js");
      const env = { PATH: process.env["PATH"], ROOKERY_POSTGRES_URL: postgresUrl };
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { env, encoding: "utf8" });
      if (status === 0) return stdout;
      throw new Error(`rookery ${args.join(" ")} of ${build.name} ended with ${String(status)}: ${stdout}${stderr}`);
    },
    client: (user, edge) =>
      connectClient({
        url: edgeUrls[numberOf(edge)] ?? "",
        token: () => signToken(secrets.jwt, user),
        via: "auth",
        auth: { persisted: true },
        reconnecting: { urls: edgeUrls, firstDelayMs: 50, maxDelayMs: 500 },
      }),
    async rows(channel) {
      const sql = postgres(postgresUrl, { max: 1, onnotice: () => undefined });
      try {
        return await readRows(sql, channel);
      } finally {
        await sql.end();
      }
    },
    async stop() {
      await Promise.all(stops.map((stop) => stop()));
    },
  };
}

const KINDS: readonly ServiceKind[] = ["edge", "api", "persister"];

/** `edge-2` is the second of its kind. */
const numberOf = (name: string): number => Number(name.split("-")[1]) - 1;

/** `edge-2` is an edge. */
function kindOf(name: string): ServiceKind {
  const kind = KINDS.find((each) => name.startsWith(each));
  if (kind === undefined) throw new Error(`${name} is the name of no service`);
  return kind;
}

async function textOf(url: string): Promise<string> {
  // A connection of its own: one that is kept may be closed by the other side in the moment in which it is used again.
  const answer = await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(5_000) });
  return answer.text();
}

/** By RFC 7515 and 7518, with nothing of the project's own. */
function signToken(secret: string, user: string): string {
  const nowMs = Date.now();
  const iat = Math.floor(nowMs / 1_000);
  const payload = {
    sub: user,
    name: user,
    iss: ISSUER,
    aud: ISSUER,
    jti: randomUUID(),
    iat,
    iat_ms: nowMs,
    exp: iat + 900,
  };
  const parts = [{ alg: "HS256", typ: "JWT" }, payload];
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
