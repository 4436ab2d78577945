// Bans, kicks, revocations and orders on three real edges, by the REST API: in force everywhere, with a receipt that is true,
// also where an edge stands still, where the message was lost, and in the middle of a flood.
import { once } from "node:events";
import { createUnheard, eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Unheard } from "@rookery/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { UNHURRIED } from "./talk.ts";

const EDGES = 3;
/** What is promised of a change of rights on every node. */
const IN_FORCE_WITHIN_MS = 2000;

type Answer = { status: number; body: { receipt?: Receipt } };

interface Receipt {
  readonly nodes: { readonly confirmed: number; readonly expected: number; readonly missing: readonly string[] };
  readonly sessionsClosed: number;
}

let cluster: Cluster;
let unheard: Unheard;

beforeAll(async () => {
  cluster = await startCluster({ edges: EDGES, set: UNHURRIED });
  unheard = await createUnheard({ redisUrl: cluster.ready.redis, postgresUrl: cluster.ready.postgres });
});
afterAll(async () => {
  await unheard?.close();
  await cluster?.stop();
});

async function connect(user: string, edge: number): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  onTestFinished(() => client.close());
  return client;
}

/** One session of the user on each edge, all in the channel. */
async function everywhere(user: string, channel: string): Promise<ChatClient[]> {
  const clients = await Promise.all(Array.from({ length: EDGES }, (_, edge) => connect(user, edge)));
  for (const client of clients) expect(await client.join(channel)).toMatchObject({ type: "ok" });
  return clients;
}

