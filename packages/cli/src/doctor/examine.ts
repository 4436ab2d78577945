// What a doctor does for one service: finds out which settings it would start with, looks at this machine and at both stores, all
// at once, and has what it saw judged. Called by commands/doctor.ts. Never writes, and ends within a few seconds.
// Loaded when asked for, since it brings the drivers with it.
import { createKeys, createPartitions, lookAtRedis } from "@rookery/broker";
import type { RedisLook } from "@rookery/broker";
import { clusterSettings, SETTINGS } from "@rookery/node";
import type { ServiceName, SettingKey } from "@rookery/node";
import { SettingsError } from "@rookery/runtime";
import type { ValuesOf } from "@rookery/runtime";
import { lookAtPostgres, lookAtSaved } from "@rookery/store";
import { readClusterFile, DATA_FOLDER } from "../cluster-file.ts";
import type { ReadyLine } from "../cluster-file.ts";
import { UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { join } from "node:path";
import { ok, trouble } from "./check.ts";
import type { Check } from "./check.ts";
import { judgeCluster } from "./judge-cluster.ts";
import { judgeMachine } from "./judge-machine.ts";
import { judgePostgres } from "./judge-postgres.ts";
import { judgeRedis } from "./judge-redis.ts";
import { lookAtMachine } from "./machine-look.ts";
import type { WantedPort } from "./machine-look.ts";

export interface Examination {
  readonly checks: readonly Check[];
  /** Nothing else was looked at. */
  readonly areSettingsWrong: boolean;
}

/** Of each store. */
const WITHIN_MS = 4_000;

const ASKED = [
  ...(["redisUrl", "redisCa", "postgresUrl", "partitions", "statementTimeoutMs", "ack", "outboxMaxBytes"] as const),
  ...(["host", "port", "internalHost", "internalPort"] as const),
  ...(["maxConnections", "memoryBytes", "bufferBudgetBytes", "clockToleranceSec"] as const),
] as const satisfies readonly SettingKey[];

/** What this service reads of it. */
type Asked = Partial<ValuesOf<typeof SETTINGS, (typeof ASKED)[number]>>;

export async function examine(service: ServiceName, io: Pick<Io, "env" | "cwd">): Promise<Examination> {
  const dev = await runningDev(io);
  try {
    const [settings, told] = dev === undefined ? await own(service, io) : ofDev(service, io, dev);
    const checks = await lookAtAll(service, settings, io.cwd);
    return { checks: [{ name: "settings", ...ok(told) }, ...checks], areSettingsWrong: false };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return { checks: wrongSettings(error), areSettingsWrong: true };
  }
}

function wrongSettings({ problems }: SettingsError): readonly Check[] {
  return problems.map(({ env, source, got, fault, expected, example }) => {
    const given = source === "nothing" ? `${env} is not given` : `${env} is ${got} (${source})`;
    const fix = `give it ${expected}${example === "" ? "" : `, for example ${example}`}`;
    return { name: "settings", ...trouble(fault === undefined ? given : `${given}: ${fault}`, fix) };
  });
}

/** The `rookery dev` of this directory, where nothing says which stores are meant. */
async function runningDev({ env, cwd }: Pick<Io, "env" | "cwd">): Promise<ReadyLine | undefined> {
  const given = clusterSettings.given({ env });
  if (given.has("redisUrl") || given.has("postgresUrl")) return undefined;
  return readClusterFile(join(cwd, DATA_FOLDER)).catch((error: unknown) => {
    // One that is gone: then what is missing is told as missing settings.
    if (error instanceof UsageError) return undefined;
    throw error;
  });
}

const readBy =
  (service: ServiceName) =>
  (key: SettingKey): boolean =>
    SETTINGS[key].usedBy.some((each) => each === service);

type Resolved = readonly [settings: Asked, told: string];

async function own(service: ServiceName, { env }: Pick<Io, "env">): Promise<Resolved> {
  const { length } = await clusterSettings.check(service, { env });
  return [clusterSettings.load(ASKED.filter(readBy(service)), { env }), `${length} settings of ${service} are fine`];
}

const OF_DEV: ReadonlySet<SettingKey> = new Set([
  ...(["host", "port", "internalHost", "internalPort", "maxConnections"] as const),
]);

/** Its services have settings of their own, ports among them, and serve no thousands. */
function ofDev(service: ServiceName, { env }: Pick<Io, "env">, { redis, postgres, pid }: ReadyLine): Resolved {
  const keys = ASKED.filter(readBy(service)).filter((key) => !OF_DEV.has(key));
  const withStores = { ...env, [SETTINGS.redisUrl.env]: redis, [SETTINGS.postgresUrl.env]: postgres };
  return [clusterSettings.load(keys, { env: withStores }), `those of the rookery dev that runs here (process ${pid})`];
}

async function lookAtAll(service: ServiceName, settings: Asked, folder: string): Promise<readonly Check[]> {
  const [machine, redis, postgres] = await Promise.all([
    lookAtMachine(wantedPorts(settings), folder),
    redisOf(service, settings),
    lookAtPostgres({ ...postgresOf(settings), user: service }),
  ]);
  // Only now, when Redis has been asked: what is saved meanwhile is no loss.
  const saved = redis?.stored?.size ? await lookAtSaved(postgresOf(settings)) : new Map();
  const toleranceMs = settings.clockToleranceSec === undefined ? undefined : settings.clockToleranceSec * 1_000;
  const { maxConnections, memoryBytes: memorySettingBytes, bufferBudgetBytes, ack } = settings;
  const { outboxMaxBytes = 0, statementTimeoutMs, partitions = 0 } = settings;
  return [
    ...judgeMachine(machine, { maxConnections, memorySettingBytes, bufferBudgetBytes }),
    ...(redis === undefined ? [] : judgeRedis(redis, { ack, outboxMaxBytes, toleranceMs })),
    ...judgePostgres(postgres, { statementTimeoutMs, toleranceMs }),
    ...(redis === undefined ? [] : judgeCluster({ partitions, redis, postgres, saved })),
  ];
}

function wantedPorts({ host, port, internalHost, internalPort }: Asked): WantedPort[] {
  const wanted = [
    { setting: SETTINGS.port.env, host, port },
    { setting: SETTINGS.internalPort.env, host: internalHost, port: internalPort },
  ];
  return wanted.flatMap(({ setting, host: on, port: number }) =>
    on === undefined || number === undefined ? [] : [{ setting, host: on, port: number }],
  );
}

async function redisOf(service: ServiceName, settings: Asked): Promise<RedisLook | undefined> {
  const { redisUrl: url, redisCa: ca, partitions = 1 } = settings;
  if (url === undefined || service === "migrate") return undefined;
  const keys = createKeys(createPartitions(partitions));
  return lookAtRedis({ url, ca, keys, user: service, withinMs: WITHIN_MS });
}

/** The migrations have no limit of their own. */
const LOOK_STATEMENT_MS = 3_000;

const postgresOf = ({ postgresUrl: url = "", statementTimeoutMs = LOOK_STATEMENT_MS }: Asked) => ({
  ...{ url, statementTimeoutMs, withinMs: WITHIN_MS },
});
