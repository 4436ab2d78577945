// Which processes of the cluster live: each tells of itself every 2 s and is forgotten a lease after its last word.
// Called by every process about itself and by whoever needs the living ones. One key per command, so any Cluster will do.
// Must need no room in Redis: in a full one, whoever is not known to live cannot take over what would empty it.
// States of a node: living (its lease stands), dead (the lease ended; its record goes at the next look).
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
}

/** Every method throws ChatError `unavailable`. */
export interface Registry {
  beat(record: NodeRecord): Promise<void>;
  leave(node: string): Promise<void>;
  /** The living ones, by node id. */
  list(): Promise<NodeRecord[]>;
}

export function createRegistry(options: {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** without a word for so long a node counts as dead */
  readonly leaseMs: number;
}): Registry {
  const { connection, keys, leaseMs } = options;

  return {
    beat: (record) =>
      answered(connection, async () => {
        const text = JSON.stringify(record);
        // The lease first: a record whose lease is not there yet would be taken for a dead one's.
        await connection.rookeryLease(keys.node(record.node), text, leaseMs);
        await connection.rookeryEnlist(keys.nodes, record.node, text);
      }),
    leave: (node) =>
      answered(connection, async () => {
        await Promise.all([connection.del(keys.node(node)), connection.hdel(keys.nodes, node)]);
      }),
    list: () =>
      answered(connection, async () => {
        const nodes = (await connection.hkeys(keys.nodes)).toSorted();
        const leases = await Promise.all(nodes.map((node) => connection.get(keys.node(node))));
        const dead = nodes.filter((_, at) => leases[at] === null);
        if (dead.length > 0) await connection.hdel(keys.nodes, ...dead);
        return leases.flatMap((text) => (text === null || text === undefined ? [] : (readRecord(text) ?? [])));
      }),
  };
}

/** A process of another version may have written it: what is not ours to read is left out. */
export function readRecord(text: string): NodeRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
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
  return isWhole && ["kinds", "envelopes"].every((name) => ["undefined", "number"].includes(typeof fields[name]));
}
