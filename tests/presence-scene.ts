// Owns the scene of the model of presence: three real edges before one Redis, an observer whom no fault meets, devices of users,
// and what Redis and the edges say of them. Called by the model's test. It knows who is connected where only as it is told.
import { createKeys, createPartitions } from "@rookery/broker";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame, TestRedis } from "@rookery/testkit";
import { expect } from "vitest";

export const LEASE_MS = 1500;
const GRACE_MS = 300;
const DRAIN_MS = 400;
export const EDGES = 3;
/** Of whoever watches: never killed, frozen or drained. */
export const SAFE = 0;
/** Whatever heals by itself has healed by then, on a busy machine too. */
export const QUIET_WITHIN_MS = 40_000;
const PASSING: ReadonlySet<unknown> = new Set(["unavailable", "overloaded", "rate_limited", "unknown"]);
const keys = createKeys(createPartitions(64));

export const startPresenceCluster = (redisUrl: string): Promise<Cluster> =>
  startCluster({
    ...{ edges: EDGES, redisUrl, restart: true },
    set: {
      ROOKERY_LEASE_MS: String(LEASE_MS),
      ROOKERY_PRESENCE_GRACE_MS: String(GRACE_MS),
      ROOKERY_DRAIN_MS: String(DRAIN_MS),
    },
  });

/** Asks until the answer is none that passes by itself. */
export async function insist(client: ChatClient, frame: Frame): Promise<Frame> {
  const answer = await eventually(
    async () => {
      const reply = await client.request(frame);
      return !PASSING.has(reply.code) && reply;
    },
    { withinMs: QUIET_WITHIN_MS, everyMs: 100, what: `an answer to ${frame.type}` },
  );
  expect(answer).toMatchObject({ type: "ok" });
  return answer;
}

const nameOf = (edge: number): string => `edge-${edge + 1}`;

/** Processes as faults meet them. */
export function createEdges(cluster: Cluster, { redis }: TestRedis) {
  const returning = new Map<number, Promise<unknown>>();

  const ends = (edge: number, signal: NodeJS.Signals): void => {
    cluster.kill(nameOf(edge), signal);
    const back = cluster.restarted(nameOf(edge), QUIET_WITHIN_MS);
    // Whoever needs it awaits it; a test that failed elsewhere does not.
    back.catch(() => undefined);
    returning.set(edge, back);
  };

  /** The ids of the edges by process, as Redis lists them; those of processes that are gone count as edge -1. */
  async function listed(): Promise<Map<string, number>> {
    const pids = Array.from({ length: EDGES }, (_, edge) => cluster.pid(nameOf(edge)));
    const records = Object.entries(await redis.hgetall(keys.nodes)).map(([node, text]) => {
      const record: unknown = JSON.parse(text);
      const isRecord = typeof record === "object" && record !== null && "kind" in record && "pid" in record;
      return { node, kind: isRecord ? record.kind : "", edge: isRecord ? pids.indexOf(Number(record.pid)) : -1 };
    });
    return new Map(records.filter(({ kind }) => kind === "edge").map(({ node, edge }) => [node, edge]));
  }

  async function untilUp(edge: number): Promise<void> {
    await returning.get(edge);
  }

  return {
    ...{ listed, untilUp },
    kill: (edge: number): void => ends(edge, "SIGKILL"),
    drain: (edge: number): void => ends(edge, "SIGTERM"),
    /** Resolves when the edge has been given up: at once, or after it was cleared away after. */
    async freeze(edge: number): Promise<void> {
      const former = [...(await listed())].flatMap(([node, of]) => (of === edge ? [node] : []));
      cluster.kill(nameOf(edge), "SIGSTOP");
      const isGivenUp = async (node: string): Promise<boolean> => !(await redis.get(keys.node(node)))?.startsWith("{");
      await eventually(async () => (await Promise.all(former.map(isGivenUp))).every(Boolean), {
        ...{ withinMs: QUIET_WITHIN_MS, everyMs: 10, what: "the end of a frozen edge's lease" },
      });
    },
    thaw: (edge: number): void => cluster.kill(nameOf(edge), "SIGCONT"),
  };
}

export type Edges = ReturnType<typeof createEdges>;

/** Of one user: connections in a channel by edge, or in all. */
export type ByEdge = readonly number[];

export interface Told {
  /** By channel, then by user. */
  readonly here: Record<string, Record<string, ByEdge>>;
  readonly sums: Record<string, Record<string, number>>;
  readonly who: Record<string, string[]>;
  /** By user. */
  readonly sessions: Record<string, ByEdge>;
  /** Nodes that are gone and something of which is left. */
  readonly strays: string[];
}

const sumsOf = (held: Record<string, string>): Record<string, number> =>
  Object.fromEntries(Object.entries(held).map(([user, count]) => [user, Number(count.split("|")[0])]));

/** All that Redis holds of presence, read by edge. */
export async function toldByRedis(
  { redis }: TestRedis,
  edges: Edges,
  channels: readonly string[],
  users: readonly string[],
): Promise<Told> {
  const nodes = await edges.listed();
  const told: Told = { here: {}, sums: {}, who: {}, sessions: {}, strays: [] };
  for (const channel of channels) {
    const own = keys.channel(channel);
    told.sums[channel] = sumsOf(await redis.hgetall(own.here));
    told.who[channel] = await redis.zrange(own.who, "0", "-1");
    const here: Record<string, number[]> = {};
    for (const [node, edge] of nodes)
      for (const [user, count] of Object.entries(await redis.hgetall(own.hereOn(node))))
        (here[user] ??= Array.from({ length: EDGES }, () => 0))[edge] = Number(count);
    told.here[channel] = here;
  }
  for (const user of users) {
    const found = await redis.hvals(keys.user(user).sessions);
    const at = found.map((record) => nodes.get(record.split("|")[0] ?? "") ?? -1);
    if (at.length > 0) told.sessions[user] = edgesCounted(at);
  }
  const alive = [...nodes].flatMap(([node, edge]) => (edge >= 0 ? [node] : []));
  const left = (await redis.keys("{*")).filter((key) => /:(?:lease|hereon):/.test(key));
  told.strays.push(...[...nodes].flatMap(([node, edge]) => (edge < 0 ? [node] : [])));
  told.strays.push(
    ...left.filter((key) => !alive.some((node) => key.endsWith(`:${node}`) || key.endsWith(`|${node}`))),
  );
  const leases = keys.partitions.count;
  const listed = await redis.sunion(Array.from({ length: leases }, (_, each) => keys.partition(each).leases));
  told.strays.push(...listed.filter((node) => !alive.includes(node)));
  return told;
}

export const edgesCounted = (at: readonly number[]): number[] =>
  Array.from({ length: EDGES }, (_, edge) => at.filter((each) => each === edge).length);

/** Every key of presence but the crowds', and what lease sets hold beside their marks. */
export async function leftOfPresence({ redis }: TestRedis): Promise<string[]> {
  const found = await redis.keys("{*");
  const leases = found.filter((key) => key.includes(":lease:"));
  const members = await Promise.all(leases.map((key) => redis.smembers(key)));
  return [
    ...found.filter((key) => /:(?:here|hereon|who|sess):/.test(key)),
    ...members.flat().filter((each) => each !== ""),
  ];
}
