// What a `dev` cluster consists of and which environment each of its services gets: default of dev < environment and file
// of the caller < `--set` < what dev must decide itself. Pure but for reading a configuration file through the loader.
import { clusterSettings, isSettingKey, SETTINGS } from "@rookery/node";
import type { ProcessService, SettingKey } from "@rookery/node";
import type { JwtNote } from "../cluster-file.ts";
import { UsageError } from "../io.ts";
import type { PublicPorts } from "./ports.ts";
import type { Secrets } from "./secrets.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ServicePlan {
  readonly name: string;
  readonly kind: ProcessService;
  readonly env: Environment;
}

export interface Numbers {
  readonly edges: number;
  readonly persisters: number;
}

export interface ClusterPlan {
  readonly services: readonly ServicePlan[];
  readonly ws: readonly string[];
  readonly api: string;
  readonly apiKey: string;
  readonly jwt: JwtNote;
  /** Whose pages may connect, in the words of the setting. */
  readonly allowedOrigins: readonly string[];
  /** Whether the api serves the chat page. */
  readonly hasPage: boolean;
  /** How long an edge may take to send its clients elsewhere. */
  readonly drainMs: number;
}

/** Where the servers are, once they run. */
export interface Backing {
  readonly redis: string;
  readonly postgres: string;
}

/** Decided by dev for each process, so that nobody else can. */
const OWN: ReadonlySet<string> = new Set([
  "ROOKERY_NODE_NAME",
  "ROOKERY_PORT",
  "ROOKERY_INTERNAL_PORT",
  "ROOKERY_PARENT_PID",
]);
const ALREADY_FLAGS: Readonly<Record<string, string>> = {
  ROOKERY_REDIS_URL: "--redis-url",
  ROOKERY_REDIS_URL_FILE: "--redis-url",
  ROOKERY_POSTGRES_URL: "--postgres-url",
  ROOKERY_POSTGRES_URL_FILE: "--postgres-url",
};

/** `--set` by variable: `paceMaxMs=0` and `ROOKERY_PACE_MAX_MS=0` are the same. Unknown names are the loader's to refuse. */
export function settingsByVariable(set: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(set).map(([key, value]) => {
    const variable = isSettingKey(key) ? SETTINGS[key].env : key;
    const flag = ALREADY_FLAGS[variable];
    if (flag !== undefined) throw new UsageError(`${variable} is said with ${flag}`);
    if (OWN.has(variable)) throw new UsageError(`${variable} is different for each process: dev decides it`);
    return [variable.startsWith("ROOKERY_") ? variable : `ROOKERY_${variable}`, value] as const;
  });
  return Object.fromEntries(entries);
}

/** The caller's environment with `--set` in force and without what dev decides itself. */
export function callerEnvironment(env: Environment, set: Readonly<Record<string, string>>): Environment {
  const kept = Object.entries({ ...env, ...settingsByVariable(set) }).filter(
    ([name]) => !OWN.has(name) && ALREADY_FLAGS[name] === undefined,
  );
  return Object.fromEntries(kept);
}

/** An address that the environment gives, itself or by `_FILE`. */
export function addressFrom(env: Environment, key: "redisUrl" | "postgresUrl"): string | undefined {
  const variable = SETTINGS[key].env;
  const isGiven = [variable, `${variable}_FILE`].some((name) => (env[name] ?? "") !== "");
  return isGiven ? clusterSettings.load([key], { env })[key] : undefined;
}

/** By which a given Redis is known: what the services will read. */
export function caFrom(caller: Environment): string | undefined {
  return clusterSettings.load(["redisCa"], { env: caller }).redisCa;
}

const TOKEN_KEYS = ["jwtSecret", "jwtPublicKey", "jwtJwksUrl"] as const satisfies readonly SettingKey[];
/** What dev has an opinion on, or must know. */
const ASKED = [
  ...TOKEN_KEYS,
  "jwtAlgorithms",
  "jwtIssuer",
  "jwtAudience",
  "apiKey",
  "guestTokens",
  "requestsPerMin",
  "loopbackExempt",
  "channelsAutoCreate",
  "allowedOrigins",
  "page",
  "drainMs",
  "balancerWaitMs",
] as const satisfies readonly SettingKey[];

