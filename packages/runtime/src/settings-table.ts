// The one table of every setting of every process: name, default, unit, range, meaning, and who reads it. The loader, the
// README's table and the types all come from here; nothing else may name a `ROOKERY_*` variable that is not in it.
import type { Static } from "typebox";
import { formatNetwork, parseNetwork } from "./network.ts";
import { parseOrigin } from "./origin.ts";
import {
  flag,
  integer,
  list,
  optionalBearer,
  optionalInteger,
  optionalText,
  requiredText,
  optionalSecret,
  text,
  word,
} from "./settings-row.ts";
import type { AnyRow, ServiceName } from "./settings-row.ts";

const ALL = ["edge", "api", "persister", "migrate"] as const;
const SERVERS = ["edge", "api", "persister"] as const;
const PUBLIC = ["edge", "api"] as const;
const EDGE = ["edge"] as const;
const API = ["api"] as const;
const PERSISTER = ["persister"] as const;

/** Said of a setting that is checked already and read by nothing before its part of the product is built. */
const LATER = " (not in force yet)";

const KIB = 1024;
const MIB = 1024 * KIB;
const MIN_MS = 60_000;
const HOUR_MS = 60 * MIN_MS;

const NODE_NAME = {
  pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$",
  expected: "1 to 32 of A-Z a-z 0-9 _ -",
  example: "edge-1",
};
const ADDRESS = { pattern: "^[A-Za-z0-9_.:-]+$", expected: "an address or host name to listen on", example: "0.0.0.0" };
const CLAIM = { pattern: "^\\S+$", expected: "text without spaces", example: "rookery" };
const JWKS_URL = {
  pattern: "^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/])\\S+$",
  expected: "an https:// address (http:// only on loopback)",
  example: "https://login.example.com/.well-known/jwks.json",
};
const PUBLIC_KEY = {
  pattern: "^\\s*-----BEGIN (PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE)-----[\\s\\S]+$",
  expected: "a PEM public key (never a private one)",
  example: "ROOKERY_JWT_PUBLIC_KEY_FILE=/etc/rookery/jwt.pem",
  // A private key is what is put here by mistake.
  secrecy: "hidden",
  fromFile: true,
} as const;
const REDIS_URL = {
  pattern: "^(redis|rediss|redis\\+sentinel|redis\\+cluster)://[^\\s/]\\S*$",
  expected: "a redis://, rediss://, redis+sentinel:// or redis+cluster:// address",
  example: "redis://127.0.0.1:6379",
  secrecy: "url",
  fromFile: true,
} as const;
const POSTGRES_URL = {
  pattern: "^postgres(ql)?://[^\\s/]\\S*$",
  expected: "a postgres:// address with a user, and of parameters sslmode and sslrootcert at most",
  example: "postgres://rookery:password@db.example:5432/rookery?sslmode=verify-full",
  secrecy: "url",
  fromFile: true,
} as const;
const ORIGINS = {
  item: parseOrigin,
  expected: "origins between commas, each scheme://host[:port] with nothing behind it, or the word loopback",
  example: "https://chat.example.com",
  secrecy: "url",
} as const;
const PROXIES = {
  item: (written: string) => formatNetwork(parseNetwork(written)),
  expected: "IP addresses or networks (CIDR) between commas",
  example: "10.0.0.0/8,fd00::/8",
};
const ALGORITHM_NAMES: readonly string[] = ["HS256", "EdDSA", "ES256", "RS256"];
const ALGORITHMS = {
  item: (name: string) => {
    // RFC 9864 names the curve; what it signs is the same.
    if (ALGORITHM_NAMES.includes(name) || name === "Ed25519") return name;
    throw new Error(`${JSON.stringify(name.slice(0, 16))} is no algorithm that is known here`);
  },
  expected: `one of ${ALGORITHM_NAMES.join(", ")}`,
  example: "ES256",
};

/**
 * Every setting, one row each: name, default (none for required, optional and secret rows), range or form, unit, readers,
 * meaning. The key is what code reads and what a configuration file holds.
 */
