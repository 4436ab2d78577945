// Counts what some connections ask of Redis, by MONITOR: what a script calls comes from no address and is not counted. Used
// where little is sent; MONITOR itself costs Redis as much as what it shows.

import type { Rig } from "./rig.ts";

export interface HeardCommands {
  /** So far. */
  commands(this: void): number;
  stop(this: void): void;
}

/** Of all connections that Redis serves. */
export async function addresses({ redis }: Pick<Rig, "redis">): Promise<Set<string>> {
  const list = String(await redis.client("LIST"));
  return new Set([...list.matchAll(/ addr=(\S+)/g)].map(([, address = ""]) => address));
}

/** Of these connections. */
export async function hearCommands(
  { redis }: Pick<Rig, "redis">,
  sources: ReadonlySet<string>,
): Promise<HeardCommands> {
  const heard = await redis.monitor();
  let commands = 0;
  heard.on("monitor", (_at: string, _command: string[], source: string) => (commands += sources.has(source) ? 1 : 0));
  return { commands: () => commands, stop: () => heard.disconnect() };
}
