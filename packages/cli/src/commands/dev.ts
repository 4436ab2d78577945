// The command line of `rookery dev`; the work is in dev/run-dev.ts.
import type { RedisKind } from "@rookery/servers";
import { Option } from "commander";
import type { Command } from "commander";
import { DATA_FOLDER } from "../cluster-file.ts";
import { FIRST_PORT } from "../dev/ports.ts";
import type { DevOptions } from "../dev/run-dev.ts";
import { UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { address, assignment, redisAddress, wholeNumber } from "../option-values.ts";

/** More processes than this on one machine only take each other's time. */
const MOST_PROCESSES = 64;
const LAST_PORT = 65_535;

/** As the servers package has them, which is not loaded for a page of help. */
const REDIS_KINDS: readonly RedisKind[] = ["single", "sentinel", "cluster"];

type Given = Omit<DevOptions, "data" | "redis" | "redisUrl" | "postgresUrl"> & Partial<DevOptions>;

// prettier-ignore
export function dev(command: Command, io: Io): void {
  command
    .option("--edges <n>", "number of edges", wholeNumber(1, MOST_PROCESSES), 2)
    .option("--persisters <n>", "number of persisters", wholeNumber(0, MOST_PROCESSES), 1)
    .option("--port <n>", "first public port: edges from it on, then the api; 0 takes free ones", wholeNumber(0, LAST_PORT), FIRST_PORT)
    .option("--ephemeral", "keep data in a temporary folder that is removed at the end", false)
    .option("--data <folder>", `where data, secrets and logs are kept (default: ${DATA_FOLDER} here)`)
    .addOption(new Option("--redis <kind>", "the Redis to start: single, sentinel (a master and a replica under three Sentinels) or cluster (three masters with a replica each); single unless given").choices(REDIS_KINDS))
    .option("--redis-url <address>", "use this Redis instead of starting one (or ROOKERY_REDIS_URL)", redisAddress)
    .option("--postgres-url <address>", "use this Postgres instead of starting one (or ROOKERY_POSTGRES_URL)", address("postgres", "postgresql"))
    .option("--restart", "bring back a process that dies or was drained, on the same ports", false)
    .option("--set <KEY=VALUE>", "a setting for every service; may be repeated", assignment, {})
    .option("--json", "print one line of JSON on standard output once everything answers; with --restart one more for each return", false)
    .action(async (given: Given) => {
      refuseContradictions(given);
      // What a cluster of one's own needs (drivers, servers) is loaded only by those who want one.
      const { runDev } = await import("../dev/run-dev.ts");
      const { data, redis, redisUrl, postgresUrl } = given;
      io.exitWith(await runDev({ ...given, data, redis, redisUrl, postgresUrl }, io));
    });
}

function refuseContradictions({ ephemeral, data, port, edges, redis, redisUrl }: Given): void {
  if (ephemeral && data !== undefined) throw new UsageError("--ephemeral and --data exclude each other");
  if (redis !== undefined && redisUrl !== undefined) throw new UsageError("--redis and --redis-url exclude each other");
  if (port !== 0 && port + edges > LAST_PORT)
    throw new UsageError(`--port ${port} leaves no room for ${edges} edges and an api`);
}