// prettier-ignore
export const SETTINGS = {
  nodeName: optionalText("ROOKERY_NODE_NAME", NODE_NAME, SERVERS,
    "first part of the node's id, the service's name if absent; four random characters are added at every start"),
  host: text("ROOKERY_HOST", "127.0.0.1", ADDRESS, PUBLIC,
    "address of the public port; loopback until somebody says otherwise"),
  port: integer("ROOKERY_PORT", 8080, [0, 65_535], "port", PUBLIC,
    "public port, 0 takes a free one; edges may share it"),
  internalHost: text("ROOKERY_INTERNAL_HOST", "127.0.0.1", ADDRESS, SERVERS,
    "address of the internal port: health, metrics, drain"),
  internalPort: integer("ROOKERY_INTERNAL_PORT", 9464, [0, 65_535], "port", SERVERS,
    "internal port, 0 takes a free one"),
  logLevel: word("ROOKERY_LOG_LEVEL", ["info", "trace", "debug", "warn", "error", "fatal", "silent"], ALL,
    "least severe level that is written"),
  parentPid: optionalInteger("ROOKERY_PARENT_PID", "4242", SERVERS,
    "the process stops by itself once this one is gone"),

  redisUrl: requiredText("ROOKERY_REDIS_URL", REDIS_URL, SERVERS,
    "where Redis is: one server, Sentinel or Cluster"),
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
  ack: word("ROOKERY_ACK", ["fast"], PUBLIC,
    "what ok means. `fast`: the Redis master has it; waiting for a replica is not served yet, so not taken"),
  logEntries: integer("ROOKERY_LOG_ENTRIES", 1000, [1, 100_000], "frames", SERVERS,
    "frames of a channel kept in Redis once Postgres has them, while there is room: from 90 % of maxmemory on, fewer"),
  outboxMaxBytes: integer("ROOKERY_OUTBOX_MAX_BYTES", 256 * MIB, [KIB, 1024 * 1024 * MIB], "bytes", SERVERS,
    "what may wait for Postgres in all partitions together before sends are `overloaded`"),
  batchEntries: integer("ROOKERY_BATCH_ENTRIES", 1000, [1, 10_000], "entries", PERSISTER,
    "most entries in one transaction"),
  batchLingerMs: integer("ROOKERY_BATCH_LINGER_MS", 50, [0, 10_000], "ms", PERSISTER,
    "longest wait for a batch to fill"),

  jwtSecret: optionalSecret("ROOKERY_JWT_SECRET", PUBLIC,
    "HS256 key of user tokens; made at start outside production when no key of any kind is given"),
  jwtPreviousSecret: optionalSecret("ROOKERY_JWT_PREVIOUS_SECRET", PUBLIC,
    "the HS256 key before this one, still accepted while keys are changed"),
  jwtPublicKey: optionalText("ROOKERY_JWT_PUBLIC_KEY", PUBLIC_KEY, PUBLIC,
    "PEM public key of user tokens, in place of a secret"),
  jwtJwksUrl: optionalText("ROOKERY_JWT_JWKS_URL", JWKS_URL, PUBLIC,
    "where the issuer publishes its keys, in place of a secret; needs ROOKERY_JWT_ALGORITHMS"),
  jwtAlgorithms: list("ROOKERY_JWT_ALGORITHMS", ALGORITHMS, PUBLIC,
    "the only signature algorithm that is accepted; follows from a secret or a PEM key when empty"),
  jwtIssuer: text("ROOKERY_JWT_ISSUER", "rookery", CLAIM, PUBLIC,
    "the `iss` that a token must carry"),
  jwtAudience: text("ROOKERY_JWT_AUDIENCE", "rookery", CLAIM, PUBLIC,
    "the `aud` that a token must carry"),
  clockToleranceSec: integer("ROOKERY_CLOCK_TOLERANCE_SEC", 5, [0, 30], "s", PUBLIC,
    "how far the issuer's clock may be off"),
  tokenGraceMs: integer("ROOKERY_TOKEN_GRACE_MS", 25_000, [0, 10 * MIN_MS], "ms", EDGE,
    "time to refresh an expired token in band before close 4401"),
  apiKey: optionalBearer("ROOKERY_API_KEY", API,
    "an API key with every scope that exists from the start; for development and bootstrap"),
  guestTokens: flag("ROOKERY_GUEST_TOKENS", false, API,
    "whether anybody may take a token under a guest name"),

  allowedOrigins: list("ROOKERY_ALLOWED_ORIGINS", ORIGINS, PUBLIC,
    "origins whose pages may connect; `loopback` is any page of this machine (localhost, 127.0.0.0/8, [::1], any port); clients without an Origin are not concerned"),
  trustedProxies: list("ROOKERY_TRUSTED_PROXIES", PROXIES, PUBLIC,
    "proxies whose word on the client's address is taken"),
  requestsPerMin: integer("ROOKERY_REQUESTS_PER_MIN", 600, [1, 1_000_000], "per min", API,
    "requests of one caller to the REST API"),
  channelsAutoCreate: word("ROOKERY_CHANNELS_AUTO_CREATE", ["off", "public"], PUBLIC,
    "`public`: joining an unknown channel makes it, public; `off`: it is not_found"),

  maxConnections: integer("ROOKERY_MAX_CONNECTIONS", 25_000, [1, 1_000_000], "connections", EDGE,
    "sockets of one edge; the next upgrade is 503"),
  connectsPerSec: integer("ROOKERY_CONNECTS_PER_SEC", 1000, [1, 100_000], "per s", EDGE,
    "upgrades that one edge accepts; the next is 503 with Retry-After"),
  connectionsPerUser: integer("ROOKERY_CONNECTIONS_PER_USER", 10, [1, 10_000], "connections", EDGE,
    "connections of a user on one edge; one more closes the oldest with 4509"),
  connectionsPerAddress: integer("ROOKERY_CONNECTIONS_PER_ADDRESS", 200, [1, 1_000_000], "connections", EDGE,
    "connections from one IPv4 address or IPv6 /64 on one edge"),
  loopbackExempt: flag("ROOKERY_LOOPBACK_EXEMPT", false, PUBLIC,
    "whether loopback is free of the limits per address; for development"),
  authTimeoutMs: integer("ROOKERY_AUTH_TIMEOUT_MS", 5000, [100, 10 * MIN_MS], "ms", EDGE,
    "time for the first frame of a socket without credentials"),
  authFrameBytes: integer("ROOKERY_AUTH_FRAME_BYTES", 12 * KIB, [KIB, 64 * KIB], "bytes", EDGE,
    "largest frame before authentication; the largest token is 8 KiB"),
  sendsPerSec: integer("ROOKERY_SENDS_PER_SEC", 20, [1, 100_000], "per s", EDGE,
    "messages of a session in the long run"),
  sendBurst: integer("ROOKERY_SEND_BURST", 40, [1, 1_000_000], "sends", EDGE,
    "messages of a session at once"),
  commandsPerSec: integer("ROOKERY_COMMANDS_PER_SEC", 50, [1, 100_000], "per s", EDGE,
    "frames of any type of a session in the long run"),
  commandBurst: integer("ROOKERY_COMMAND_BURST", 100, [1, 1_000_000], "frames", EDGE,
    "frames of any type of a session at once"),
  typingPerSec: integer("ROOKERY_TYPING_PER_SEC", 5, [1, 1000], "per s", EDGE,
    "typing signals of a session"),
  frameBytes: integer("ROOKERY_FRAME_BYTES", 16 * KIB, [KIB, 64 * KIB], "bytes", EDGE,
    "largest frame from a client that is answered with `too_large` when exceeded"),
  bodyBytes: integer("ROOKERY_BODY_BYTES", 4 * KIB, [1, 32 * KIB], "bytes", PUBLIC,
    "largest message text, in UTF-8"),
  metaBytes: integer("ROOKERY_META_BYTES", KIB, [2, 16 * KIB], "bytes", PUBLIC,
    "largest `meta` of a message, as JSON"),
  channelsPerSession: integer("ROOKERY_CHANNELS_PER_SESSION", 100, [1, 10_000], "channels", EDGE,
    "channels that one session may have joined"),
  pageMessages: integer("ROOKERY_PAGE_MESSAGES", 200, [1, 1000], "messages", PUBLIC,
    "most messages in one reply"),
  pageBytes: integer("ROOKERY_PAGE_BYTES", 64 * KIB, [KIB, MIB], "bytes", PUBLIC,
    "most bytes of messages in one reply"),
  heartbeatMs: integer("ROOKERY_HEARTBEAT_MS", 25_000, [100, 10 * MIN_MS], "ms", EDGE,
    "time between two pings of the server"),
  idleMs: integer("ROOKERY_IDLE_MS", 45_000, [100, HOUR_MS], "ms", EDGE,
    "silence after which a socket is closed with 4002"),
  lifetimeMs: integer("ROOKERY_LIFETIME_MS", 0, [0, 30 * 24 * HOUR_MS], "ms", EDGE,
    "age at which a socket is closed with 4004; 0 for never"),
  paceMaxMs: integer("ROOKERY_PACE_MAX_MS", 25, [0, 1000], "ms", EDGE,
    `longest beat in which a busy edge gathers deliveries; 0 delivers at once always${LATER}`),
  softBufferBytes: integer("ROOKERY_SOFT_BUFFER_BYTES", 128 * KIB, [KIB, 64 * MIB], "bytes", EDGE,
    `waiting for one socket: beyond this signals are shed${LATER}`),
  hardBufferBytes: integer("ROOKERY_HARD_BUFFER_BYTES", MIB, [KIB, 256 * MIB], "bytes", EDGE,
    "waiting for one socket: beyond this it is closed with 4001 and resumes"),

  presenceGraceMs: integer("ROOKERY_PRESENCE_GRACE_MS", 5000, [0, 10 * MIN_MS], "ms", EDGE,
    `time a user may be away before they are told to have left${LATER}`),
  leaseMs: integer("ROOKERY_LEASE_MS", 6000, [500, MIN_MS], "ms", SERVERS,
    "a node that has not renewed its lease for this long counts as dead"),
  digestAbove: integer("ROOKERY_DIGEST_ABOVE", 100, [1, 1_000_000], "members", EDGE,
    `members present beyond which presence is told in digests${LATER}`),
  countAbove: integer("ROOKERY_COUNT_ABOVE", 1000, [1, 10_000_000], "members", EDGE,
    `members present beyond which presence is only a count${LATER}`),
  balancerWaitMs: integer("ROOKERY_BALANCER_WAIT_MS", 0, [0, 10 * MIN_MS], "ms", PUBLIC,
    "time between readiness off and the end of listening, for a load balancer to notice"),
  drainMs: integer("ROOKERY_DRAIN_MS", 10_000, [0, HOUR_MS], "ms", EDGE,
    "window over which a stopping edge sends its clients elsewhere"),
} as const satisfies Record<string, AnyRow>;

export type SettingKey = keyof typeof SETTINGS;

/** The type of one setting's value, from its schema; an optional one may be undefined. */
export type SettingValue<K extends SettingKey> = (typeof SETTINGS)[K]["need"] extends "optional"
  ? Readable<Static<(typeof SETTINGS)[K]["schema"]>> | undefined
  : Readable<Static<(typeof SETTINGS)[K]["schema"]>>;

type Readable<T> = T extends readonly (infer Item)[] ? readonly Item[] : T;

/** Frozen values of the given keys. */
export type Settings<K extends SettingKey> = { readonly [Key in K]: SettingValue<Key> };

/** The keys that a service reads. */
export type ServiceKey<S extends ServiceName> = {
  [K in SettingKey]: S extends (typeof SETTINGS)[K]["usedBy"][number] ? K : never;
}[SettingKey];

/** Everything that a service reads. */
export type ServiceSettings<S extends ServiceName> = Settings<ServiceKey<S>>;

/** Whether a name is a setting's key. */
export function isSettingKey(name: string): name is SettingKey {
  return Object.hasOwn(SETTINGS, name);
}
