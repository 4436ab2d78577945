// Poolers of connections in front of a real Postgres, for tests: PgBouncer itself where it is installed, and small fronts
// that answer with its very bytes everywhere.
import { existsSync } from "node:fs";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKeeper } from "@rookery/servers";
import { eventually } from "@rookery/testkit";
import { onTestFinished } from "vitest";

/** PgBouncer 1.18 to a start with `statement_timeout`: severity, SQLSTATE and message, then the end of the connection. */
const UNSUPPORTED = errorResponse("FATAL", "08P01", "unsupported startup parameter: statement_timeout");
function errorResponse(severity: string, code: string, message: string): Buffer {
  const fields = Buffer.from(`S${severity}\0V${severity}\0C${code}\0M${message}\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** What a front does with bytes of a client: true when it has answered them itself. */
type Answer = (bytes: Buffer, client: Socket) => boolean;

/** Refuses the start of any connection that brings a timeout, as a stock PgBouncer does. */
export const refusesTimeouts = (): Answer => {
  const started = new WeakSet<Socket>();
  return (bytes, client) => {
    if (started.has(client) || !bytes.includes("statement_timeout")) {
      started.add(client);
      return false;
    }
    client.end(UNSUPPORTED);
    return true;
  };
};

/** A front before the server of a URL; the URL through it. */
export async function startFront(target: string, answer: Answer): Promise<string> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const { hostname, port } = new URL(target);
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        client.destroySoon();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      if (!answer(bytes, client)) upstream.write(bytes);
    });
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  return through(target, typeof address === "object" && address !== null ? address.port : 0);
}

function through(target: string, port: number): string {
  const url = new URL(target);
  url.port = String(port);
  return url.href;
}

const PGBOUNCER = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].find((path) =>
  existsSync(path),
);
export const hasPgBouncer = PGBOUNCER !== undefined;
/** It refuses to be root; anybody else may run it. */
const NOBODY = 65_534;
const RUN_AS = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined;

/** PgBouncer in transaction mode, all else as it comes, two connections to the server; the URL through it. */
export async function startPgBouncer(target: string, lines: readonly string[] = []): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(target);
  const folder = await mkdtemp(join(tmpdir(), "rookery-pgbouncer-"));
  await chmod(folder, 0o755);
  const own = await freePort();
  const database = pathname.slice(1);
  const config = [
    "[databases]",
    `${database} = host=${hostname} port=${port} dbname=${database} user=${username} password=${password}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${own}`,
    "unix_socket_dir =",
    "auth_type = any",
    "pool_mode = transaction",
    "default_pool_size = 2",
    ...lines,
  ];
  await writeFile(join(folder, "pgbouncer.ini"), config.join("\n"));
  const keeper = startKeeper({ stopSignal: "TERM", graceMs: 1000, folder });
  onTestFinished(keeper.end);
  const args = [join(folder, "pgbouncer.ini")];
  const kept = await keeper.start({ command: PGBOUNCER ?? "", args, cwd: "/", runAs: RUN_AS });
  await eventually(() => kept.tail().some((line) => line.includes("process up")));
  return through(target, own);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}
