// Owns a Redis or a Postgres of the lab that dies and comes back on the same port and folder. Called by world.ts.
// States: running, dead, stopped. Must never leave its folder behind: the first start takes that duty, so a later one that
// fails does not take the data with it.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepLog } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import { lastingPort } from "./lasting-port.ts";

export interface KeptServer {
  readonly name: string;
  readonly url: string;
  /** Where its data is. */
  readonly dir: string;
  readonly pid: () => number;
  /** Ends it at once; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** Brings it back where it was; nothing when it runs. */
  readonly revive: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export type Starter = (where: { dir: string; port: number; removeDirAtEnd: boolean }) => Promise<RunningServer>;

/** What it says, in all its lives, is in `<name>.log` of the folder `logs`, which outlives it. */
export async function keepServer(name: string, logs: string, starter: Starter): Promise<KeptServer> {
  const above = await mkdtemp(join(tmpdir(), `rookery-lab-${name}-`));
  // Where this process is root, Postgres is not, and has to enter.
  await chmod(above, 0o755);
  const dir = join(above, "data");
  const port = await lastingPort();
  const first = await starter({ dir, port, removeDirAtEnd: true });
  const lives = [first];
  let isOver = false;
  const follow = (server: RunningServer): void => {
    isOver = false;
    keepLog(server, join(logs, `${name}.log`));
    void server.exited.then(() => {
      isOver = true;
    });
  };
  follow(first);
  const current = (): RunningServer => lives.at(-1) ?? first;
  return {
    name,
    url: first.url,
    dir: first.dir,
    pid: () => current().pid,
    kill: async () => {
      if (!isOver) process.kill(current().pid, "SIGKILL");
      await current().exited;
    },
    revive: async () => {
      if (!isOver) return;
      const next = await starter({ dir, port, removeDirAtEnd: false });
      lives.push(next);
      follow(next);
    },
    stop: async () => {
      for (const life of lives.splice(1).toReversed()) await life.stop();
      await first.stop();
      await rm(above, { recursive: true, force: true });
    },
  };
}
