// Who is on the list of nodes and does not live, as one look at the cluster shows it to the edge that holds the office of clearing
// away. Called by reaper.ts. A single server is asked by one script; of a Cluster the office is asked for first, then key by key.
import { mastersOf } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { CONDEMNED } from "./registry.ts";

export interface DeadNodes {
  /** Their lease ended. */
  readonly silent: readonly string[];
  /** It was said so already, perhaps by an edge that is gone itself. */
  readonly condemned: readonly string[];
}

export interface DeadNodesOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  node(this: void): string;
  /** How long the office is held without asking again. */
  readonly heldMs: number;
}

/** Undefined where another node holds the office. Rejects when any server does not answer. */
export type LookForDead = () => Promise<DeadNodes | undefined>;

export function createLookForDead(options: DeadNodesOptions): LookForDead {
  return options.connection.isCluster ? askEach(options) : askTogether(options);
}

function askTogether({ connection, keys, node, heldMs }: DeadNodesOptions): LookForDead {
  let known: readonly string[] = [];
  return async () => {
    const names = [keys.reaper, keys.nodes, ...known.map((each) => keys.node(each))];
    const reply: unknown = await connection.rookeryLookForDead(names.length, ...names, node(), heldMs);
    if (!Array.isArray(reply)) return undefined;
    const answers = reply.map((each: unknown) => (typeof each === "string" ? each : null));
    const leases = new Map(known.map((each, at) => [each, answers[at] ?? null]));
    const listed = answers.slice(known.length).filter((each) => each !== null);
    known = listed;
    for (const each of listed) if (!leases.has(each)) leases.set(each, await connection.get(keys.node(each)));
    return sorted(listed, leases);
  };
}

function askEach({ connection, keys, node, heldMs }: DeadNodesOptions): LookForDead {
  return async () => {
    // Leases lie on other servers than this node's own, which may be away by themselves: each has to answer.
    const pings = mastersOf(connection).map((master) => master.ping());
    const [holds] = await Promise.all([connection.rookeryHoldOffice(keys.reaper, node(), heldMs), ...pings]);
    if (holds !== 1) return undefined;
    const listed = await connection.hkeys(keys.nodes);
    const leases = await Promise.all(listed.map((each) => connection.get(keys.node(each))));
    return sorted(listed, new Map(listed.map((each, at) => [each, leases[at] ?? null])));
  };
}

function sorted(listed: readonly string[], leases: ReadonlyMap<string, string | null>): DeadNodes {
  return {
    silent: listed.filter((each) => leases.get(each) === null),
    condemned: listed.filter((each) => leases.get(each) === CONDEMNED),
  };
}
