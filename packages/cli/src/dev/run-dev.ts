// `rookery dev`: a whole cluster from one command. Tells the story in order: folder, settings, ports, Redis and Postgres,
// schema, services, the ready line, waiting, and the way back. Called by commands/dev.ts.
// States: starting, ready, stopping, stopped. An order to stop is obeyed in each of them.
import { resolve } from "node:path";
import { pause } from "@rookery/runtime";
import type { RedisKind } from "@rookery/servers";
import { DATA_FOLDER, removeClusterFile, writeClusterFile } from "../cluster-file.ts";
import type { ReadyLine } from "../cluster-file.ts";
import { EXIT, messageOf } from "../io.ts";
import type { Io } from "../io.ts";
import { createCluster } from "./cluster.ts";
import type { Cluster } from "./cluster.ts";
import { holdDataFolder } from "./data-folder.ts";
import type { DataFolder } from "./data-folder.ts";
import { StartFailure } from "./member.ts";
import type { Member } from "./member.ts";
import { listenForOrders } from "./orders.ts";
import type { Orders } from "./orders.ts";
import { PARTS } from "./parts.ts";
import type { DevParts } from "./parts.ts";
import { addressFrom, caFrom, callerEnvironment, planCluster } from "./plan.ts";
import type { Backing, ClusterPlan, Numbers } from "./plan.ts";
import { choosePorts } from "./ports.ts";
import { readyText } from "./ready-text.ts";
import { keptSecrets } from "./secrets.ts";

export interface DevOptions extends Numbers {
  /** First public port; 0 for free ones. */
  readonly port: number;
  readonly ephemeral: boolean;
  readonly data: string | undefined;
  /** As what Redis is started, before any address of the environment. */
  readonly redis: RedisKind | undefined;
  readonly redisUrl: string | undefined;
  readonly postgresUrl: string | undefined;
  readonly restart: boolean;
  readonly set: Readonly<Record<string, string>>;
  readonly json: boolean;
}

/** Children of a `dev` that was killed notice within half a second and stop within five. */
const ABANDONED_PATIENCE_MS = 7000;
/** Where servers of our own will be is not known yet when settings are judged; any valid address does. */
const SOMEWHERE: Backing = { redis: "redis://127.0.0.1:6379", postgres: "postgres://rookery@127.0.0.1:5432/rookery" };
/** After the order to stop at once, killed processes still have to be collected. */
const FORCED_WITHIN_MS = 2000;

/**
 * Runs until it is told to stop, then resolves to the exit code: 0 stopped in order; 1 failed to start, or was told to stop
 * at once; 78 a service refused its settings. Rejects when nothing was started: folder in use, port taken, wrong settings.
 */
export async function runDev(options: DevOptions, io: Io, parts: DevParts = PARTS): Promise<number> {
  const orders = listenForOrders(io);
  try {
    const wanted = options.ephemeral ? undefined : resolve(io.cwd, options.data ?? DATA_FOLDER);
    const folder = await holdDataFolder(wanted);
    try {
      return await runIn({ folder, options, orders, io, parts });
    } finally {
      await folder.release();
    }
  } finally {
    orders.end();
  }
}

interface Run {
  readonly folder: DataFolder;
  readonly options: DevOptions;
  readonly orders: Orders;
  readonly io: Io;
  readonly parts: DevParts;
}

