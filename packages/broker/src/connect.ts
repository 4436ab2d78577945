// The one file that knows ioredis: makes connections with the settings on which the promises rest, and says when one is
// ready or lost. Called by every process at its start.
// Must never let a command wait for a connection or be sent twice: both would break "error means it did not happen".
// States of a connection, told once per change: ready, lost.
import { backoffMs } from "@rookery/protocol";
import { Cluster, Redis } from "ioredis";
import type { ClientContext, ClusterOptions, RedisOptions, Result } from "ioredis";
import { parseRedisUrl } from "./redis-url.ts";
import type { RedisAddress } from "./redis-url.ts";
import type { ScriptName, SCRIPTS } from "./script-table.ts";
import { loadScripts, unpipelinedScripts } from "./scripts.ts";
import type { ScriptArguments, ScriptDefinitions } from "./scripts.ts";
import { hearSecondErrors } from "./second-error.ts";
import { tlsFault } from "./tls-fault.ts";

/** Replies are of the script's own making: whoever calls one says how it is read. */
type ScriptCommands<Context extends ClientContext> = {
  [Name in ScriptName]: (...args: ScriptArguments<(typeof SCRIPTS)[Name]>) => Result<unknown, Context>;
};

declare module "ioredis" {
  interface RedisCommander<Context> extends ScriptCommands<Context> {}
}

/** One Redis, a Sentinel group or a Cluster: the same commands. */
export type RedisConnection = Redis | Cluster;

/** The connection to one server; of a Cluster there is one to each. */
export type ServerConnection = Redis;

/**
 * Commands, subscriptions, reads of history and blocking reads of the outbox each have a connection of their own: what is
 * published never stands behind somebody's page. So have writes that wait for a replica: nothing else may stand behind them.
 */
export type ConnectionUse = "commands" | "subscriptions" | "reads" | "outbox" | "writes";

/** Uses whose commands are sent together, those of one turn in one write. */
const PIPELINED: ReadonlySet<ConnectionUse> = new Set(["commands", "reads"]);

export interface ConnectOptions {
  /** see parseRedisUrl */
  readonly url: string;
  /** PEM certificates of who signs for a `rediss` address, Sentinels included, in place of the well-known ones. */
  readonly ca?: string | undefined;
  readonly use: ConnectionUse;
  /** A command without an answer by then rejects; its outcome is unknown. On the outbox the longest block is added. */
  readonly commandTimeoutMs: number;
  /** Called once per change, never per attempt. `detail` is the last error's text. */
  onState?(state: "ready" | "lost", detail?: string): void;
}

/** Between attempts to connect: a restarted Redis is not met by every process at once. */
const RETRY = { floorMs: 50, firstMs: 50, ceilingMs: 1_000 };

/** The longest block of a read of the outbox: together with the command timeout it bounds how long a frozen Redis holds it. */
export const MOST_BLOCK_MS = 2_000;

/** First probe of an idle connection; the kernel's default of two hours would hide a dead peer. */
const KEEP_ALIVE_MS = 10_000;

/** How stale the map of a Cluster's slots may grow while nothing is redirected. */
const SLOTS_REFRESH_INTERVAL_MS = 2_000;

/** TRYAGAIN and redirections of a moving slot are followed this often, which applies nothing twice, then reported. */
const MOST_REDIRECTIONS = 5;

/** Connects in the background and goes on trying; never throws but for an address that cannot be read. */
export function connectRedis(options: ConnectOptions): RedisConnection {
  const address = parseRedisUrl(options.url);
  if (address.tls) hearSecondErrors();
  const scripts = loadScripts();
  const connection = address.topology === "cluster" ? cluster(address, options, scripts) : single(address, options);
  for (const [name, script] of Object.entries(scripts)) connection.defineCommand(name, script);
  watchState(connection, address, options);
  return connection;
}

/** Each Sentinel of an address by a connection of its own, entered as they are when a master is looked for; none for others. */
export function connectSentinels(options: ConnectOptions): ServerConnection[] {
  const address = parseRedisUrl(options.url);
  if (address.topology !== "sentinel") return [];
  // They may refuse INFO, by which a server is asked whether it is ready.
  const settings = { ...sharedOptions(address, options), enableOfflineQueue: false, enableReadyCheck: false };
  return address.hosts.map((host) => {
    const connection = new Redis({ ...settings, ...host, retryStrategy: retryAfterMs });
    watchState(connection, { ...address, hosts: [host] }, options);
    return connection;
  });
}

