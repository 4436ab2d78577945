// Redis and Postgres of a `dev` cluster as members: started by @rookery/servers, on the same port and folder again after a
// death. Called by dev through slot.ts. It knows nothing of what is in them.
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { startPostgres, startRedis } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import { LAST_LINES } from "./member.ts";
import type { Member } from "./member.ts";

export interface BackingOptions {
  /** The cluster's data folder. */
  readonly folder: string;
  readonly ephemeral: boolean;
  readonly say: (line: string) => void;
}

export interface BackingMember extends Member {
  readonly url: string;
}

export interface BackingServer {
  /** Starts it, or starts it again where it was. */
  start(): Promise<BackingMember>;
}

interface Where {
  readonly dir: string;
  /** 0 for a free one. */
  readonly port: number;
  /** The first start of a temporary cluster takes the duty; a later one that fails must not take the data with it. */
  readonly removeDirAtEnd: boolean;
}
type Starter = (where: Where) => Promise<RunningServer>;

export function redisServer({ folder, ephemeral, say }: BackingOptions): BackingServer {
  return backing("redis", folder, ephemeral, (where) => startRedis({ ...where, say }));
}

export function postgresServer({ folder, ephemeral, say }: BackingOptions): BackingServer {
  return backing("postgres", folder, ephemeral, (where) => startPostgres({ ...where, ephemeral, say }));
}

function backing(name: string, folder: string, ephemeral: boolean, starter: Starter): BackingServer {
  let port = 0;
  const keepers: RunningServer[] = [];
  const start = async (): Promise<BackingMember> => {
    const removeDirAtEnd = ephemeral && keepers.length === 0;
    const server = await starter({ dir: join(folder, name), port, removeDirAtEnd });
    port = server.port;
    keepers.push(server);
    writeLog(server, join(folder, "logs", `${name}.log`));
    // The first keeper removes a temporary folder at its end, so those of former runs end with the last one.
    const stop = async (): Promise<void> => {
      for (const keeper of keepers.splice(0).toReversed()) await keeper.stop();
    };
    return memberOf(server, stop);
  };
  return { start };
}

function memberOf(server: RunningServer, stop: () => Promise<void>): BackingMember {
  let isOver = false;
  void server.exited.then(() => {
    isOver = true;
  });
  const kill = (): void => {
    if (!isOver) server.child.kill("SIGKILL");
  };
  const lastLines = (): Promise<readonly string[]> => Promise.resolve(server.tail().slice(-LAST_LINES));
  return { pid: server.pid, url: server.url, ended: server.exited, lastLines, stop, kill };
}

function writeLog(server: RunningServer, path: string): void {
  const log = createWriteStream(path, { flags: "a" });
  log.on("error", () => undefined);
  log.write(
    server
      .tail()
      .map((line) => `${line}\n`)
      .join(""),
  );
  server.child.stdout?.pipe(log, { end: false });
  server.child.stderr?.pipe(log, { end: false });
  void server.exited.then(() => log.end());
}
