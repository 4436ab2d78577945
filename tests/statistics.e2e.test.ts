// What an operator is told of a whole cluster: three edges with 2,000 sockets, of which one is killed and one told to drain.
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const LEASE_MS = 3000;
const BEAT_MS = LEASE_MS / 3;
/** As a beat may come late, and the machine is busy. */
const TWO_BEATS_MS = 2 * BEAT_MS + 1500;
const SOCKETS = 2000;
const USERS = 1000;
const CHANNELS = 10;
const EDGES = 3;
const AT_ONCE = 100;

interface Told {
  readonly total: number;
  readonly nodes: readonly { readonly node: string; readonly connections: number }[];
  readonly channels: readonly { readonly channel: string; readonly online: number; readonly connections: number }[];
  readonly users: readonly { readonly user: string; readonly sessions: readonly { readonly node: string }[] }[];
  readonly cursor?: string;
}

let cluster: Cluster;
const clients: ChatClient[] = [];

beforeAll(async () => {
  const set = {
    ...{ ROOKERY_LEASE_MS: String(LEASE_MS), ROOKERY_PRESENCE_GRACE_MS: "200", ROOKERY_DRAIN_MS: "800" },
    ...{ ROOKERY_CONNECTS_PER_SEC: "100000", ROOKERY_REQUESTS_PER_MIN: "100000" },
  };
  cluster = await startCluster({ edges: EDGES, set, restart: true });
  for (let from = 0; from < SOCKETS; from += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, n) => enter(from + n));
    clients.push(...(await Promise.all(some)));
  }
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await cluster?.stop();
});

async function enter(n: number): Promise<ChatClient> {
  const client = await cluster.client(`user-${n % USERS}`, { edge: n % EDGES });
  await client.join(`busy-${n % CHANNELS}`);
  return client;
}

async function ask<Answer>(path: string, { as = cluster.ready.apiKey, method = "GET" } = {}): Promise<Answer> {
  const answer = await fetch(`${cluster.ready.api}${path}`, { method, headers: { authorization: `Bearer ${as}` } });
  const body: Answer = JSON.parse(await answer.text());
  return body;
}

const told = (): Promise<Told> => ask<Told>("/v1/connections?limit=1");

/** Sessions by user, page by page. */
async function everybody(): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const more = cursor === undefined ? "" : `&cursor=${cursor}`;
    const page = await ask<Told>(`/v1/connections?limit=200${more}`);
    for (const { user, sessions } of page.users) found.set(user, sessions.length);
    cursor = page.cursor;
  }
  return found;
}

async function nodeOf(edge: number): Promise<string> {
  const pid = cluster.pid(`edge-${edge + 1}`);
  const { nodes } = await ask<{ nodes: readonly { node: string; pid: number }[] }>("/v1/nodes");
  return nodes.find((each) => each.pid === pid)?.node ?? "";
}

const on = (edge: number): number => clients.filter((_, n) => n % EDGES === edge).length;
const sum = (counts: Iterable<number>): number => [...counts].reduce((total, each) => total + each, 0);

