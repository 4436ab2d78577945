// The same cluster of two edges and two persisters on each topology of Redis: what people do in it is what it always is.
import { REDIS_KINDS } from "@rookery/servers";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisServers } from "./redis-servers.ts";
import type { RedisServers } from "./redis-servers.ts";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";

/** One that is enough for every master of a Cluster to have some. */
const CHANNELS = 12;
const CUTS = 4;
const MEMBERS = {
  single: ["redis"],
  sentinel: ["redis-1", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"],
  cluster: ["redis-1", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"],
};
const SERVICES = ["edge-1", "edge-2", "api", "persister-1", "persister-2"];

describe.each(REDIS_KINDS)("on a Redis that is a %s", (kind) => {
  let cluster: Cluster;
  let redis: RedisServers;
  const clients: ChatClient[] = [];

  beforeAll(async () => {
    cluster = await startCluster({ edges: 2, persisters: 2, redis: kind, restart: true, set: UNHURRIED });
    redis = await redisServers(cluster.ready.redis);
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    redis?.close();
    await cluster?.stop();
  });

  const connect = async (user: string, edge: number): Promise<ChatClient> => {
    const client = await cluster.client(user, { edge, reconnecting: { urls: cluster.ready.ws } });
    clients.push(client);
    return client;
  };
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(new URL(path, cluster.ready.api), {
      method,
      headers: { authorization: `Bearer ${cluster.ready.apiKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return answer.json();
  };
  const isTold =
    (type: string, user: string) =>
    (frame: Frame): boolean =>
      frame.type === type && frame.user === user;

  it("every member of it is a process of the cluster by its name", () => {
    const scheme = kind === "single" ? "redis" : `redis+${kind}`;
    expect(cluster.ready.redis.startsWith(`${scheme}://127.0.0.1:`)).toBe(true);
    expect(cluster.ready.processes.map(({ name }) => name)).toEqual([...SERVICES, ...MEMBERS[kind], "postgres"]);
  });

  it("everybody has everything once and in order while subscribers and clients are cut off", async () => {
    const speakers = await Promise.all(
      Array.from({ length: CHANNELS * 2 }, async (_, n) => {
        const client = await connect(`user-${n}`, n % 2);
        const channel = `talk-${Math.floor(n / 2)}`;
        await client.join(channel);
        return { client, channel };
      }),
    );
    const talk = startTalk(speakers, { paceMs: 10 });
    for (let cut = 0; cut < CUTS; cut += 1) {
      const before = talk.acknowledged();
      await eventually(async () => (await redis.cutSubscribers()) > 0, { everyMs: 5, what: "a subscriber to cut" });
      speakers[cut]?.client.kill();
      await eventually(() => talk.acknowledged() > before + 2 * speakers.length, { what: "talk after the cut" });
    }
    await talk.end();
    const everybody = speakers.map(({ client }) => client);
    const rows = await expectPromisesKept({ cluster, talk, clients: everybody });
    expect(new Set(rows.map(({ channel }) => channel)).size).toBe(CHANNELS);
    expect(everybody.flatMap(closesOf)).toHaveLength(CUTS);
  });

  it("a user is told to have come and gone by edges alike, is banned on both with a receipt, and what was said is persisted", async () => {
    const [ann, bob] = [await connect("ann", 0), await connect("bob", 1)];
    await ann.join("room", { persisted: true });
    await bob.join("room");
    await ann.waitFor(isTold("joined", "bob"));
    const { seq } = await ann.send("room", "hello");
    await bob.waitFor((frame) => frame.type === "message" && frame.seq === seq);
    await ann.waitFor((frame) => frame.type === "persisted" && frame.seq === seq);
    expect(await ask("PUT", "/v1/channels/room/bans/bob", { reason: "spam" })).toMatchObject({
      ban: { user: "bob", channel: "room" },
      receipt: { nodes: { confirmed: 2, expected: 2, missing: [] }, sessionsClosed: 1 },
    });
    await bob.waitFor((frame) => frame.type === "removed" && frame.channel === "room" && frame.code === "banned");
    expect(await bob.send("room", "am I?")).toMatchObject({ type: "error" });
    await ann.waitFor(isTold("left", "bob"));
    const again = await connect("bob", 0);
    expect(await again.join("room")).toMatchObject({ type: "error", code: "banned" });
  });

  it("a server of it that was killed comes back where it was, and talk goes on", async () => {
    const [name = ""] = MEMBERS[kind];
    const killed = cluster.pid(name);
    cluster.kill(name);
    const [carol, dave] = [await connect("carol", 0), await connect("dave", 1)];
    expect(await cluster.restarted(name)).not.toBe(killed);
    const said = await Promise.all(
      Array.from({ length: CHANNELS }, async (_, n) => {
        const channel = `after-${n}`;
        for (const client of [carol, dave])
          await eventually(async () => (await client.join(channel)).type === "ok", { withinMs: 30_000, everyMs: 200 });
        const sent = await eventually(
          async () => {
            const reply = await carol.send(channel, "after");
            return reply.type === "ok" && reply;
          },
          { withinMs: 30_000, everyMs: 200, what: `a message in ${channel}` },
        );
        return sent.id;
      }),
    );
    for (const id of said) await dave.waitFor((frame) => frame.type === "message" && frame.id === id);
    await eventually(
      async () => expect((await cluster.rows()).map((row) => row.id)).toEqual(expect.arrayContaining(said)),
      { withinMs: 30_000, what: "everything said in Postgres" },
    );
  });
});