/** One key, that of dev, speaks for everybody's scripts: only the highest limit is out of their way. */
const DEV_REQUESTS_PER_MIN = "1000000";
/** Ctrl-C should not take ten seconds because a page is open. */
const DEV_DRAIN_MS = 2000;

export interface PlanOptions extends Numbers {
  readonly caller: Environment;
  readonly ports: PublicPorts;
  readonly secrets: Secrets;
  readonly backing: Backing;
  readonly pid: number;
}

/** Throws the loader's error, with every problem at once, when a given value cannot be used by one of the services. */
export function planCluster(options: PlanOptions): ClusterPlan {
  const { caller, ports, secrets } = options;
  const given = clusterSettings.given({ env: caller });
  const ws = ports.edges.map((port) => `ws://127.0.0.1:${port}/ws`);
  const api = `http://127.0.0.1:${ports.api}`;
  const hasTokenKey = TOKEN_KEYS.some((key) => given.has(key));
  const defaults: Readonly<Partial<Record<SettingKey, string>>> = {
    guestTokens: "true",
    loopbackExempt: "true",
    channelsAutoCreate: "public",
    drainMs: String(DEV_DRAIN_MS),
    requestsPerMin: DEV_REQUESTS_PER_MIN,
    // Whoever tries a page of their own serves it from some port of this machine.
    allowedOrigins: "loopback",
    page: "true",
    publicWsUrls: ws.join(","),
    apiKey: secrets.apiKey,
    auditKey: secrets.auditKey,
    ...(hasTokenKey ? {} : { jwtSecret: secrets.jwtSecret }),
  };
  const shared: Record<string, string | undefined> = { ...caller };
  for (const [key, value] of Object.entries(defaults)) {
    if (isSettingKey(key) && !given.has(key)) shared[SETTINGS[key].env] = value;
  }
  const services = planServices(shared, options);
  // What a service would refuse is refused before anything is started.
  for (const { kind, env } of services) clusterSettings.load(kind, { env });
  const inForce = clusterSettings.load(ASKED, { env: shared });
  const { jwtSecret, jwtIssuer: issuer, jwtAudience: audience } = inForce;
  const alg = jwtSecret === undefined ? (inForce.jwtAlgorithms[0] ?? "EdDSA") : "HS256";
  return {
    services,
    ws,
    api,
    apiKey: inForce.apiKey ?? secrets.apiKey,
    jwt: { alg, ...(jwtSecret === undefined ? {} : { secret: jwtSecret }), issuer, audience },
    allowedOrigins: inForce.allowedOrigins,
    hasPage: inForce.page,
    drainMs: inForce.drainMs + inForce.balancerWaitMs,
  };
}

function planServices(shared: Environment, { edges, persisters, ports, backing, pid }: PlanOptions): ServicePlan[] {
  const one = (name: string, kind: ProcessService, port: number | undefined): ServicePlan => ({
    name,
    kind,
    env: {
      ...shared,
      ROOKERY_NODE_NAME: name,
      ROOKERY_INTERNAL_PORT: "0",
      ROOKERY_PARENT_PID: String(pid),
      ROOKERY_REDIS_URL: backing.redis,
      ROOKERY_POSTGRES_URL: backing.postgres,
      ...(port === undefined ? {} : { ROOKERY_PORT: String(port) }),
      // uWebSockets.js reads it once: with its own 4 KiB a token of 8 KiB could not enter by header.
      ...(kind === "edge" ? { UWS_HTTP_MAX_HEADERS_SIZE: "16384" } : {}),
    },
  });
  return [
    ...numbered("edge", edges).map((name, n) => one(name, "edge", ports.edges[n] ?? 0)),
    one("api", "api", ports.api),
    ...numbered("persister", persisters).map((name) => one(name, "persister", undefined)),
  ];
}

function numbered(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${kind}-${n + 1}`);
}
