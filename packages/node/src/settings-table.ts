// The one table of every setting of every process: name, default, unit, range, meaning, and who reads it; and its types.
// The loader, the README's table and the types all come from here; nothing else may name a `ROOKERY_*` variable that is
// not in it. Rows of one theme stand in files of their own; their order here is the order in which they are told.
import { COUNT_ABOVE_MEMBERS, DIGEST_ABOVE_MEMBERS, LEAVE_GRACE_MS } from "@rookery/protocol";
import { integer, listenHost, networkList, originList, processRows, word } from "@rookery/runtime";
import type { AnyRow, ServiceValues, SettingsTable } from "@rookery/runtime";
import { AUDIT_ROWS, AUDIT_RULES } from "./audit-rows.ts";
import { PAGE_ROWS } from "./page-rows.ts";
import { ALL, API, EDGE, PUBLIC, SERVERS } from "./services.ts";
import type { ServiceName } from "./services.ts";
import { SESSION_ROWS } from "./session-rows.ts";
import { STORE_ROWS, STORE_RULES } from "./store-rows.ts";
import { TOKEN_ROWS, TOKEN_RULES } from "./token-rows.ts";
import { HOUR_MS, MIN_MS } from "./units.ts";

const { nodeName, ...ofProcess } = processRows(SERVERS, ALL);

/**
 * Every setting, one row each: name, default (none for required, optional and secret rows), range or form, unit, readers,
 * meaning. The key is what code reads and what a configuration file holds.
 */
// prettier-ignore
export const SETTINGS = {
  nodeName,
  host: listenHost("ROOKERY_HOST", "127.0.0.1", PUBLIC,
    "address of the public port; loopback until somebody says otherwise"),
  port: integer("ROOKERY_PORT", 8080, [0, 65_535], "port", PUBLIC,
    "public port, 0 takes a free one; edges may share it"),
  ...ofProcess,

  ...STORE_ROWS,

  ...TOKEN_ROWS,

  ...AUDIT_ROWS,

  allowedOrigins: originList("ROOKERY_ALLOWED_ORIGINS", PUBLIC,
    "origins whose pages may connect; `loopback` is any page of this machine (localhost, 127.0.0.0/8, [::1], any port); clients without an Origin are not concerned"),
  trustedProxies: networkList("ROOKERY_TRUSTED_PROXIES", PUBLIC,
    "proxies whose word on the client's address is taken"),
  requestsPerMin: integer("ROOKERY_REQUESTS_PER_MIN", 600, [1, 1_000_000], "per min", API,
    "requests of one caller to the REST API"),
  ...PAGE_ROWS,

  channelsAutoCreate: word("ROOKERY_CHANNELS_AUTO_CREATE", ["off", "public"], PUBLIC,
    "`public`: joining an unknown channel makes it, public; `off`: it is not_found"),

  ...SESSION_ROWS,

  presenceGraceMs: integer("ROOKERY_PRESENCE_GRACE_MS", LEAVE_GRACE_MS, [0, 10 * MIN_MS], "ms", EDGE,
    "time a user may be away before they are told to have left; 0 tells it at once"),
  // Three beats, one every 2 s, may be lost.
  leaseMs: integer("ROOKERY_LEASE_MS", 6000, [500, MIN_MS], "ms", SERVERS,
    "a node that has not renewed its lease for this long counts as dead"),
  digestAbove: integer("ROOKERY_DIGEST_ABOVE", DIGEST_ABOVE_MEMBERS, [1, 1_000_000], "members", PUBLIC,
    "members present beyond which presence is told in digests, where a channel has no number of its own"),
  countAbove: integer("ROOKERY_COUNT_ABOVE", COUNT_ABOVE_MEMBERS, [1, 10_000_000], "members", PUBLIC,
    "members present beyond which presence is only a count, where a channel has no number of its own"),
  balancerWaitMs: integer("ROOKERY_BALANCER_WAIT_MS", 0, [0, 10 * MIN_MS], "ms", PUBLIC,
    "time between readiness off and the end of listening, for a load balancer to notice"),
  drainMs: integer("ROOKERY_DRAIN_MS", 10_000, [0, HOUR_MS], "ms", EDGE,
    "window over which a stopping edge sends its clients elsewhere"),
} as const satisfies Record<string, AnyRow>;

/** What the loader and a start are handed. */
export const SETTINGS_TABLE: SettingsTable<typeof SETTINGS> = {
  rows: SETTINGS,
  rules: [...STORE_RULES, ...TOKEN_RULES, ...AUDIT_RULES],
  fileExample: "sendsPerSec: 20",
};

export type SettingKey = keyof typeof SETTINGS;

/** The frozen values of everything that a service reads; an optional one may be undefined. */
export type ServiceSettings<S extends ServiceName> = ServiceValues<typeof SETTINGS, S>;

/** Whether a name is a setting's key. */
export function isSettingKey(name: string): name is SettingKey {
  return Object.hasOwn(SETTINGS, name);
}
