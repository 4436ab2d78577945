import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startRedis } from "@rookery/servers";
import { migrateUp } from "@rookery/store";
import { connectClient, eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { runEdge, startEdge } from "./edge-process.ts";
import { startPersister } from "./persister-process.ts";
import { UNHURRIED } from "./talk.ts";

const MB = 1_000_000;
const SESSIONS = 16;
/** What a Redis that is full of log has room for, and what is sent through it. */
const HEADROOM_BYTES = 5 * MB;
const FLOOD_BYTES = 8 * MB;
const BODY = "x".repeat(4_000);
/** Below what a persister on two busy cores stores: what is shed must be saved first. */
const PACE_MS = 20;

let cluster: Cluster;
let redis: Redis;
const clients: ChatClient[] = [];

beforeAll(async () => {
  const set = { ...UNHURRIED, ROOKERY_CONNECTIONS_PER_USER: String(SESSIONS) };
  cluster = await startCluster({ edges: 2, persisters: 1, set });
  redis = new Redis(cluster.ready.redis);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  redis.disconnect();
});

async function connect(user: string, edge: number): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  clients.push(client);
  return client;
}

async function usedBytes(): Promise<number> {
  return Number(/\r\nused_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
}

/** Until the end of the test, Redis has room for so much more than it holds now. */
async function limitMemory(headroomBytes: number): Promise<void> {
  onTestFinished(async () => void (await redis.config("SET", "maxmemory", "0")));
  await redis.config("SET", "maxmemory", String((await usedBytes()) + headroomBytes));
}

const settings = (more: Record<string, string> = {}): Record<string, string> => ({
  ROOKERY_REDIS_URL: cluster.ready.redis,
  ROOKERY_POSTGRES_URL: cluster.ready.postgres,
  ROOKERY_JWT_SECRET: cluster.ready.jwt.secret,
  ROOKERY_CHANNELS_AUTO_CREATE: "public",
  ...more,
});

const internalOf = (name: string): string =>
  cluster.ready.processes.find((process) => process.name === name)?.internal ?? "";

describe("a Redis that fills up with log that Postgres has", () => {
  it("goes on taking one user's flood, says so where an operator looks, and gives everything back from Postgres", async () => {
    const speakers = await Promise.all(
      Array.from({ length: SESSIONS }, async (_, n) => {
        const client = await connect("flooder", n % 2);
        const channel = `flood-${n}`;
        await client.join(channel);
        return { client, channel };
      }),
    );
    await limitMemory(HEADROOM_BYTES);
    let acceptedBytes = 0;
    const speak = async ({ client, channel }: (typeof speakers)[number]): Promise<void> => {
      while (acceptedBytes < FLOOD_BYTES) {
        // a persister that was held up for a moment shows as overloaded; a cache in the way would never end
        const reply = await client.send(channel, BODY);
        if (reply.type === "ok") acceptedBytes += BODY.length;
        await delay(PACE_MS);
      }
    };
    await Promise.all(speakers.map(speak));

    const metrics = await cluster.metrics("persister-1");
    expect(metrics.get("rookery_persister_shed_entries_total")).toBeGreaterThan(0);
    expect(metrics.get("rookery_persister_shed_bytes_total")).toBeGreaterThan(0);
    const readiness = await fetch(`${internalOf("persister-1")}/readyz?verbose`);
    expect(readiness.status).toBe(200);
    expect(await readiness.json()).toMatchObject({
      checks: expect.arrayContaining([
        expect.objectContaining({ name: "memory", ok: false, detail: expect.stringMatching(/entries were shed/) }),
      ]),
    });

    const channel = "flood-0";
    const late = await connect("latecomer", 0);
    expect(await late.join(channel, { after: { epoch: 0, seq: 0 } })).toMatchObject({ type: "ok", recovered: true });
    await eventually(
      async () => {
        const rows = await cluster.rows(channel);
        return rows.length > 0 && late.inOrder(channel).length === rows.length;
      },
      { withinMs: 20_000 },
    );
    expect(late.problems()).toEqual([]);
  });
});

describe("a second cluster", () => {
  it("on this Redis, with a Postgres of its own, is refused with 78 and one line", async () => {
    const name = `second_${randomBytes(4).toString("hex")}`;
    const sql = postgres(cluster.ready.postgres, { max: 1, onnotice: () => undefined });
    onTestFinished(() => sql.end({ timeout: 1 }));
    await sql.unsafe(`create database ${name}`);
    const url = new URL(cluster.ready.postgres);
    url.pathname = `/${name}`;
    await migrateUp(url.href);
    const edge = await runEdge(settings({ ROOKERY_POSTGRES_URL: url.href }));
    expect(edge).toMatchObject({ code: 78, stderr: "" });
    expect(edge.log.filter((line) => line.includes("fatal"))).toEqual([
      expect.stringContaining("this Redis belongs to another cluster"),
    ]);
    await expect(startPersister(cluster, { ROOKERY_POSTGRES_URL: url.href })).rejects.toThrow(/another cluster/);
  });

  it("on this Postgres, with a Redis of its own, is refused with 78 and one line, and the first one goes on", async () => {
    const other = await startRedis();
    onTestFinished(() => other.stop());
    const [edge, persister] = await Promise.all([
      runEdge(settings({ ROOKERY_REDIS_URL: other.url })),
      startPersister(cluster, { ROOKERY_REDIS_URL: other.url }).catch((error: unknown) => String(error)),
    ]);
    expect(edge).toMatchObject({ code: 78, stderr: "" });
    expect(edge.log.filter((line) => line.includes("fatal"))).toEqual([
      expect.stringContaining("another Redis is being drained into this Postgres"),
    ]);
    expect(persister).toMatch(/another Redis is being drained/);
    const client = await connect("undisturbed", 1);
    await client.join("undisturbed");
    await client.send("undisturbed", "still here");
    await eventually(async () => (await cluster.rows("undisturbed")).length === 1);
  });

  it("in another database of this Redis is refused with 78", async () => {
    const edge = await runEdge(settings({ ROOKERY_REDIS_URL: `${cluster.ready.redis.replace(/\/\d*$/, "")}/1` }));
    expect(edge.code).toBe(78);
    expect(edge.stderr).toContain("only database 0 of a Redis can be used");
  });
});

describe("a Redis that is full", () => {
  it("is drained by a persister that starts then, and an edge that starts then serves who joins", async () => {
    const channel = "full";
    const client = await connect("patient", 0);
    await client.join(channel);
    cluster.kill("persister-1", "SIGSTOP");
    const sent: Frame[] = [];
    for (let n = 0; n < 20; n += 1) sent.push(await client.send(channel, `waiting ${n}`));
    expect(sent.filter(({ type }) => type !== "ok")).toEqual([]);
    await limitMemory(-200_000);
    cluster.kill("persister-1");
    expect(await client.send(channel, "too much")).toMatchObject({ type: "error", code: "overloaded" });

    await startPersister(cluster);
    await eventually(async () => (await cluster.rows(channel)).length === 20, { withinMs: 10_000 });
    const edge = await startEdge(settings());
    const newcomer = await connectClient({ url: edge.ws, token: cluster.token("newcomer") });
    onTestFinished(() => newcomer.close());
    const joined = await newcomer.join(channel, { after: { epoch: 0, seq: 0 } });
    expect(joined).toMatchObject({ type: "ok", recovered: true });
    expect(newcomer.inOrder(channel).map(({ id }) => id)).toEqual(sent.map(({ id }) => id));

    await redis.config("SET", "maxmemory", "0");
    expect(await client.send(channel, "room again")).toMatchObject({ type: "ok" });
    await eventually(async () => (await cluster.rows(channel)).length === 21);
  });
});
