// What the cluster is to a test without servers: nodes in a map, sessions as the test has them, counts that never move. Only
// tests use it.
import type { KnownSession, NodeRecord } from "@rookery/broker";
import type { NotedRecord, StandingToday, TracedMessage } from "@rookery/store";
import type { ApiContext } from "./context.ts";

export interface FakeCluster extends Pick<ApiContext, "nodes" | "statistics" | "activity" | "happenings"> {
  readonly nodeRecords: Map<string, NodeRecord>;
  /** Nodes that were told to, in order. */
  readonly toldToDrain: string[];
  /** Messages by id, and what was noted of users. */
  readonly traced: Map<string, TracedMessage>;
  readonly noted: NotedRecord[];
}

const PLAIN: StandingToday = {
  ...{ kind: "public", role: null, since: null, banAt: null, banUntil: null },
  ...{ outAt: null, outUntil: null, outLifted: null },
};

export function nodeRecord(node: string, more: Partial<NodeRecord> = {}): NodeRecord {
  const counts = { connections: 0, draining: false, startedAt: 1, beatAt: 2, pid: 3 };
  return { node, kind: "edge", version: "0.0.0", ...counts, ...more };
}

export function fakeCluster(sessions: ReadonlyMap<string, readonly KnownSession[]>): FakeCluster {
  const nodeRecords = new Map<string, NodeRecord>();
  const toldToDrain: string[] = [];
  const traced = new Map<string, TracedMessage>();
  const noted: NotedRecord[] = [];
  const list = async (): Promise<NodeRecord[]> =>
    [...nodeRecords.values()].toSorted((a, b) => (a.node < b.node ? -1 : 1));
  return {
    ...{ nodeRecords, toldToDrain, traced, noted },
    happenings: {
      message: async (id) => traced.get(id),
      standing: async () => PLAIN,
      records: async (user) => noted.filter(({ actor, subject }) => actor === user || subject === user),
    },
    nodes: {
      list,
      find: async (node) => nodeRecords.get(node),
      async orderDrain(node) {
        if (nodeRecords.has(node)) toldToDrain.push(node);
        return nodeRecords.has(node);
      },
    },
    statistics: {
      edges: async () => (await list()).filter(({ kind }) => kind === "edge"),
      busiest: async () => [{ channel: "lobby", online: 2, connections: 3 }],
      presence: async () => ({ online: 2, connections: 3 }),
      async connected(after = "", limit) {
        const users = [...sessions.keys()].toSorted().filter((user) => user > after);
        return users.slice(0, limit).map((user) => ({ user, sessions: sessions.get(user) ?? [] }));
      },
    },
    activity: async () => ({ messages: { "1m": 1, "5m": 2, "60m": 3 }, senders: { "1m": 1, "5m": 1, "60m": 2 } }),
  };
}
