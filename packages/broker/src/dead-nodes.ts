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

export interface Look {
  /** Undefined where another node holds the office. */
  readonly dead: DeadNodes | undefined;
  /** Another server than at the last look has answered: by its clock every lease may have ended, whoever lives. */
  readonly isMoved: boolean;
}

export interface DeadNodesOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  node(this: void): string;
  /** How long the office is held without asking again. */
  readonly heldMs: number;
}

/** Rejects when any server does not answer. */
export type LookForDead = () => Promise<Look>;

export function createLookForDead(options: DeadNodesOptions): LookForDead {
  return options.connection.isCluster ? askEach(options) : askTogether(options);
}

function askTogether({ connection, keys, node, heldMs }: DeadNodesOptions): LookForDead {
  const hasMoved = createComparison();
  let known: readonly string[] = [];
  return async () => {
    const names = [keys.reaper, keys.nodes, ...known.map((each) => keys.node(each))];
    const reply: unknown = await connection.rookeryLookForDead(names.length, ...names, node(), heldMs);
    const [serving, holds, ...rest]: unknown[] = Array.isArray(reply) ? reply : [];
    const isMoved = hasMoved([serving]);
    if (holds !== 1) {
      if (isMoved) await lookAtLeases(connection, keys, await connection.hkeys(keys.nodes));
      return { isMoved, dead: undefined };
    }
    const answers = rest.map(textOrNull);
    const leases = new Map(known.map((each, at) => [each, answers[at] ?? null]));
    const listed = answers.slice(known.length).filter((each) => each !== null);
    const unknown = listed.filter((each) => !leases.has(each));
    for (const [each, { lease }] of await lookAtLeases(connection, keys, unknown)) leases.set(each, lease);
    known = listed;
    return { isMoved, dead: sorted(listed, leases) };
  };
}

function askEach({ connection, keys, node, heldMs }: DeadNodesOptions): LookForDead {
  const hasMoved = createComparison();
  return async () => {
    // Leases lie on other servers than this node's own, which may be away by themselves: each has to answer.
    const answers = mastersOf(connection).map((master) => master.info("replication"));
    const [holds, ...told] = await Promise.all([connection.rookeryHoldOffice(keys.reaper, node(), heldMs), ...answers]);
    const serving: unknown[] = told.map((text) => /master_replid:(\w+)/.exec(text)?.[1]);
    if (holds !== 1) {
      const isMoved = hasMoved(serving);
      if (isMoved) await lookAtLeases(connection, keys, await connection.hkeys(keys.nodes));
      return { isMoved, dead: undefined };
    }
    const listed = await connection.hkeys(keys.nodes);
    const looks = await lookAtLeases(connection, keys, listed);
    const leases = new Map([...looks].map(([each, { lease }]) => [each, lease]));
    // One may have taken over since the masters were asked.
    const isMoved = hasMoved([...serving, ...[...looks.values()].map((look) => look.serving)]);
    return { isMoved, dead: sorted(listed, leases) };
  };
}

interface LookAtLease {
  readonly serving: unknown;
  readonly lease: string | null;
}

/** Of each node. Where another server has taken over, this is also what keeps a lease from outlasting its node, see lease-of.lua. */
async function lookAtLeases(
  connection: RedisConnection,
  keys: Keys,
  nodes: readonly string[],
): Promise<ReadonlyMap<string, LookAtLease>> {
  const replies: unknown[] = await Promise.all(nodes.map((each) => connection.rookeryLookAtLease(keys.node(each))));
  return new Map(
    nodes.map((each, at) => {
      const reply = replies[at];
      const [serving, lease]: unknown[] = Array.isArray(reply) ? reply : [];
      return [each, { serving, lease: textOrNull(lease) }];
    }),
  );
}

/** Whether any of these servers did not answer the last time. Of the first time nothing is known. */
function createComparison(): (serving: readonly unknown[]) => boolean {
  let before: ReadonlySet<unknown> | undefined;
  return (serving) => {
    const isMoved = before !== undefined && serving.some((each) => before?.has(each) === false);
    before = new Set(serving);
    return isMoved;
  };
}

const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

function sorted(listed: readonly string[], leases: ReadonlyMap<string, string | null>): DeadNodes {
  return {
    silent: listed.filter((each) => leases.get(each) === null),
    condemned: listed.filter((each) => leases.get(each) === CONDEMNED),
  };
}
