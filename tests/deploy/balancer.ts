// The shipped HAProxy in front of a cluster's edges and api, with nothing changed but addresses, the port, the certificate and how
// many connections this machine has files for.
// Called by tests; ends with the file that started it.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@rookery/testkit";
import type { Cluster, TestCertificates } from "@rookery/testkit";
import { afterAll } from "vitest";

export interface Balancer {
  readonly port: number;
  /** What it has logged, a line a request that ended. */
  log(this: void): string;
}

/** One is looked for where the file says 8443, and tried until it is free. */
const PORTS = { first: 18_443, count: 200 };

export async function startBalancer(
  program: string,
  { ready }: Cluster,
  certificates: TestCertificates,
): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), "rookery-haproxy-"));
  const pem = join(folder, "rookery.pem");
  const [certificate, key] = [certificates.files.cert, certificates.files.key].map((file) =>
    readFileSync(file, "utf8"),
  );
  await writeFile(pem, `${certificate}${key}`, { mode: 0o600 });
  const port = PORTS.first + (process.pid % PORTS.count);
  const file = join(folder, "haproxy.cfg");
  await writeFile(file, configuration({ port, pem, ready }));
  const child = spawn(program, ["-db", "-f", file], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += String(bytes)));
  const ended = new Promise((resolve) => child.once("close", resolve));
  afterAll(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`haproxy ended: ${said}`);
      return listens(port);
    },
    { withinMs: 10_000, what: "a balancer that listens" },
  );
  return { port, log: () => said };
}

interface Given {
  readonly port: number;
  readonly pem: string;
  readonly ready: Cluster["ready"];
}

/** Each name of the file that is not changed would fail its start. */
function configuration({ port, pem, ready }: Given): string {
  const publicOf: Readonly<Record<string, string>> = {
    "edge-1": ready.ws[0] ?? "",
    "edge-2": ready.ws[1] ?? "",
    api: ready.api,
  };
  let text = readFileSync("deploy/haproxy/haproxy.cfg", "utf8")
    .replace("bind :8443 ssl crt /etc/haproxy/tls/rookery.pem", `bind 127.0.0.1:${port} ssl crt ${pem}`)
    .replace(/\bmaxconn \d+/, "maxconn 5000")
    .replaceAll("check port 9464 ", "check ");
  for (const { name, internal = "" } of ready.processes) {
    const address = publicOf[name];
    if (address === undefined) continue;
    text = text.replace(
      `server ${name} ${name}:8080`,
      `server ${name} 127.0.0.1:${new URL(address).port} port ${new URL(internal).port}`,
    );
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
