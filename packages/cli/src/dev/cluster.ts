// The processes of one `dev` cluster, in the order of their dependence: started forwards, stopped backwards. Called by
// run-dev.ts, which decides when. What it has to tell goes through `say`.
// States: empty, backed (Redis and Postgres answer, the schema is there), serving (everything answers), stopping, stopped.
import { join } from "node:path";
import { maskUrl } from "@rookery/runtime";
import type { RedisKind } from "@rookery/servers";
import type { ProcessNote } from "../cluster-file.ts";
import { postgresServer, redisServers } from "./backing-server.ts";
import type { BackingServer } from "./backing-server.ts";
import { freshLogFolder } from "./log-file.ts";
import type { Member } from "./member.ts";
import type { DevParts } from "./parts.ts";
import type { Backing, ServicePlan } from "./plan.ts";
import { startService } from "./service-process.ts";
import type { ServicePorts } from "./service-process.ts";
import { createSlot } from "./slot.ts";
import type { Slot } from "./slot.ts";
import { waitFor } from "./waiting.ts";

export interface ClusterOptions {
  readonly folder: string;
  readonly ephemeral: boolean;
  readonly restart: boolean;
  readonly redisUrl: string | undefined;
  /** Whose certificates a given Redis shows, in PEM. */
  readonly redisCa: string | undefined;
  /** What is started where no address is given. */
  readonly redis: RedisKind;
  readonly postgresUrl: string | undefined;
  readonly parts: DevParts;
  readonly say: (line: string) => void;
  /** A process answers again. */
  readonly back: (name: string, member: Member) => void;
}

export interface Cluster {
  /** Starts what was not given by address, waits for what was; resolves once both answer and the schema is up to date. */
  startBacking(): Promise<Backing>;
  /** Starts all services at once; resolves once all answer. Edges may take `drainMs` to stop later. */
  startServices(services: readonly ServicePlan[], drainMs: number): Promise<void>;
  processes(): readonly ProcessNote[];
  /** Ends everything in order: edges, api, persisters, servers. Safe in every state. */
  stop(): Promise<void>;
  kill(): void;
}

/** What a stopping service may take for everything but the drain, before it is killed. */
const SERVICE_GRACE_MS = 8000;

/** Slots that stop together; each wave waits for the one before. */
type Wave = "edge" | "api" | "persister" | "server";
const STOP_ORDER: readonly Wave[] = ["edge", "api", "persister", "server"];

export function createCluster(options: ClusterOptions): Cluster {
  const waves = new Map<Wave, Slot[]>(STOP_ORDER.map((wave) => [wave, []]));
  const logs = join(options.folder, "logs");
  const inWave = (wave: Wave): readonly Slot[] => waves.get(wave) ?? [];
  const everySlot = (): Slot[] => STOP_ORDER.flatMap((wave) => [...inWave(wave)]);
  const closing = new AbortController();

  const fill = async (wave: Wave, name: string, start: (starting: AbortSignal) => Promise<Member>): Promise<Member> => {
    if (closing.signal.aborted) throw new Error("stopped while starting");
    const { restart } = options;
    const died = (text: string): void =>
      options.say(restart ? text : `${text}\nthe rest goes on; --restart would bring ${name} back`);
    const back = (member: Member): void => options.back(name, member);
    const drained = wave === "server" ? undefined : (): void => options.say(drainText(name, restart));
    const slot = createSlot(name, start, { restart, died, drained, back });
    waves.get(wave)?.push(slot);
    return slot.open();
  };

  const startServer = async (name: string, server: BackingServer): Promise<string> => {
    let url = "";
    await fill("server", name, async () => {
      const member = await server.start();
      ({ url } = member);
      return member;
    });
    return url;
  };

  const startOne = async ({ name, kind, env }: ServicePlan, graceMs: number): Promise<void> => {
    let ports: ServicePorts | undefined;
    await fill(kind, name, async (starting) => {
      const main = options.parts.mainOf(kind);
      const spec = { name, main, graceMs, logFile: join(logs, `${name}.log`), say: options.say };
      // Brought back, it listens where it did before.
      const internal = ports === undefined ? {} : { ROOKERY_INTERNAL_PORT: String(ports.internalPort) };
      const member = await startService({ ...spec, env: { ...env, ...internal } }, starting);
      ({ ports } = member);
      return member;
    });
  };

  const startRedis = async (): Promise<string> => {
    const { members, url } = redisServers(options, options.redis);
    const [found] = await Promise.all([url, ...members.map(({ name, server }) => startServer(name, server))]);
    return found;
  };

  const givenRedis = async (url: string): Promise<string> => {
    const what = `redis at ${maskUrl(url)}`;
    await waitFor({
      what,
      ask: () => options.parts.reachRedis(url, options.redisCa),
      say: options.say,
      until: closing.signal,
    });
    return url;
  };

  /** Also what tells that a given Postgres answers: it takes the same way in as the services. */
  const withSchema = async (url: string): Promise<string> => {
    const what = `postgres at ${maskUrl(url)}`;
    const ask = (): Promise<readonly string[]> => options.parts.migrate(url);
    const applied = await waitFor({ what, ask, say: options.say, until: closing.signal });
    if (applied.length > 0) options.say(`schema brought up to date: ${applied.join(", ")}`);
    return url;
  };

  return {
    startBacking: async () => {
      await freshLogFolder(logs);
      const { redisUrl, postgresUrl } = options;
      const [redis, postgres] = await Promise.all([
        redisUrl === undefined ? startRedis() : givenRedis(redisUrl),
        (postgresUrl === undefined
          ? startServer("postgres", postgresServer(options))
          : Promise.resolve(postgresUrl)
        ).then(withSchema),
      ]);
      return { redis, postgres };
    },
    startServices: async (services, drainMs) => {
      // An edge may have to wait for its turn as long as it takes to go.
      const graceMs = (kind: string): number => SERVICE_GRACE_MS + (kind === "edge" ? 2 * drainMs : 0);
      await Promise.all(services.map((service) => startOne(service, graceMs(service.kind))));
    },
    processes: () => everySlot().flatMap((slot) => noteOf(slot)),
    stop: async () => {
      closing.abort();
      for (const wave of STOP_ORDER) {
        const complaints = await Promise.all(inWave(wave).map((slot) => slot.stop()));
        for (const complaint of complaints) if (complaint !== undefined) options.say(complaint);
      }
    },
    kill: () => {
      closing.abort();
      for (const slot of everySlot()) slot.kill();
    },
  };
}

const drainText = (name: string, restart: boolean): string =>
  `${name} was drained and ended; ${restart ? "--restart starts it again" : "the rest goes on"}`;

function noteOf(slot: Slot): ProcessNote[] {
  const member = slot.member();
  if (member === undefined) return [];
  const { pid, internal } = member;
  return [{ name: slot.name, pid, ...(internal === undefined ? {} : { internal }) }];
}
