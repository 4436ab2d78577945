// Redis and Postgres of a `dev` cluster as members: started by @rookery/servers, on the same port and folder again after a
// death. Called by dev through slot.ts. It knows nothing of what is in them.
import { join } from "node:path";
import { keepLog, memberNames, startPostgres, startRedisTopology } from "@rookery/servers";
import type { RedisKind, RunningServer } from "@rookery/servers";
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

/** All that serves as Redis: each member comes back by itself, where it was. */
export interface RedisMembers {
  readonly members: readonly { readonly name: string; readonly server: BackingServer }[];
  /** Of the whole; rejects when that does not come about. */
  readonly url: Promise<string>;
}

/** Begins at once; a member's first start is done when the whole is. A temporary folder goes as a whole, by whoever made it. */
export function redisServers({ folder, say }: BackingOptions, kind: RedisKind): RedisMembers {
  const whole = startRedisTopology({ kind, dir: folder, say });
  const serverOf = (name: string): BackingServer => {
    let starts = 0;
    return {
      start: async () => {
        const { servers, sentinels } = await whole;
        const member = [...servers, ...sentinels].find((one) => one.name === name);
        if (member === undefined) throw new Error(`a ${kind} has no ${name}`);
        starts += 1;
        const server = starts === 1 ? member.process : await member.restart();
        keepLog(server, join(folder, "logs", `${name}.log`));
        return memberOf(server, server.stop);
      },
    };
  };
  const members = memberNames(kind).map((name) => ({ name, server: serverOf(name) }));
  return { members, url: whole.then(({ url }) => url) };
}

export function postgresServer({ folder, ephemeral, say }: BackingOptions): BackingServer {
  let port = 0;
  const keepers: RunningServer[] = [];
  const start = async (): Promise<BackingMember> => {
    // The first start of a temporary cluster takes the duty; a later one that fails must not take the data with it.
    const removeDirAtEnd = ephemeral && keepers.length === 0;
    const server = await startPostgres({ dir: join(folder, "postgres"), port, removeDirAtEnd, ephemeral, say });
    port = server.port;
    keepers.push(server);
    keepLog(server, join(folder, "logs", "postgres.log"));
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
