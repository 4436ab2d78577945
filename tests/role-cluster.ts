// Owns a whole cluster of which every process has settings of its own: two edges, an api and two persisters, each kind with its
// own logins. Called by the tests of the hardened profile. Knows of Redis and Postgres nothing but what it is told.
import { createServer } from "node:net";
import { createMinter } from "@rookery/auth";
import { connectClient } from "@rookery/testkit";
import type { ChatClient } from "@rookery/testkit";
import { startService } from "./service-process.ts";
import type { ServiceKind, ServiceProcess, ServiceStart } from "./service-process.ts";
import { UNHURRIED } from "./talk.ts";

export const JWT_SECRET = "the secret of a test's user tokens, long enough";
export const API_KEY = "a-key-with-every-scope-for-a-test";
export const AUDIT_KEY = "the key of a test's audit log, 32 bytes";

export const PROCESSES = {
  "edge-1": "edge",
  "edge-2": "edge",
  api: "api",
  "persister-1": "persister",
  "persister-2": "persister",
} as const satisfies Record<string, ServiceKind>;

export type ProcessName = keyof typeof PROCESSES;

export interface RoleCluster {
  process(this: void, name: ProcessName): ServiceProcess;
  /** Starts one anew, after the former one ended. */
  start(this: void, name: ProcessName): Promise<ServiceProcess>;
  wsOf(this: void, edge: "edge-1" | "edge-2"): string;
  token(this: void, user: string, secret?: string): Promise<string>;
  /** A client that comes back to whatever edges there are. */
  client(this: void, user: string, edge: "edge-1" | "edge-2"): Promise<ChatClient>;
  /** Asks the api with the key of every scope; rejects with what it says where it refuses. */
  ask(this: void, method: string, path: string, body?: object, headers?: Record<string, string>): Promise<unknown>;
}

export interface RoleClusterOptions {
  /** Asked at each start of a process. */
  settingsOf(this: void, kind: ServiceKind): Readonly<Record<string, string>>;
  readonly atEnd: ServiceStart["atEnd"];
}

const COMMON = { NODE_ENV: "production", ROOKERY_CHANNELS_AUTO_CREATE: "public", ROOKERY_LEASE_MS: "2000" };

/** What each kind is told beside its stores, by value. */
export const SECRETS: Readonly<Record<ServiceKind, Readonly<Record<string, string>>>> = {
  edge: { ROOKERY_JWT_SECRET: JWT_SECRET },
  api: { ROOKERY_JWT_SECRET: JWT_SECRET, ROOKERY_API_KEY: API_KEY },
  persister: { ROOKERY_AUDIT_KEY: AUDIT_KEY },
};

const PUBLIC = { ROOKERY_ALLOWED_ORIGINS: "loopback", ROOKERY_BALANCER_WAIT_MS: "0" };
const LEFT_OUT: Readonly<Record<ServiceKind, Readonly<Record<string, string>>>> = {
  edge: { ...PUBLIC, ...UNHURRIED, ROOKERY_DRAIN_MS: "1000", ROOKERY_LOOPBACK_EXEMPT: "true" },
  api: { ...PUBLIC, ROOKERY_LOOPBACK_EXEMPT: "true" },
  persister: {},
};

/** A free port that no client is given by the kernel as its own while nobody listens there. */
async function lastingPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Resolves once every process is ready. */
export async function startRoleCluster({ settingsOf, atEnd }: RoleClusterOptions): Promise<RoleCluster> {
  const running = new Map<ProcessName, ServiceProcess>();
  const start = async (name: ProcessName): Promise<ServiceProcess> => {
    const kind = PROCESSES[name];
    // Brought back, it listens where it did before: clients know that address.
    const port = kind === "persister" ? {} : { ROOKERY_PORT: String(running.get(name)?.port ?? (await lastingPort())) };
    const settings = { ...COMMON, ...LEFT_OUT[kind], ROOKERY_NODE_NAME: name, ...port, ...settingsOf(kind) };
    const started = await startService({ kind, settings, atEnd });
    running.set(name, started);
    return started;
  };
  const process = (name: ProcessName): ServiceProcess => {
    const found = running.get(name);
    if (found === undefined) throw new Error(`${name} was not started`);
    return found;
  };
  const wsOf = (name: ProcessName): string => `ws://127.0.0.1:${process(name).port}/ws`;
  const token: RoleCluster["token"] = async (user, secret = JWT_SECRET) =>
    (await createMinter({ secret, issuer: "rookery", audience: "rookery" }).mint({ user, ttlSec: 900 })).token;
  // Persisters first, as the page on upgrades has it; edges and api wait for nobody.
  await Promise.all((["persister-1", "persister-2", "api", "edge-1", "edge-2"] as const).map(start));
  return {
    ...{ process, start, wsOf, token },
    client: async (user, edge) => {
      const urls = (["edge-1", "edge-2"] as const).map(wsOf);
      const shown = await token(user);
      return connectClient({ url: wsOf(edge), token: () => shown, name: user, reconnecting: { urls } });
    },
    ask: async (method, path, body, headers = {}) => {
      const asked = { authorization: `Bearer ${API_KEY}`, connection: "close" };
      const answer = await fetch(`http://127.0.0.1:${process("api").port}${path}`, {
        method,
        headers: { ...asked, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text === "" ? undefined : JSON.parse(text);
    },
  };
}
