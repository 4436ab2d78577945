// The package's public face: real servers, spoiled networks, independent clients and the checker, for tests only.
export { eventually } from "./eventually.ts";
export { startProxy } from "./proxy.ts";
export type { Proxy } from "./proxy.ts";
export { testPostgres } from "./postgres.ts";
export { testRedis } from "./redis.ts";
export type { TestRedis } from "./redis.ts";
export { checkHistories, describeViolations } from "./checker.ts";
export { connectClient, newClientId } from "./client.ts";
export type { ChatClient } from "./client.ts";
export { comparePositions } from "./client-frame.ts";
export type { Frame } from "./client-frame.ts";
export { ConnectionLost } from "./client-link.ts";
export { ConnectFailure } from "./client-socket.ts";
export type { Row } from "./evidence.ts";
export { startCluster } from "./cluster.ts";
export type { Cluster, ClusterOptions } from "./cluster.ts";
export { parseMetrics } from "./ready-line.ts";
