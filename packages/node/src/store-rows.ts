// Rows of the table that speak of Redis and Postgres: where they are, what they may take, what waits between them. Read by
// the table alone.
import { parseRedisUrl, readRedisCa } from "@rookery/broker";
import { integer, optionalText, requiredText, word } from "@rookery/runtime";
import type { SettingRule } from "@rookery/runtime";
import { readPostgresUrl } from "@rookery/store";
import { ALL, PERSISTER, PUBLIC, SERVERS } from "./services.ts";
import { KIB, MIB, MIN_MS } from "./units.ts";

const REDIS_URL = {
  pattern: "^rediss?(\\+(sentinel|cluster))?://[^\\s/]\\S*$",
  expected: "a redis://, redis+sentinel:// or redis+cluster:// address, with rediss in front for TLS",
  example: "redis://127.0.0.1:6379",
  reader: parseRedisUrl,
  secrecy: "url",
  fromFile: true,
} as const;
const REDIS_CA = {
  pattern: "^[\\s\\S]*-----BEGIN CERTIFICATE-----[\\s\\S]+$",
  expected: "CA certificates in PEM (never a private key)",
  example: "ROOKERY_REDIS_CA_FILE=/etc/rookery/redis-ca.pem",
  // A private key is what is put here by mistake.
  secrecy: "hidden",
  fromFile: true,
  reader: readRedisCa,
} as const;
const POSTGRES_URL = {
  pattern: "^postgres(ql)?://[^\\s/]\\S*$",
  expected: "a postgres:// address with a user, and of parameters sslmode and sslrootcert at most",
  example: "postgres://rookery:password@db.example:5432/rookery?sslmode=verify-full",
  reader: readPostgresUrl,
  secrecy: "url",
  fromFile: true,
} as const;

// prettier-ignore
export const STORE_ROWS = {
  redisUrl: requiredText("ROOKERY_REDIS_URL", REDIS_URL, SERVERS,
    "where Redis is: one server, Sentinel or Cluster"),
  redisCa: optionalText("ROOKERY_REDIS_CA", REDIS_CA, SERVERS,
    "CA certificates (PEM) by which a `rediss` address, Sentinels included, is known, in place of the well-known ones"),
  postgresUrl: requiredText("ROOKERY_POSTGRES_URL", POSTGRES_URL, ALL,
    "where Postgres is, and all that is said of it: no `PG*` variable is read. `sslmode` is `disable` (when absent), `require` (encrypted, with anybody), `verify-ca` or `verify-full`; `sslrootcert` names a file of CA certificates (PEM) in place of the well-known ones"),
  postgresConnections: integer("ROOKERY_POSTGRES_CONNECTIONS", 8, [1, 200], "connections", ALL,
    "connections to Postgres that one process holds; edge and api keep half of them for pages of history"),
  statementTimeoutMs: integer("ROOKERY_STATEMENT_TIMEOUT_MS", 5000, [100, 10 * MIN_MS], "ms", SERVERS,
    "a statement that takes longer is cancelled by Postgres"),
  partitions: integer("ROOKERY_PARTITIONS", 64, [1, 1024], "partitions", ALL,
    "units of placement; fixed for the life of a cluster"),
  commandTimeoutMs: integer("ROOKERY_COMMAND_TIMEOUT_MS", 1500, [10, MIN_MS], "ms", SERVERS,
    "a Redis command without an answer after this has an unknown outcome"),
  ack: word("ROOKERY_ACK", ["fast", "safe"], PUBLIC,
    "what ok means. `fast`: the Redis master has it; `safe`: a replica has it too, or the answer is `unknown`"),
  logEntries: integer("ROOKERY_LOG_ENTRIES", 1000, [1, 100_000], "frames", SERVERS,
    "frames of a channel kept in Redis once Postgres has them, while there is room: from 90 % of maxmemory on, fewer"),
  outboxMaxBytes: integer("ROOKERY_OUTBOX_MAX_BYTES", 256 * MIB, [KIB, 1024 * 1024 * MIB], "bytes", SERVERS,
    "what may wait for Postgres in all partitions together before sends are `overloaded`"),
  batchEntries: integer("ROOKERY_BATCH_ENTRIES", 1000, [1, 10_000], "entries", PERSISTER,
    "most entries in one transaction"),
  batchLingerMs: integer("ROOKERY_BATCH_LINGER_MS", 100, [0, 10_000], "ms", PERSISTER,
    "how long entries gather behind a batch before the next one"),
} as const;

export const STORE_RULES: readonly SettingRule<typeof STORE_ROWS>[] = [
  {
    kind: "holds",
    keys: ["redisCa", "redisUrl"],
    holds: ({ redisCa, redisUrl }) => redisCa === undefined || redisUrl?.startsWith("rediss") !== false,
    expected: "a rediss:// address beside it: another one is not encrypted",
  },
];
