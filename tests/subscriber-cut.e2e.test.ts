import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, startCluster, startForgetfulLine } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startEdge } from "./edge-process.ts";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";

const CUTS = 20;
const SPEAKERS = 8;
const PACE_MS = 10;
const EDGES = ["edge-1", "edge-2"] as const;
/** From the acknowledgement of a last message whose announcement was lost until everybody has it. */
const HEALED_WITHIN_MS = 10_000;

let cluster: Cluster;
let redis: Redis;
const clients: ChatClient[] = [];

beforeAll(async () => {
  cluster = await startCluster({ edges: EDGES.length, set: UNHURRIED });
  redis = new Redis(cluster.ready.redis);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  redis?.disconnect();
});

async function connect(user: string, edge: number): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  clients.push(client);
  return client;
}

/** Ends every subscriber connection there is; answers how many. */
const cutSubscribers = async (): Promise<number> => Number(await redis.call("CLIENT", "KILL", "TYPE", "pubsub"));

const subscribers = async (): Promise<number> => {
  const list = String(await redis.call("CLIENT", "LIST", "TYPE", "pubsub"));
  return list.split("\n").filter((line) => line !== "").length;
};

const untilSubscribed = (): Promise<unknown> =>
  eventually(async () => expect(await subscribers()).toBe(EDGES.length), {
    what: "a subscriber connection of each edge",
  });

/** One series of each edge, in their order. */
const ofEdges = async (series: string): Promise<number[]> =>
  Promise.all(EDGES.map(async (edge) => (await cluster.metrics(edge)).get(series) ?? Number.NaN));
const healedHoles = (): Promise<number[]> => ofEdges('rookery_edge_relay_events_total{event="hole_healed"}');

describe("subscriber connections", () => {
  it(`are cut ${CUTS} times under load: nobody is disconnected, nothing is missing, the order holds`, async () => {
    const speakers = await Promise.all(
      Array.from({ length: SPEAKERS }, async (_, n) => {
        const client = await connect(`user-${n}`, n % EDGES.length);
        return { client, channel: `cut-${Math.floor(n / 2) % 2}` };
      }),
    );
    await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));
    const healedBefore = await healedHoles();
    const resubscribedBefore = await ofEdges("rookery_edge_resubscribes_total");

    const talk = startTalk(speakers, { paceMs: PACE_MS });
    for (let cut = 0; cut < CUTS; cut += 1) {
      // At any moment of a connection's life, also before all topics are its own again.
      await eventually(async () => (await cutSubscribers()) > 0, { everyMs: 1, what: "a connection to cut" });
      await delay(randomInt(150));
    }
    const underway = talk.acknowledged();
    await eventually(() => talk.acknowledged() > underway + 10 * SPEAKERS, { what: "talk after the last cut" });
    await talk.end();

    expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);
    const rows = await expectPromisesKept({ cluster, talk, clients: speakers.map(({ client }) => client) });
    expect(rows).toHaveLength(talk.acknowledged());
    expect(speakers.flatMap(({ client }) => closesOf(client))).toEqual([]);
    const healed = (await healedHoles()).map((count, n) => count - (healedBefore[n] ?? 0));
    expect(Math.max(...healed), "holes that were healed").toBeGreaterThan(0);
    const resubscribed = await ofEdges("rookery_edge_resubscribes_total");
    for (const [n, count] of resubscribed.entries()) expect(count).toBeGreaterThan(resubscribedBefore[n] ?? 0);
    expect(await ofEdges('rookery_edge_relay_events_total{event="gap_told"}')).toEqual(EDGES.map(() => 0));
  });

  it("are cut, one message follows and then nothing: everybody has it all the same", async () => {
    const [speaker, ...listeners] = await Promise.all(
      ["last-1", "last-2", "last-3"].map((user, n) => connect(user, n % 2)),
    );
    if (speaker === undefined) throw new Error("nobody speaks");
    const all = [speaker, ...listeners];
    await Promise.all(all.map((client) => client.join("last")));
    // Now and then an edge is subscribed again before the message is announced: then nothing was lost at it.
    const lostAt = EDGES.map(() => 0);
    for (let round = 0; lostAt.some((times) => times === 0); round += 1) {
      expect(round, "rounds in which an edge lost nothing").toBeLessThan(20);
      await untilSubscribed();
      const before = await healedHoles();
      expect(await cutSubscribers()).toBe(EDGES.length);
      const last = await speaker.send("last", `the last one of round ${round}`);
      expect(last).toMatchObject({ type: "ok" });
      await Promise.all(
        all.map((client) =>
          client.waitFor(({ id, type }) => type === "message" && id === last.id, { withinMs: HEALED_WITHIN_MS }),
        ),
      );
      for (const [n, count] of (await healedHoles()).entries()) if (count > (before[n] ?? 0)) lostAt[n] = 1;
    }
    expect(all.flatMap(closesOf)).toEqual([]);
    expect(all.flatMap((client) => client.problems())).toEqual([]);
  });
});

describe("an announcement", () => {
  it("that is lost on a connection that lives on, with nothing after it, is noticed all the same", async () => {
    const line = await startForgetfulLine(cluster.ready.redis);
    onTestFinished(() => line.close());
    const edge = await startEdge({
      ROOKERY_NODE_NAME: "hard-of-hearing",
      ROOKERY_REDIS_URL: line.url,
      ROOKERY_POSTGRES_URL: cluster.ready.postgres,
      ROOKERY_JWT_SECRET: cluster.ready.jwt.secret,
      ROOKERY_CHANNELS_AUTO_CREATE: "public",
    });
    const speaker = await connect("audible", 0);
    const listener = await cluster.client("hard-of-hearing", { url: edge.ws });
    clients.push(listener);
    await Promise.all([speaker, listener].map((client) => client.join("whisper")));
    const first = await speaker.send("whisper", "can you hear me?");
    await listener.waitFor(({ id, type }) => type === "message" && id === first.id);

    const body = "and nothing comes after this";
    const forgotten = line.forget(body);
    const last = await speaker.send("whisper", body);
    await forgotten;
    await listener.waitFor(({ id, type }) => type === "message" && id === last.id, { withinMs: HEALED_WITHIN_MS });
    expect(listener.inOrder("whisper").map(({ id }) => id)).toEqual([first.id, last.id]);
    expect(listener.problems()).toEqual([]);
    expect(closesOf(listener)).toEqual([]);
  });
});