/** Each master that is known; the one server where there is no Cluster. */
export function mastersOf(connection: RedisConnection): ServerConnection[] {
  return connection instanceof Cluster ? connection.nodes("master") : [connection];
}

/** What `work` sends leaves in one write for each master: a write is a system call, here and there. */
export function inOneWrite(connection: RedisConnection, work: () => void): void {
  const streams = mastersOf(connection).map(({ stream }) => stream);
  for (const stream of streams) stream?.cork();
  try {
    work();
  } finally {
    for (const stream of streams) stream?.uncork();
  }
}

/** The address of a server that is all there is. */
export const ONE_SERVER = "";

/** Who serves a slot, by address: the same for all that one master serves. On a Cluster a run may name keys of one slot only. */
export function masterOf(connection: RedisConnection, slot: number): string {
  return connection instanceof Cluster ? (connection.slots[slot]?.[0] ?? "nobody") : ONE_SERVER;
}

/** The connection to whoever serves a slot, as far as is known; undefined while that is not linked to. */
export function serverOf(connection: RedisConnection, slot: number): ServerConnection | undefined {
  if (!(connection instanceof Cluster)) return connection;
  const address = masterOf(connection, slot);
  return mastersOf(connection).find(({ options }) => `${options.host}:${options.port}` === address);
}

export function isReady(connection: RedisConnection): boolean {
  return connection.status === "ready";
}

/** Why a connection is not ready, as far as its last attempt told. */
export function faultOf(connection: RedisConnection): string | undefined {
  return faults.get(connection);
}

const faults = new WeakMap<RedisConnection, string>();

/**
 * Resolves once the connection is ready, on a Cluster also its links to the masters that can be reached; rejects with
 * one line when it is not within `withinMs`.
 */
export async function whenReady(connection: RedisConnection, withinMs: number): Promise<void> {
  const signal = AbortSignal.timeout(withinMs);
  if (!isReady(connection)) await happens(connection, ["ready"], signal, withinMs);
  if (!(connection instanceof Cluster)) return;
  const opening = connection.nodes("master").filter((node) => !["ready", "end"].includes(node.status));
  await Promise.all(opening.map((node) => happens(node, ["ready", "end"], signal, withinMs)));
}

/** Errors in between are no reason to give up: ioredis goes on trying. */
function happens(on: RedisConnection, events: readonly string[], signal: AbortSignal, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      for (const event of events) on.removeListener(event, settle);
      signal.removeEventListener("abort", settle);
      if (!signal.aborted) return resolve();
      const fault = faultOf(on);
      reject(new Error(`Redis was not ready within ${withinMs} ms${fault === undefined ? "" : `: ${fault}`}`));
    };
    for (const event of events) on.once(event, settle);
    signal.addEventListener("abort", settle);
  });
}

/** The mapping is a literal, since ioredis derives the types of its replies from it. */
type SharedOptions = RedisOptions & { readonly replyMapping: "legacy" };

function sharedOptions(address: RedisAddress, options: ConnectOptions): SharedOptions {
  const timeoutMs = options.commandTimeoutMs + (options.use === "outbox" ? MOST_BLOCK_MS : 0);
  return {
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: trusted(options) } : {}),
    protocol: 3,
    replyMapping: "legacy",
    connectionName: `rookery-${options.use}`,
    connectTimeout: options.commandTimeoutMs,
    keepAlive: KEEP_ALIVE_MS,
    noDelay: true,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A frozen server keeps its sockets open: a connection that owes answers for so long is given up, so that the next
    // one asks Sentinel or the Cluster who serves now.
    commandTimeout: timeoutMs,
    socketTimeout: timeoutMs + options.commandTimeoutMs,
  };
}

function trusted({ ca }: ConnectOptions): { ca?: string } {
  return ca === undefined ? {} : { ca };
}

