// Owns the cluster that the tests of changes share: three edges, one persister that they may stall, and a log so short that
// most of what is read back comes out of Postgres. Called once by each file. Stops with the file.
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { Redis } from "ioredis";
import postgres from "postgres";
import type { Sql } from "postgres";
import { afterAll, expect } from "vitest";
import { UNHURRIED } from "./talk.ts";

export const BEGINNING = { epoch: 0, seq: 0 };
export const EDGES = 3;

export interface ChangesCluster {
  readonly cluster: Cluster;
  readonly sql: Sql;
  readonly redis: Redis;
  newChannel(this: void): string;
  /** A client that comes back to the next edge. */
  connect(this: void, user: string, edge: number): Promise<ChatClient>;
  /** From here on nothing reaches Postgres. */
  stall(this: void): void;
  goOn(this: void): void;
  /** Resolves once Postgres has all that was numbered in the channel, and Redis knows it. */
  drained(this: void, channel: string): Promise<void>;
}

export async function startChangesCluster(): Promise<ChangesCluster> {
  const set = { ...UNHURRIED, ROOKERY_LOG_ENTRIES: "5", ROOKERY_BATCH_LINGER_MS: "10" };
  const cluster = await startCluster({ edges: EDGES, persisters: 1, set });
  const sql = postgres(cluster.ready.postgres, { max: 2, onnotice: () => undefined });
  const redis = new Redis(cluster.ready.redis);
  afterAll(async () => {
    redis.disconnect();
    await sql.end();
  });
  let channels = 0;
  return {
    cluster,
    sql,
    redis,
    newChannel: () => `changed-${(channels += 1)}`,
    connect(user, edge) {
      const urls = [0, 1, 2].map((n) => cluster.ready.ws[(edge + n) % EDGES] ?? "");
      const reconnecting = { urls, firstDelayMs: 20, maxDelayMs: 100 };
      return cluster.client(user, { edge, name: `${user}@${edge}`, reconnecting });
    },
    stall: () => cluster.kill("persister-1", "SIGSTOP"),
    goOn: () => cluster.kill("persister-1", "SIGCONT"),
    async drained(channel) {
      const [head = ""] = await redis.keys(`{*}:head:${channel}`);
      await eventually(async () => {
        const [seq, saved] = await redis.hmget(head, "seq", "saved");
        expect(saved?.split("-")[1]).toBe(seq);
      });
    },
  };
}
