// The shipped balancers in front of a cluster's edges and api, with nothing changed but addresses, the port, the certificate,
// how many connections this machine has files for, and times that follow the heartbeat. Called by tests, which close what
// they start.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@rookery/testkit";
import type { Cluster, TestCertificates } from "@rookery/testkit";
import { defaultOf } from "./setting-names.ts";
import { debianTool } from "./tools.ts";

export type BalancerKind = "haproxy" | "nginx";

interface Shipped {
  readonly file: string;
  /** How it is started, in the foreground. */
  readonly args: (file: string, folder: string) => readonly string[];
  /** What stands in the file, to what stands there in a test. */
  readonly changes: (given: Given) => readonly (readonly [string | RegExp, string])[];
  readonly server: (name: string, port: string, internalPort: string) => readonly [string | RegExp, string];
  /** How long a socket may be silent, in the file: what stands before the seconds, and these. */
  readonly silence: RegExp;
  /** A request for a socket that has ended, in the log: the status of its answer. */
  readonly ended: RegExp;
}

interface Given {
  readonly port: number;
  readonly pem: string;
  /** How often the cluster's edges ping. */
  readonly heartbeatMs: number;
}

const SHIPPED: Readonly<Record<BalancerKind, Shipped>> = {
  haproxy: {
    file: "deploy/haproxy/haproxy.cfg",
    args: (file) => ["-db", "-f", file],
    changes: ({ port, pem }) => [
      ["bind :8443 ssl crt /etc/haproxy/tls/rookery.pem", `bind 127.0.0.1:${port} ssl crt ${pem}`],
      [/\bmaxconn \d+/, "maxconn 5000"],
      [/\bcheck port 9464 /g, "check "],
    ],
    server: (name, port, internalPort) => [
      `server ${name} ${name}:8080`,
      `server ${name} 127.0.0.1:${port} port ${internalPort}`,
    ],
    silence: /(timeout tunnel )(\d+)s/g,
    ended: / edges\/\S+ [-+\d/]+ (-?\d+) \S+ .*"GET [^"]*\/ws /g,
  },
  nginx: {
    file: "deploy/nginx/nginx.conf",
    args: (file, folder) => ["-c", file, "-p", folder, "-g", `daemon off; pid ${folder}/nginx.pid;`],
    changes: ({ port, pem }) => [
      ["listen 8443 ssl ", `listen 127.0.0.1:${port} ssl `],
      [/\/etc\/nginx\/tls\/rookery\.pem/g, pem],
      [/worker_rlimit_nofile \d+;/, ""],
      [/worker_connections \d+;/, "worker_connections 4000;"],
    ],
    server: (name, port) => [`server ${name}:8080`, `server 127.0.0.1:${port}`],
    silence: /(proxy_(?:read|send)_timeout )(90)s/g,
    ended: / (\d{3}) "GET \/ws" /g,
  },
};

export interface Balancer {
  readonly port: number;
  /** What it has logged, a line a request that ended. */
  log(this: void): string;
  /** What each request for a socket was answered, of those that have ended. */
  statuses(this: void): number[];
  close(this: void): Promise<void>;
}

/** Each file of tests has a process of its own. */
const FIRST_PORT = { haproxy: 18_400, nginx: 18_700 };
const PORTS = 300;

/** Undefined where there is none and none can be installed. */
export const balancerProgram = (kind: BalancerKind): string | undefined =>
  debianTool(kind, kind === "nginx" ? "nginx-light" : kind);

export async function startBalancer(
  kind: BalancerKind,
  cluster: { readonly ready: Pick<Cluster["ready"], "ws" | "api" | "processes"> },
  certificates: TestCertificates,
  heartbeatMs: number = defaultOf("heartbeatMs"),
): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), `rookery-${kind}-`));
  const pem = join(folder, "rookery.pem");
  const [certificate, key] = [certificates.files.cert, certificates.files.key].map((file) =>
    readFileSync(file, "utf8"),
  );
  await writeFile(pem, `${certificate}${key}`, { mode: 0o600 });
  const port = FIRST_PORT[kind] + (process.pid % PORTS);
  const file = join(folder, "balancer.conf");
  await writeFile(file, configuration(kind, { port, pem, heartbeatMs }, cluster.ready));
  // HAProxy drops lines that a pipe has no room for, and nginx cannot open one by the name that its file says.
  const output = join(folder, "output");
  const handle = await open(output, "a");
  const child = spawn(balancerProgram(kind) ?? kind, SHIPPED[kind].args(file, folder), {
    stdio: ["ignore", handle.fd, handle.fd],
  });
  await handle.close();
  const log = (): string => readFileSync(output, "utf8");
  const ended = new Promise((resolve) => child.once("close", resolve));
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const listening = eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`${kind} ended: ${log()}`);
      return listens(port);
    },
    { withinMs: 10_000, what: "a balancer that listens" },
  );
  await listening.catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const statuses = (): number[] => [...log().matchAll(SHIPPED[kind].ended)].map(([, status]) => Number(status));
  return { port, log, statuses, close };
}

/** A change that finds nothing to change is an error: the file says something else than the test believes. */
function configuration(
  kind: BalancerKind,
  given: Given,
  ready: Pick<Cluster["ready"], "ws" | "api" | "processes">,
): string {
  const { file, changes, server, silence } = SHIPPED[kind];
  const publicOf: Readonly<Record<string, string>> = {
    "edge-1": ready.ws[0] ?? "",
    "edge-2": ready.ws[1] ?? "",
    api: ready.api,
  };
  const servers = ready.processes.flatMap(({ name, internal = "" }) => {
    const address = publicOf[name];
    return address === undefined ? [] : [server(name, new URL(address).port, new URL(internal).port)];
  });
  const share = given.heartbeatMs / defaultOf("heartbeatMs");
  const shipped = readFileSync(file, "utf8");
  let text = shipped.replaceAll(silence, (_, name, seconds) => `${name}${Number(seconds) * share * 1000}ms`);
  if (text === shipped) throw new Error(`${file} does not say ${String(silence)}`);
  for (const [from, to] of [...changes(given), ...servers]) {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${file} does not say ${String(from)}`);
    text = changed;
  }
  return text;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.once("connect", () => socket.destroy());
  });
}