async function call(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${cluster.ready.api}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${cluster.ready.apiKey}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

/** The receipt in the answer of a call that is expected to work. */
async function ordered(method: string, path: string, body?: object): Promise<Receipt> {
  const answer = await call(method, path, body);
  expect(answer).toMatchObject({ status: 200, body: { receipt: { nodes: {} } } });
  const { receipt } = answer.body;
  if (receipt === undefined) throw new Error("there is no receipt");
  return receipt;
}

const WHOLE = { confirmed: EDGES, expected: EDGES, missing: [] };

const removals = (client: ChatClient, channel: string) =>
  client.frames.filter((frame) => frame.type === "removed" && frame.channel === channel);

const bodies = (client: ChatClient, channel: string, from = 0): unknown[] =>
  client.frames
    .slice(from)
    .flatMap(({ type, channel: where, body }) => (type === "message" && where === channel ? [body] : []));

describe("a ban in a channel", () => {
  it("takes every session out on all edges, says so in a receipt, and nothing is delivered or accepted after it", async () => {
    const channel = "banned";
    const [owner] = await everywhere("owner", channel);
    const banned = await everywhere("bob", channel);
    const receipt = await ordered("PUT", `/v1/channels/${channel}/bans/bob`, { reason: "spam" });
    expect(receipt).toMatchObject({ nodes: WHOLE, sessionsClosed: EDGES });
    // What the edges did before they confirmed has left them by then, and reaches clients in its order.
    for (const each of banned) {
      await each.waitFor(({ type }) => type === "removed");
      expect(removals(each, channel)).toEqual([{ type: "removed", channel, code: "banned", reason: "spam" }]);
    }
    await owner?.send(channel, "without him");
    for (const each of banned) {
      expect(await each.send(channel, "let me in")).toMatchObject({ type: "error", code: "not_joined" });
      expect(await each.request({ type: "join", channel })).toMatchObject({ type: "error", code: "banned" });
      expect(bodies(each, channel)).toEqual([]);
    }
    await ordered("DELETE", `/v1/channels/${channel}/bans/bob`);
    expect(await banned[0]?.join(channel)).toMatchObject({ type: "ok" });
  });

  it("ends by itself when its time is over: the user is told on every edge, and comes back", async () => {
    const channel = "timed";
    await everywhere("owner", channel);
    const banned = await everywhere("eve", channel);
    await ordered("PUT", `/v1/channels/${channel}/bans/eve`, { untilMs: Date.now() + 1500 });
    for (const each of banned) {
      await each.waitFor(({ type }) => type === "rights", { withinMs: 6000 });
      expect(each.frames.find(({ type }) => type === "rights")).toMatchObject({ channel, role: "member" });
      expect(await each.join(channel)).toMatchObject({ type: "ok" });
    }
  });

  it("whose message was lost is noticed by every edge within the bound", async () => {
    const channel = "lost-message";
    await everywhere("owner", channel);
    const banned = await everywhere("carl", channel);
    await unheard.ban(channel, "carl");
    for (const each of banned) {
      const removed = each.waitFor(({ type }) => type === "removed", { withinMs: IN_FORCE_WITHIN_MS + 500 });
      expect(await removed).toMatchObject({ channel, code: "banned" });
    }
  });

  it("whose message was lost while nobody was there is in force for whoever comes then, however well the edge knew the channel", async () => {
    const channel = "lost-unwatched";
    const both = [await connect("owner", 0), await connect("nina", 0)];
    for (const each of both) await each.join(channel);
    for (const each of both) await each.close();
    // Her partition and the channel's are given up some seconds after her: then only the common one is looked at.
    const watched = async (): Promise<unknown> =>
      (await cluster.metrics("edge-1")).get("rookery_edge_watched_partitions");
    await eventually(async () => (await watched()) === 1, { withinMs: 15_000 });
    await unheard.ban(channel, "nina");
    const late = await connect("nina", 0);
    expect(await late.request({ type: "join", channel })).toMatchObject({ type: "error", code: "banned" });
  });

  it("that a failover lost is read from Postgres by every edge, once it meets the other server", async () => {
    const channel = "lost-by-failover";
    const [owner] = await everywhere("owner", channel);
    const banned = await everywhere("otto", channel);
    await unheard.commitBan(channel, "otto");
    const redis = new Redis(cluster.ready.redis);
    onTestFinished(() => redis.disconnect());
    // What makes another server of it: it stands alone again after it followed one that is not there.
    await redis.replicaof("127.0.0.1", 1);
    await redis.replicaof("NO", "ONE");
    for (const each of banned) {
      const removed = each.waitFor(({ type }) => type === "removed", { withinMs: 2 * IN_FORCE_WITHIN_MS });
      expect(await removed).toMatchObject({ channel, code: "banned" });
    }
    expect(await owner?.send(channel, "we go on")).toMatchObject({ type: "ok" });
  });

  it("in the middle of a flood: none of it is numbered after the receipt, and none of anything reaches the banned", async () => {
    const channel = "flood";
    const [owner] = await everywhere("owner", channel);
    const flooding = await everywhere("dora", channel);
    let isOver = false;
    const floods = flooding.map(async (each, n) => {
      for (let i = 0; !isOver; i += 1) await each.send(channel, `dora ${n} ${i}`);
    });
    await owner?.waitFor(({ type, user }) => type === "message" && user === "dora");
    const receipt = await ordered("PUT", `/v1/channels/${channel}/bans/dora`, {});
    expect(receipt).toMatchObject({ nodes: WHOLE, sessionsClosed: EDGES });
    const last = await owner?.send(channel, "quiet now");
    isOver = true;
    await Promise.all(floods);
    await owner?.waitFor(({ body }) => body === "quiet now");
    const late = (owner?.inOrder(channel) ?? []).filter(({ user, seq }) => user === "dora" && seq > Number(last?.seq));
    expect(late).toEqual([]);
    for (const each of flooding) expect(bodies(each, channel)).not.toContain("quiet now");
  });
});

describe("an edge that stands still", () => {
  it("is missing in the receipt, and when it goes on the banned user hears nothing more and says nothing more", async () => {
    const channel = "frozen";
    const [owner] = await everywhere("owner", channel);
    const banned = await everywhere("fred", channel);
    const frozen = banned[2];
    const witness = await connect("wanda", 2);
    await witness.join(channel);
    if (frozen === undefined || owner === undefined) throw new Error("there is no client");
    cluster.kill("edge-3", "SIGSTOP");
    const isThawed = { is: false };
    const thaw = (): void => {
      if (!isThawed.is) cluster.kill("edge-3", "SIGCONT");
      isThawed.is = true;
    };
    onTestFinished(thaw);
    const heard = frozen.frames.length;
    const receipt = await ordered("PUT", `/v1/channels/${channel}/bans/fred`, {});
    expect(receipt.nodes).toMatchObject({ confirmed: 2, expected: 3 });
    expect(receipt.nodes.missing).toEqual([expect.stringMatching(/^edge-3\./)]);
    expect(receipt.sessionsClosed).toBe(2);
    const said = Array.from({ length: 20 }, (_, n) => `unheard ${n}`);
    for (const each of said) await owner.send(channel, each);
    const unsaid = frozen.send(channel, "I am still here");
    thaw();
    await frozen.waitFor(({ type }) => type === "removed", { from: heard, withinMs: 5000 });
    await eventually(() => expect(bodies(witness, channel)).toEqual(said), { what: "all of it at the witness" });
    expect(bodies(frozen, channel, heard)).toEqual([]);
    expect(await unsaid).toMatchObject({ type: "error" });
    await owner.send(channel, "afterwards");
    await witness.waitFor(({ body }) => body === "afterwards");
    expect(bodies(frozen, channel, heard)).toEqual([]);
    expect(bodies(witness, channel)).not.toContain("I am still here");
  });
});

describe("everywhere", () => {
  it("a ban closes every session of the user with 4503, on every edge, and whoever comes again as well", async () => {
    const banned = await Promise.all(Array.from({ length: EDGES }, (_, edge) => connect("grim", edge)));
    const receipt = await ordered("PUT", "/v1/users/grim/ban", { reason: "enough" });
    expect(receipt).toMatchObject({ nodes: WHOLE, sessionsClosed: EDGES });
    for (const each of banned) expect(await each.closed).toMatchObject({ code: 4503 });
    for (let edge = 0; edge < EDGES; edge += 1) {
      const again = await connect("grim", edge).catch((error: unknown) => error);
      expect(String(again)).toContain("4503");
    }
    await ordered("DELETE", "/v1/users/grim/ban");
    expect((await connect("grim", 0)).welcome()).toMatchObject({ user: "grim" });
  });

  it("whoever is banned and shows a token in the first frame is told so, until when, and closed with 4503", async () => {
    const untilMs = Date.now() + 3_600_000;
    await ordered("PUT", "/v1/users/gus/ban", { untilMs });
    const socket = new WebSocket(cluster.ready.ws[0] ?? "");
    onTestFinished(() => socket.terminate());
    const closed = once(socket, "close");
    await once(socket, "open");
    const answer = once(socket, "message");
    socket.send(JSON.stringify({ type: "auth", ref: "a", token: cluster.token("gus") }));
    expect(JSON.parse(String((await answer)[0]))).toMatchObject({
      ...{ type: "error", ref: "a", code: "banned", retry: "never", until: untilMs },
    });
    expect((await closed)[0]).toBe(4503);
  });

  it("revoked tokens close their sessions with 4403, and open none any more", async () => {
    const hers = await Promise.all(Array.from({ length: EDGES }, (_, edge) => connect("hana", edge)));
    const receipt = await ordered("POST", "/v1/revocations", { user: "hana" });
    expect(receipt).toMatchObject({ nodes: WHOLE, sessionsClosed: EDGES });
    for (const each of hers) expect(await each.closed).toMatchObject({ code: 4403 });
  });

  it("a notice reaches each session of the user once, and a disconnect closes each with its code", async () => {
    const hers = await Promise.all(Array.from({ length: EDGES }, (_, edge) => connect("ines", edge)));
    const notice = await call("POST", "/v1/users/ines/notices", { body: "dinner is ready" });
    expect(notice).toMatchObject({ status: 202, body: { sessions: EDGES } });
    for (const each of hers) {
      await each.waitFor(({ type }) => type === "notice");
      expect(each.frames.filter(({ type }) => type === "notice")).toMatchObject([{ body: "dinner is ready" }]);
    }
    const receipt = await ordered("POST", "/v1/users/ines/disconnect", {});
    expect(receipt.sessionsClosed).toBe(EDGES);
    for (const each of hers) expect(await each.closed).toMatchObject({ code: 4003 });
  });
});
