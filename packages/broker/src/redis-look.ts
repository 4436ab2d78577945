// One look at a Redis for whoever is about to rely on it: what each master says of itself, what the cluster has written down
// there, what our user may do. Called by `rookery doctor`. Bounded in time, writes nothing, and judges nothing: what could not
// be asked is told as not seen.
import { connectRedis, connectSentinels, faultOf, isReady, mastersOf, whenReady } from "./connect.ts";
import type { RedisConnection, ServerConnection } from "./connect.ts";
import { createClusterMarks } from "./cluster-marks.ts";
import type { EntryId } from "./entry-id.ts";
import { parseInfo } from "./fitness.ts";
import type { Keys } from "./keys.ts";
import { neededCommands } from "./needed-commands.ts";
import type { NeededCommand, RedisUser } from "./needed-commands.ts";
import { readStoredIds } from "./stored-ids.ts";

/** By name, as INFO and CONFIG GET tell it. */
export type Told = ReadonlyMap<string, string>;

export interface ServerLook {
  /** Host and port. */
  readonly name: string;
  /** Why it could not be asked; nothing else is known then. */
  readonly fault?: string;
  readonly info: Told;
  /** Undefined where our user may not ask. */
  readonly config: Told | undefined;
  /** Its clock, between two moments of ours. Undefined where our user may not ask. */
  readonly clock: ClockLook | undefined;
  /** The commands that our user may not run there, in words. Undefined where it may not even run a script. */
  readonly lacking: readonly string[] | undefined;
}

/** A question that left at `sentMs` and was answered by `receivedMs`, both ours, with the server's time. */
export interface ClockLook {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly serverMs: number;
}

export interface SentinelLook {
  readonly name: string;
  /** Why it does not serve; undefined when it names a master. */
  readonly fault: string | undefined;
}

export interface RedisLook {
  /** Why there is no way to it; nothing else is known then. */
  readonly fault?: string;
  readonly masters: readonly ServerLook[];
  readonly sentinels: readonly SentinelLook[];
  /** Of a Cluster, what CLUSTER INFO says. */
  readonly slots: Told | undefined;
  /** What is recorded, empty where nothing is; undefined where our user may not look. */
  readonly partitions: string | undefined;
  readonly cluster: string | undefined;
  /** Up to where Redis was told that each partition is saved. */
  readonly stored: ReadonlyMap<number, EntryId> | undefined;
}

export interface RedisLookOptions {
  readonly url: string;
  readonly ca: string | undefined;
  readonly keys: Keys;
  readonly user: RedisUser;
  /** All of it. */
  readonly withinMs: number;
}

const NOTHING: RedisLook = {
  ...{ masters: [], sentinels: [], slots: undefined, partitions: undefined, cluster: undefined, stored: undefined },
};

/** Never rejects, and never takes longer than it was given by more than a moment. */
export async function lookAtRedis(options: RedisLookOptions): Promise<RedisLook> {
  const { url, ca, withinMs } = options;
  // Half for the way there, half for the questions, which are all asked at once.
  const commandTimeoutMs = withinMs / 2;
  const access = { url, ca, commandTimeoutMs, use: "outbox" } as const;
  const connection = connectRedis({ ...access, use: "reads" });
  const sentinels = connectSentinels(access);
  try {
    const [look, watchers] = await Promise.all([
      lookThrough(connection, options, commandTimeoutMs),
      Promise.all(sentinels.map((each) => lookAtSentinel(each, url, commandTimeoutMs))),
    ]);
    return { ...look, sentinels: watchers };
  } finally {
    connection.disconnect();
    for (const each of sentinels) each.disconnect();
  }
}