async function runIn(run: Run): Promise<number> {
  const { folder, options, orders, io, parts } = run;
  const redisUrl = options.redisUrl ?? (options.redis === undefined ? addressFrom(io.env, "redisUrl") : undefined);
  const postgresUrl = options.postgresUrl ?? addressFrom(io.env, "postgresUrl");
  const somewhere = { redis: redisUrl ?? SOMEWHERE.redis, postgres: postgresUrl ?? SOMEWHERE.postgres };
  const planFor = await prepare(run, somewhere);
  const face = createFace(folder, options, io);
  const { path, ephemeral } = folder;
  const cluster = createCluster({
    folder: path,
    ephemeral,
    restart: options.restart,
    redis: options.redis ?? "single",
    redisUrl,
    redisCa: caFrom(callerEnvironment(io.env, options.set)),
    postgresUrl,
    parts,
    say: io.err,
    back: (name, member) => face.back(name, member),
  });
  let code: number = EXIT.done;
  try {
    await Promise.race([serve(cluster, planFor, face, run), orders.stop]);
    await orders.stop;
  } catch (error) {
    io.err(`rookery dev could not start: ${messageOf(error)}`);
    code = error instanceof StartFailure && error.code === EXIT.config ? EXIT.config : EXIT.failed;
  }
  await face.close();
  const ended = cluster.stop();
  const isForced = await Promise.race([ended.then(() => false), orders.force.then(() => true)]);
  if (!isForced) return code;
  cluster.kill();
  await Promise.race([ended, pause(FORCED_WITHIN_MS)]);
  return EXIT.failed;
}

type PlanFor = (backing: Backing) => ClusterPlan;

/** Everything that can go wrong without a process started goes wrong here. */
async function prepare({ folder, options, io }: Run, somewhere: Backing): Promise<PlanFor> {
  const caller = callerEnvironment(io.env, options.set);
  const secrets = await keptSecrets(folder.path);
  const ports = await choosePorts(options.port, options.edges, folder.wasAbandoned ? ABANDONED_PATIENCE_MS : 0);
  const given = { ...options, caller, secrets, ports, pid: process.pid };
  const planFor: PlanFor = (backing) => planCluster({ ...given, backing });
  planFor(somewhere);
  return planFor;
}

async function serve(cluster: Cluster, planFor: PlanFor, face: Face, { orders }: Run): Promise<void> {
  const backing = await cluster.startBacking();
  const plan = planFor(backing);
  await cluster.startServices(plan.services, plan.drainMs);
  if (!orders.signal.aborted) await face.open(cluster, plan, backing);
}

/** What the outside sees of a cluster: the ready line, the note in the data folder, who came back. */
interface Face {
  open(cluster: Cluster, plan: ClusterPlan, backing: Backing): Promise<void>;
  back(name: string, member: Member): void;
  close(): Promise<void>;
}

function createFace({ path }: DataFolder, { json }: DevOptions, io: Io): Face {
  let current: (() => ReadyLine) | undefined;
  let writing: Promise<void> = Promise.resolve();
  const note = (line: ReadyLine): Promise<void> => {
    writing = writing.then(() => writeClusterFile(path, line));
    return writing;
  };
  return {
    open: async (cluster, plan, backing) => {
      const { ws, api, apiKey, jwt } = plan;
      const where = { ready: true, pid: process.pid, ws, api, apiKey, jwt, ...backing } as const;
      current = () => ({ ...where, processes: cluster.processes() });
      await note(current());
      if (json) io.out(JSON.stringify(current()));
      else {
        const { allowedOrigins, hasPage } = plan;
        const home = { folder: path, cwd: io.cwd, allowedOrigins, hasPage };
        for (const line of readyText(current(), home)) io.out(line);
      }
      // Whoever waits for this would wait for ever. A reader that left has read what it wanted.
      const lost = await io.outFlushed();
      if (lost !== undefined) throw new Error(`where it answers cannot be told: ${lost}`);
    },
    back: (name, { pid }) => {
      // Before the ready line there is nobody to tell: it will name the new process.
      if (current === undefined) return;
      note(current()).catch((error: unknown) => io.err(`the note of the cluster is out of date: ${messageOf(error)}`));
      if (json) io.out(JSON.stringify({ restarted: name, pid }));
      else io.err(`${name} is back (process ${pid})`);
    },
    close: async () => {
      current = undefined;
      await writing.catch(() => undefined);
      await removeClusterFile(path);
    },
  };
}
