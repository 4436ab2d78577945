// Which processes of the cluster live: each tells of itself every 2 s and is forgotten a lease after its last word.
// Called by every process about itself and by whoever needs the living ones. One key per command, so any Cluster will do.
// Must need no room in Redis: in a full one, whoever is not known to live cannot take over what would empty it.
// Must take nobody off who did not leave: a dead node's record is how others find what it left behind.
// States of a node: living (its lease stands; it may be told to drain by a word in it), dead (the lease ended), condemned (whoever
// clears away after it has said so: it never lives again), off the list.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** What a process tells of itself. Times in ms since the Unix epoch, by its own clock. */
export interface NodeRecord {
  /** new at every start */
  readonly node: string;
  readonly kind: "edge" | "api" | "persister";
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  readonly connections: number;
  readonly draining: boolean;
  readonly beatAt: number;
  /** Of a persister: the newest kind of outbox entry it understands, by its ordinal. Builds that tell none bury entries. */
  readonly kinds?: number | undefined;
  /** The newest kind of envelope it reads. Builds that tell none read 2 and drop what is newer. */
  readonly envelopes?: number | undefined;
  /** For how long its lease holds from the beat on. Builds that tell none tell no server whose clock is behind. */
  readonly livingMs?: number | undefined;
  /** It has left in order: it holds no socket any more, only the presence of those who may come back elsewhere. */
  readonly left?: true | undefined;
}

/** What a beat is answered: condemned, the node has to go on under another id; told to drain, it hears so until it has. */
export type BeatAnswer = "living" | "told to drain" | "condemned";

/** Every method throws ChatError `unavailable`. */
export interface Registry {
  beat(record: NodeRecord): Promise<BeatAnswer>;
  /** As a last beat: its lease ends so soon, unless the node was condemned. What it leaves behind is cleared away then. */
  lapse(record: NodeRecord, livingMs: number): Promise<void>;
  /** Of a node that leaves nothing behind. */
  leave(node: string): Promise<void>;
  /** The process lives under another id than these, and has read everything anew: nobody need ask for them. */
  supersede(nodes: readonly string[]): Promise<void>;
  /** The living ones, by node id. */
  list(): Promise<NodeRecord[]>;
  /** A living one. */
  find(node: string): Promise<NodeRecord | undefined>;
  /** Tells a living node to drain, with its next beat; false when it does not live. A repeat changes nothing. */
  orderDrain(node: string): Promise<boolean>;
}

export function createRegistry(options: {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** without a word for so long a node counts as dead */
  readonly leaseMs: number;
}): Registry {
  const { connection, keys, leaseMs } = options;

  async function tell(record: NodeRecord, livingMs: number): Promise<BeatAnswer> {
    const text = JSON.stringify({ ...record, livingMs });
    // The lease first: a record whose lease is not there yet would be taken for a dead one's.
    const renewed = await connection.rookeryLease(keys.node(record.node), text, livingMs);
    if (renewed !== 1 && renewed !== 2) return "condemned";
    await connection.rookeryEnlist(keys.nodes, record.node, text);
    return renewed === 2 ? "told to drain" : "living";
  }

  return {
    beat: (record) => answered(connection, () => tell(record, leaseMs)),
    lapse: (record, livingMs) => answered(connection, async () => void (await tell(record, livingMs))),
    supersede: (nodes) => answered(connection, async () => void (await connection.zrem(keys.goneNodes, ...nodes))),
    leave: (node) =>
      answered(connection, async () => {
        await Promise.all([connection.del(keys.node(node)), connection.hdel(keys.nodes, node)]);
      }),
    list: () =>
      answered(connection, async () => {
        const nodes = (await connection.hkeys(keys.nodes)).toSorted();
        const leases = await Promise.all(nodes.map((node) => connection.get(keys.node(node))));
        return leases.flatMap((text) => readRecord(text) ?? []);
      }),
    find: (node) => answered(connection, async () => readRecord(await connection.get(keys.node(node)))),
    orderDrain: (node) => answered(connection, async () => (await connection.rookeryOrderDrain(keys.node(node))) === 1),
  };
}

/** What a condemned node's lease holds, see condemn.lua: no record. */
export const CONDEMNED = "condemned";
/** Before the record of a node that is told to drain, see order-drain.lua. */
const TOLD_TO_DRAIN = /^drain\|/;

/** Of a lease, null for one that ended. A process of another version may have written it: what is not ours to read is left out. */
export function readRecord(text: string | null): NodeRecord | undefined {
  if (text === null || text === CONDEMNED) return undefined;
  try {
    const value: unknown = JSON.parse(text.replace(TOLD_TO_DRAIN, ""));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is NodeRecord {
  if (typeof value !== "object" || value === null) return false;
  const types = { node: "string", kind: "string", pid: "number", version: "string", startedAt: "number" };
  const more = { connections: "number", draining: "boolean", beatAt: "number" };
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const isWhole = Object.entries({ ...types, ...more }).every(([name, type]) => typeof fields[name] === type);
  const hasLeft = [undefined, true].some((left) => left === fields["left"]);
  return (
    hasLeft &&
    isWhole &&
    ["kinds", "envelopes", "livingMs"].every((name) => ["undefined", "number"].includes(typeof fields[name]))
  );
}