async function lookThrough(
  connection: RedisConnection,
  { keys, user }: RedisLookOptions,
  readyWithinMs: number,
): Promise<RedisLook> {
  try {
    await whenReady(connection, readyWithinMs);
  } catch (error) {
    // A Cluster is ready before all of its masters are.
    if (!isReady(connection)) return { ...NOTHING, fault: wordsOf(error) };
  }
  const masters = mastersOf(connection);
  const needed = neededCommands(user, keys);
  const [servers, slots, partitions, cluster, stored] = await Promise.all([
    Promise.all(masters.map((master) => lookAtServer(master, needed))),
    connection.isCluster ? clusterInfo(masters) : undefined,
    orUnseen(connection.get(keys.partitionCount).then((count) => count ?? "")),
    orUnseen(
      createClusterMarks(connection, keys)
        .read()
        .then((mark) => mark?.cluster ?? ""),
    ),
    orUnseen(readStoredIds(connection, keys)),
  ]);
  return { masters: servers, sentinels: [], slots, partitions, cluster, stored };
}

const nameOf = ({ options: { host = "localhost", port = 6379 } }: ServerConnection): string => `${host}:${port}`;

const ASKED_SETTINGS = ["save", "client-output-buffer-limit", "min-replicas-to-write"] as const;

async function lookAtServer(server: ServerConnection, needed: readonly NeededCommand[]): Promise<ServerLook> {
  const name = nameOf(server);
  const sentMs = Date.now();
  const time = server.time().then((answer) => ({ sentMs, receivedMs: Date.now(), serverMs: ms(answer) }));
  try {
    const [info, config, clock, lacking] = await Promise.all([
      server.info(),
      ifAllowed(server.config("GET", ...ASKED_SETTINGS)),
      ifAllowed(time),
      ifAllowed(lackingOn(server, needed)),
    ]);
    return { name, info: parseInfo(info), config: configOf(config), clock, lacking };
  } catch (error) {
    const unknown = { config: undefined, clock: undefined, lacking: undefined };
    return { name, fault: wordsOf(error), info: new Map(), ...unknown };
  }
}

const ms = ([seconds, micros]: readonly unknown[]): number => Number(seconds) * 1_000 + Number(micros) / 1_000;

/** Pairs come one after the other, names before values. */
function configOf(answer: unknown): Told | undefined {
  if (!Array.isArray(answer)) return undefined;
  const words = answer.map(String);
  return new Map(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ""] as const] : [])));
}

async function clusterInfo(masters: readonly ServerConnection[]): Promise<Told | undefined> {
  const answers = await Promise.allSettled(masters.map((master) => master.cluster("INFO")));
  const told = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  return told[0] === undefined ? undefined : parseInfo(told[0]);
}

/** Redis judges the commands, one by one, and runs none: a script may ask it what its caller may do. */
const MAY = `local lacking = {}
for _, command in ipairs(cjson.decode(ARGV[1])) do
  if not redis.acl_check_cmd(unpack(command)) then lacking[#lacking + 1] = command[1] .. " " .. (command[2] or "") end
end
return lacking`;

async function lackingOn(server: ServerConnection, needed: readonly NeededCommand[]): Promise<readonly string[]> {
  const answer: unknown = await server.eval(MAY, 0, JSON.stringify(needed));
  return Array.isArray(answer) ? answer.map((each) => String(each).trim()) : [];
}

async function lookAtSentinel(sentinel: ServerConnection, url: string, withinMs: number): Promise<SentinelLook> {
  const name = nameOf(sentinel);
  const group = url.slice(url.lastIndexOf("/") + 1);
  try {
    await whenReady(sentinel, withinMs);
    const master: unknown = await sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", group);
    return { name, fault: master === null ? `it knows no group of this name` : undefined };
  } catch (error) {
    return { name, fault: faultOf(sentinel) ?? wordsOf(error) };
  }
}

/** Undefined where our user may not ask. */
async function ifAllowed<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  return asked.catch((error: unknown) => {
    if (wordsOf(error).startsWith("NOPERM")) return undefined;
    throw error;
  });
}

/** Of a key whose master is gone: that is told of elsewhere. */
async function orUnseen<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  return asked.catch(() => undefined);
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