describe("the statistics of a cluster", () => {
  it("tell every connection, by edge, channel and user, within two beats", async () => {
    await expect.poll(async () => (await told()).total, { timeout: TWO_BEATS_MS }).toBe(SOCKETS);
    const { nodes, channels } = await told();
    expect(nodes.map(({ connections }) => connections)).toEqual([on(0), on(1), on(2)]);
    const each = { online: USERS / CHANNELS, connections: SOCKETS / CHANNELS };
    const all = Array.from({ length: CHANNELS }, (_, n) => ({ channel: `busy-${n}`, ...each }));
    expect(channels.toSorted((a, b) => (a.channel < b.channel ? -1 : 1))).toEqual(all);
    const users = await everybody();
    expect([users.size, new Set(users.values())]).toEqual([USERS, new Set([SOCKETS / USERS])]);
  });

  it("tell of a channel who is there and what was said, to those who moderate it and to no other user", async () => {
    const [owner, other] = await Promise.all([cluster.client("owner"), cluster.client("other")]);
    await owner.join("spoken");
    await other.join("spoken");
    for (const body of ["one", "two"]) await owner.send("spoken", body);
    const last = await other.send("spoken", "three");
    const as = cluster.token("owner");
    const stats = await eventually(async () => {
      const found = await ask<{ messages: Record<string, number> }>("/v1/channels/spoken/stats", { as });
      return found.messages["1m"] === 3 && found;
    });
    expect(stats).toEqual({
      ...{ channel: "spoken", online: 2, connections: 2, mode: "full" },
      users: [
        { user: "other", name: "other", connections: 1 },
        { user: "owner", name: "owner", connections: 1 },
      ],
      messages: { "1m": 3, "5m": 3, "60m": 3 },
      senders: { "1m": 2, "5m": 2, "60m": 2 },
      head: { epoch: last.epoch, seq: last.seq },
    });
    const refused = await ask("/v1/channels/spoken/stats", { as: cluster.token("other") });
    expect(refused).toMatchObject({ code: "forbidden" });
    await Promise.all([owner.close(), other.close()]);
    await expect.poll(async () => (await told()).total, { timeout: TWO_BEATS_MS }).toBe(SOCKETS);
  });

  it("explain whom a message reached: who was there, who was elsewhere, and who came later on another edge", async () => {
    const [ann, bob, eve] = await Promise.all(["ann", "bob", "eve"].map((user) => cluster.client(user)));
    if (ann === undefined || bob === undefined || eve === undefined) throw new Error("nobody there");
    await ann.join("explained");
    await bob.join("explained");
    // What is noted of bob and eve is noted a moment later than it happened.
    const noted = async (): Promise<unknown[]> => {
      const all = ["bob", "eve"].map((user) => ask<{ entries: readonly unknown[] }>(`/v1/audit?actor=${user}`));
      return (await Promise.all(all)).map(({ entries }) => entries.length);
    };
    await expect.poll(noted, { timeout: 10_000 }).toEqual([2, 1]);
    const { id } = await ann.send("explained", "a secret");
    const sentAtMs = performance.now();
    await eventually(() => performance.now() > sentAtMs + 600);
    const late = await cluster.client("eve", { edge: 1 });
    await late.join("explained");
    const explain = async (user: string): Promise<string> => {
      const text = JSON.stringify(await ask(`/v1/explain?message=${String(id)}&user=${user}`));
      expect(text).not.toContain("secret");
      return text;
    };
    await expect
      .poll(() => explain("bob"), { timeout: 10_000 })
      .toContain("It was handed to bob: the user was in the channel");
    await expect
      .poll(() => explain("eve"), { timeout: 10_000 })
      .toMatch(
        /"It did not reach eve when it was said: the user was connected, and not in the channel; they joined again later/,
      );
    expect(await explain("eve")).toContain(`joined on ${await nodeOf(1)}`);
    await expect
      .poll(() => explain("dan"), { timeout: 10_000 })
      .toContain("Whether it reached dan when it was said is not recorded");
    await Promise.all([ann, bob, eve, late].map((client) => client.close()));
    await expect.poll(async () => (await told()).total, { timeout: TWO_BEATS_MS }).toBe(SOCKETS);
  });

  it("count no connection of an edge that was killed, two beats later, and nobody of it once it is cleared away", async () => {
    const dead = await nodeOf(2);
    cluster.kill("edge-3");
    await expect.poll(async () => (await told()).total, { timeout: TWO_BEATS_MS }).toBe(SOCKETS - on(2));
    expect(sum((await everybody()).values())).toBe(SOCKETS - on(2));
    expect((await told()).nodes.map(({ node }) => node)).not.toContain(dead);
    const inChannels = async (): Promise<number> => sum((await told()).channels.map(({ connections }) => connections));
    await expect.poll(inChannels, { timeout: 10_000 }).toBe(SOCKETS - on(2));
    await cluster.restarted("edge-3");
    const back = await eventually(() => nodeOf(2));
    await expect
      .poll(async () => (await told()).nodes.find(({ node }) => node === back)?.connections, { timeout: TWO_BEATS_MS })
      .toBe(0);
  });

  it("show an edge on its way out that was told to drain, and its connections nowhere once it has", async () => {
    const node = await nodeOf(1);
    const drains = cluster.restarted("edge-2");
    expect(await ask(`/v1/nodes/${node}/drain`, { method: "POST" })).toEqual({ node });
    type Nodes = { readonly nodes: readonly { readonly node: string; readonly draining: boolean }[] };
    const isDraining = async (): Promise<unknown> =>
      (await ask<Nodes>("/v1/nodes")).nodes.find((each) => each.node === node)?.draining;
    await expect.poll(isDraining, { timeout: 10_000 }).toBe(true);
    await drains;
    await expect.poll(async () => (await told()).total, { timeout: TWO_BEATS_MS }).toBe(on(0));
    expect(await clients[1]?.closed).toMatchObject({ code: 4000 });
    // Told again after its end, or never there: nobody hears it, and who would have is named.
    for (const gone of [node, node.replace(/\..*/, ".none")]) {
      const refused = { code: "not_found", detail: expect.stringContaining(`edges that do: ${await nodeOf(0)}, `) };
      expect(await ask(`/v1/nodes/${gone}/drain`, { method: "POST" })).toMatchObject(refused);
    }
  });
});
