// Whether what a deployment puts into a process's environment is known to that process: settings by the table in the code,
// and the few other variables that are read. Called by the tests of compose and Kubernetes; pure.
import { SETTINGS } from "@rookery/node";
import type { ServiceName } from "@rookery/node";

/** What is read besides settings: by Node, by uWebSockets.js and by the command line. */
const OTHERS: Readonly<Record<ServiceName, readonly string[]>> = {
  edge: ["NODE_ENV", "NODE_OPTIONS", "UWS_HTTP_MAX_HEADERS_SIZE"],
  api: ["NODE_ENV", "NODE_OPTIONS"],
  persister: ["NODE_ENV", "NODE_OPTIONS"],
  migrate: ["NODE_ENV", "RK_API", "RK_API_KEY_FILE"],
};

const rows = Object.values(SETTINGS);

/** Names that this part of Rookery does not read. */
export function unknownNames(part: ServiceName, names: readonly string[]): string[] {
  const read = rows.filter(({ usedBy }) => usedBy.some((reader) => reader === part));
  const settings = read.flatMap(({ env, fromFile }) => (fromFile ? [env, `${env}_FILE`] : [env]));
  const known = new Set<string>([...settings, ...OTHERS[part]]);
  return names.filter((name) => !known.has(name));
}

/** Names of settings that hold a secret and stand there with their value, which is to come from a file. */
export function secretsByValue(names: readonly string[]): string[] {
  const secret = rows.filter(({ fromFile, secrecy }) => fromFile && secrecy !== "open").map(({ env }) => env);
  return names.filter((name) => secret.some((env) => env === name) || /^RK_API_KEY$/.test(name));
}

/** What a setting is worth where nobody says otherwise; throws for one that is no number. */
export function defaultOf(
  key:
    | ("drainMs" | "balancerWaitMs" | "maxConnections" | "statementTimeoutMs")
    | ("port" | "internalPort" | "heartbeatMs" | "idleMs"),
): number {
  return SETTINGS[key].default;
}

/** What the end of a process takes at most, in ms, by the page on operating, without a pause before it is told. */
export function endTakesMs(part: ServiceName, env: Readonly<Record<string, string | number>>): number {
  const balancerMs = Number(env["ROOKERY_BALANCER_WAIT_MS"] ?? defaultOf("balancerWaitMs"));
  const drainMs = Number(env["ROOKERY_DRAIN_MS"] ?? defaultOf("drainMs"));
  const statementMs = Number(env["ROOKERY_STATEMENT_TIMEOUT_MS"] ?? defaultOf("statementTimeoutMs"));
  return {
    edge: balancerMs + 2 * drainMs + 15_000,
    api: balancerMs + 5_000,
    persister: statementMs + 4_000,
    migrate: 0,
  }[part];
}
