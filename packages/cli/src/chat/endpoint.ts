// Where a cluster is and with which token to enter it: from flags, else the environment, else the note that a running
// `dev` left in this directory. Called by tail and send.
import { join, resolve } from "node:path";
import { userInfo } from "node:os";
import { createMinter } from "@rookery/auth";
import { isUserId } from "@rookery/protocol";
import type { Command } from "commander";
import { DATA_FOLDER, readClusterFile } from "../cluster-file.ts";
import type { ReadyLine } from "../cluster-file.ts";
import { messageOf, UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { address, userId } from "../option-values.ts";
import { tlsHint } from "./tls-hint.ts";

export interface EndpointOptions {
  readonly url?: string;
  readonly api?: string;
  readonly token?: string;
  readonly as?: string;
  readonly data?: string;
}

export interface Endpoint {
  /** Edges, in the order in which they are to be tried; at least one. */
  readonly urls: readonly string[];
  /** A token to enter with; a new one each time where that is possible. Rejects when `until` is aborted meanwhile. */
  token(until: AbortSignal): Promise<string>;
  readonly isRenewable: boolean;
}

/** Variables of the command line alone; names with ROOKERY_ are settings of services. */
const ENV = { url: "RK_URL", api: "RK_API", token: "RK_TOKEN" } as const;
/** Long enough that a tail over a night needs no other. */
const TTL_SEC = 24 * 3600;
const API_ANSWERS_WITHIN_MS = 10_000;

// prettier-ignore
export function addEndpointOptions(command: Command): Command {
  return command
    .option("--url <address>", `an edge's address, ws://host:port/ws (or ${ENV.url})`, address("ws", "wss"))
    .option("--api <address>", `the api's address, asked for a guest token when there is no other (or ${ENV.api})`, address("http", "https"))
    .option("--token <jwt>", `enter with this token (better ${ENV.token}: other users see command lines)`)
    .option("--as <user>", "enter as this user (default: your name on this machine)", userId)
    .option("--data <folder>", `data folder of the \`rookery dev\` to talk to (default: ${DATA_FOLDER} here)`);
}

/** Throws a usage error when nothing tells where the cluster is or how to enter it. */
export async function findEndpoint(given: EndpointOptions, io: Io): Promise<Endpoint> {
  const url = given.url ?? addressIn(io, ENV.url, "ws", "wss");
  const fixed = given.token ?? text(io, ENV.token);
  const apiGiven = given.api ?? addressIn(io, ENV.api, "http", "https");
  const isElsewhere = url !== undefined && (fixed ?? apiGiven) !== undefined;
  const note = isElsewhere ? undefined : await readClusterFile(dataFolder(given, io));
  const urls = url === undefined ? (note?.ws ?? []) : [url];
  if (urls.length === 0) throw new UsageError(nowhereText(given, io));
  if (fixed !== undefined) return { urls, token: () => Promise.resolve(fixed), isRenewable: false };
  // The note's secret opens only the cluster that it is about.
  const own = note !== undefined && urls.every((each) => note.ws.includes(each)) ? note : undefined;
  const user = given.as ?? ownName();
  const secret = own?.jwt.secret;
  if (own !== undefined && secret !== undefined) {
    return { urls, token: () => minted(own, secret, user), isRenewable: true };
  }
  const api = apiGiven ?? own?.api;
  if (api === undefined)
    throw new UsageError(
      `nothing tells how to enter ${String(urls[0])}: give --token (${ENV.token}) or --api (${ENV.api})`,
    );
  return { urls, token: (until) => guestToken(api, user, until), isRenewable: true };
}

/** The folder whose note is read. */
export function dataFolder({ data }: Pick<EndpointOptions, "data">, io: Io): string {
  return resolve(io.cwd, data ?? DATA_FOLDER);
}

async function minted({ jwt }: ReadyLine, secret: string, user: string): Promise<string> {
  const { token } = await createMinter({ ...jwt, secret }).mint({ user, ttlSec: TTL_SEC });
  return token;
}

async function guestToken(api: string, name: string, until: AbortSignal): Promise<string> {
  const signal = AbortSignal.any([until, AbortSignal.timeout(API_ANSWERS_WITHIN_MS)]);
  const answer = await fetch(new URL("/v1/auth/guest", api), {
    method: "POST",
    signal,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name }),
  }).catch((error: unknown) => {
    const why = messageOf(error);
    const hint = tlsHint(api, why) ?? `--api or ${ENV.api} says where it is`;
    throw new Error(`${api} cannot be asked for a guest token: ${why} (${hint})`);
  });
  const body: unknown = await answer.json().catch(() => undefined);
  const hasToken = typeof body === "object" && body !== null && "token" in body;
  if (answer.ok && hasToken && typeof body.token === "string") return body.token;
  throw new Error(`${api} gives no guest token (HTTP ${answer.status}): give --token (${ENV.token})`);
}

/** The name of whoever gives the command, on this machine. */
export function ownName(): string {
  try {
    const { username } = userInfo();
    return isUserId(username) ? username : "rookery";
  } catch {
    // A user id without an entry in the system's table, as in many containers.
    return "rookery";
  }
}

/** Of a variable, judged as the flag of the same meaning is; undefined where it is not set. */
export function addressIn(io: Io, name: string, ...schemes: readonly string[]): string | undefined {
  const given = text(io, name);
  if (given === undefined) return undefined;
  try {
    return address(...schemes)(given);
  } catch (error) {
    throw new UsageError(`${name}: ${messageOf(error)}`);
  }
}

function text({ env }: Io, name: string): string | undefined {
  return env[name] === "" ? undefined : env[name];
}

function nowhereText(given: EndpointOptions, io: Io): string {
  const file = join(dataFolder(given, io), "cluster.json");
  return `no cluster runs here (${file} is missing): start one with \`rookery dev\`, or give --url (${ENV.url})`;
}