function single(address: RedisAddress, options: ConnectOptions): Redis {
  const settings = {
    ...sharedOptions(address, options),
    ...location(address, options),
    enableOfflineQueue: false,
    enableAutoPipelining: PIPELINED.has(options.use),
    autoPipeliningIgnoredCommands: unpipelinedScripts(),
    retryStrategy: retryAfterMs,
    // A master that was demoted answers this: leave it and look for its successor. The command itself is not repeated.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
  return new Redis(settings);
}

type Location = Pick<RedisOptions, "host" | "port" | Extract<keyof RedisOptions, `${string}entinel${string}` | "name">>;

/** Sentinels are entered as the servers are: by one login, and by certificates of one CA. */
function location(address: RedisAddress, options: ConnectOptions): Location {
  if (address.topology === "single") return { ...address.hosts[0] };
  return {
    sentinels: [...address.hosts],
    name: address.master,
    ...(address.username === undefined ? {} : { sentinelUsername: address.username }),
    ...(address.password === undefined ? {} : { sentinelPassword: address.password }),
    enableTLSForSentinelMode: address.tls,
    ...(address.tls ? { sentinelTLS: trusted(options) } : {}),
    sentinelCommandTimeout: options.commandTimeoutMs,
  };
}

function cluster(address: RedisAddress, options: ConnectOptions, scripts: ScriptDefinitions): Cluster {
  const settings = {
    // These are sent to one server or not at all, which is asked about them afterwards: see write-links.ts.
    redisOptions: { ...sharedOptions(address, options), ...(options.use === "writes" && { scripts }) },
    enableOfflineQueue: false,
    enableAutoPipelining: PIPELINED.has(options.use),
    autoPipeliningIgnoredCommands: unpipelinedScripts(),
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: MOST_REDIRECTIONS,
    slotsRefreshInterval: SLOTS_REFRESH_INTERVAL_MS,
    slotsRefreshTimeout: options.commandTimeoutMs,
    shardedSubscribers: options.use === "subscriptions",
    clusterRetryStrategy: retryAfterMs,
  } satisfies ClusterOptions;
  const connection = new Cluster([...address.hosts], settings);
  // ioredis links to a node with the first command for it and refuses the next ones meanwhile, in words that leave open
  // whether they were sent. So each master is linked to as soon as it is known; what fails is told as a "node error".
  connection.on("+node", (node: Redis) => {
    if (node.status === "wait" && node.options.readOnly !== true) node.connect().catch(() => undefined);
  });
  return connection;
}

/** `attempt` counts from 1. */
function retryAfterMs(attempt: number): number {
  return backoffMs(attempt, RETRY, Math.random());
}

/** What ioredis says of a connection to a Sentinel or a node whose own error it has dropped. */
const UNTOLD = "Connection is closed.";

function watchState(connection: RedisConnection, address: RedisAddress, options: ConnectOptions): void {
  let told: "ready" | "lost" | undefined;
  let isAsking = false;
  const askWhy = async (): Promise<void> => {
    isAsking = true;
    try {
      const fault = await tlsFault(address.hosts, options.ca);
      if (fault !== undefined && !isReady(connection)) faults.set(connection, fault);
    } finally {
      isAsking = false;
    }
  };
  const remember = (happened: Error): void => {
    const said = faultText(happened);
    // A server without TLS takes a handshake for the beginning of a command, and waits for the rest.
    const text = address.tls && said.endsWith("ETIMEDOUT") ? `${said}; the server may speak no TLS` : said;
    const isUntold = address.tls && text.endsWith(UNTOLD);
    // What is known already says more than that.
    if (!isUntold || faultOf(connection) === undefined) faults.set(connection, text);
    // A handshake that cannot even be tried says no more than what is known.
    if (isUntold && !isAsking) askWhy().catch(() => undefined);
  };
  const tell = (state: "ready" | "lost"): void => {
    if (told === state) return;
    told = state;
    options.onState?.(state, state === "lost" ? faultOf(connection) : undefined);
    if (state === "ready") faults.delete(connection);
  };
  connection.on("error", remember);
  connection.on("node error", remember);
  connection.on("ready", () => tell("ready"));
  connection.on("close", () => tell("lost"));
  connection.on("end", () => tell("lost"));
}

/** What ioredis says of several servers at once is told by what one of them said. */
function faultText(error: Error): string {
  if ("lastNodeError" in error && error.lastNodeError instanceof Error)
    return `no server of the Cluster answers: ${error.lastNodeError.message}`;
  const ofSentinels = /^All sentinels are unreachable.*?(?:Last error: (.*))?$/.exec(error.message);
  if (ofSentinels === null) return error.message;
  return `no Sentinel names a master${ofSentinels[1] === undefined ? "" : `: ${ofSentinels[1]}`}`;
}
