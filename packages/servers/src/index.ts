// The package's public face: servers for development and tests, each ending with the process that started it.
export { startKeeper } from "./keeper.ts";
export type { Command, Ending, Keeper, KeeperOptions, KeptProcess, RunAs } from "./keeper.ts";
export { offClock } from "./off-clock.ts";
export { findOrInstallRedis } from "./redis-binary.ts";
export type { FindRedisOptions, RedisBinary } from "./redis-binary.ts";
export { keepLog } from "./server-log.ts";
export { startRedis } from "./start-redis.ts";
export type { RunningServer, StartRedisOptions, TlsFiles } from "./start-redis.ts";
export { memberNames, REDIS_KINDS, startRedisTopology } from "./start-redis-topology.ts";
export type { RedisKind, RedisTopology, RedisTopologyOptions } from "./start-redis-topology.ts";
export type { ServerRole, TopologyServer } from "./topology-server.ts";
export { startPostgres } from "./start-postgres.ts";
export type { StartPostgresOptions } from "./start-postgres.ts";
export { installPackage, onPath } from "./system-package.ts";
export type { WantedPackage } from "./system-package.ts";
