// A Cluster of three masters with replicas: how it is put together, and when it is whole. Called by
// start-redis-topology.ts. Every step may be repeated, so that a forming that was cut short is finished at the next start.
import { ask, ErrorReply, fieldsOf, talk } from "./resp.ts";
import type { KeptServer } from "./topology-server.ts";

export const MASTERS = 3;
const slotCount = 16_384;

export const clusterLines: Record<string, string> = {
  "cluster-enabled": "yes",
  // A master that is silent for so long is replaced. Shorter, and a busy machine replaces one that only had to wait.
  "cluster-node-timeout": "2000",
  // Partitions of masters that live go on while another one is being replaced.
  "cluster-require-full-coverage": "no",
};

interface SeenNode {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
  /** Id of its master, for a replica. */
  readonly follows: string;
  readonly isLinked: boolean;
  readonly hasSlots: boolean;
}

/** What one node says of all; by https://redis.io/docs/latest/commands/cluster-nodes/. */
const nodesSeenBy = async (server: KeptServer): Promise<SeenNode[]> => {
  const text = await ask(server.door, "CLUSTER", "NODES");
  return String(text)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id = "", address = "", flags = "", follows = "", , , , link = "", ...slots] = line.split(" ");
      return {
        ...{ id, follows, flags: flags.split(","), isLinked: link === "connected" },
        port: Number(/:(\d+)@/.exec(address)?.[1]),
        hasSlots: slots.length > 0,
      };
    });
};

const itself = async (server: KeptServer): Promise<SeenNode> => {
  const own = (await nodesSeenBy(server)).find(({ flags }) => flags.includes("myself"));
  if (own === undefined) throw new Error(`${server.name} does not know itself`);
  return own;
};

/** Runs a step that an earlier start may have taken already. */
const unlessTaken = async (step: Promise<unknown>): Promise<void> => {
  try {
    await step;
  } catch (error) {
    if (!(error instanceof ErrorReply)) throw error;
  }
};

/** Makes all known to each other, at the ports they have now: what a node finds in its own file may be of another start. */
export const introduce = async (servers: readonly KeptServer[]): Promise<void> => {
  // Epochs that differ from the start spare the cluster from finding out by collisions. Only a node that is alone takes one.
  for (const [n, { door }] of servers.entries()) {
    await unlessTaken(ask(door, "CLUSTER", "SET-CONFIG-EPOCH", String(n + 1)));
  }
  const meetings = servers.slice(0, -1).map(({ door }, n) =>
    talk(
      door,
      servers.slice(n + 1).map(({ port }) => ["CLUSTER", "MEET", "127.0.0.1", String(port)]),
    ),
  );
  await Promise.all(meetings);
};

export const areAcquainted = async (servers: readonly KeptServer[]): Promise<boolean> => {
  const living = servers.filter(({ isOver }) => !isOver);
  const views = await Promise.all(living.map(nodesSeenBy));
  return views.every((seen) => {
    const well = seen.filter(({ flags, isLinked }) => isLinked && !flags.some((flag) => UNWELL.has(flag)));
    return living.every(({ port }) => well.some((node) => node.port === port));
  });
};

const UNWELL: ReadonlySet<string> = new Set(["fail", "fail?", "handshake", "noaddr"]);

/** Gives slots to those who were started as masters, if nobody has them yet, and masters to the others. */
export const shareOut = async (servers: readonly KeptServer[]): Promise<void> => {
  const masters = servers.filter(({ role }) => role === "master");
  for (const [n, { door }] of masters.entries()) {
    const from = Math.ceil((n * slotCount) / MASTERS);
    const to = Math.ceil(((n + 1) * slotCount) / MASTERS) - 1;
    await unlessTaken(ask(door, "CLUSTER", "ADDSLOTSRANGE", String(from), String(to)));
  }
  const ids = await Promise.all(masters.map(async (master) => (await itself(master)).id));
  const others = servers.filter(({ role }) => role === "replica");
  for (const [n, replica] of others.entries()) {
    const { flags, hasSlots } = await itself(replica);
    if (flags.includes("slave") || hasSlots) continue;
    await ask(replica.door, "CLUSTER", "REPLICATE", ids[n % masters.length] ?? "");
  }
};

/** Whether all slots are served, every node that runs agrees on that, and every replica of a living master follows it. */
export const isServing = async (servers: readonly KeptServer[]): Promise<boolean> => {
  const living = servers.filter(({ isOver }) => !isOver);
  const states = await Promise.all(living.map(async ({ door }) => fieldsOf(await ask(door, "CLUSTER", "INFO"))));
  const isWhole = states.every(
    (state) => state.get("cluster_state") === "ok" && state.get("cluster_slots_ok") === String(slotCount),
  );
  if (!isWhole || !(await areAcquainted(living))) return false;
  const [first, ...views] = await Promise.all(living.map(async (server) => rolesIn(await nodesSeenBy(server), living)));
  if (views.some((view) => view !== first)) return false;
  const looks = await Promise.all(living.map(async ({ door }) => fieldsOf(await ask(door, "INFO", "replication"))));
  return looks.every((look) => look.get("role") === "master" || look.get("master_link_status") === "up");
};

/** Who follows whom among those who live, in words to compare. */
const rolesIn = (seen: readonly SeenNode[], living: readonly KeptServer[]): string =>
  seen
    .filter(({ port }) => living.some((server) => server.port === port))
    .map(({ id, follows, hasSlots }) => `${id} ${follows} ${hasSlots}`)
    .toSorted()
    .join("\n");
