import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connectRedis, createKeys, createPartitions } from "@rookery/broker";
import { checkHistories, connectClient, eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { faultsOf } from "./exposition.ts";
import { UNHURRIED } from "./talk.ts";

// One channel for each test: they share a cluster and nothing else.
let cluster: Cluster;
const clients: ChatClient[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    edges: 2,
    set: UNHURRIED,
  });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
});

async function connect(user: string, edge: number): Promise<ChatClient> {
  const url = cluster.ready.ws[edge];
  if (url === undefined) throw new Error(`there is no edge ${edge}`);
  const client = await connectClient({ url, token: cluster.token(user), name: user });
  clients.push(client);
  return client;
}

describe("two edges", () => {
  it("give 8 senders and everybody else one order, and Postgres each message once at its acknowledged position", async () => {
    const everybody = await Promise.all(Array.from({ length: 8 }, (_, n) => connect(`sender-${n}`, n % 2)));
    for (const client of everybody) await client.join("order");
    const sends = 256;
    await Promise.all(
      everybody.map(async (client) => {
        for (let n = 0; n < sends; n += 1) await client.send("order", `${client.name} says ${n}`);
      }),
    );
    const total = everybody.length * sends;
    await eventually(() => everybody.every((client) => client.inOrder("order").length === total), {
      what: "every message at every client",
    });
    const rows = await eventually(async () => {
      const found = await cluster.rows("order");
      return found.length === total && found;
    });
    expect(checkHistories({ clients: everybody.map((client) => client.history), rows })).toEqual([]);
    expect(everybody.flatMap((client) => client.problems())).toEqual([]);
    const positions = everybody.map((client) =>
      client.inOrder("order").map(({ epoch, seq, id }) => `${epoch}-${seq}-${id}`),
    );
    for (const each of positions) expect(each).toEqual(positions[0]);
    expect(rows.map(({ epoch, seq, id }) => `${epoch}-${seq}-${id}`)).toEqual(positions[0]);
  });

  it("keep a user's connections within one cap together: one more ends the oldest, on whichever edge it is", async () => {
    const first = await connect("many", 0);
    const others = await Promise.all(Array.from({ length: 9 }, (_, n) => connect("many", n % 2)));
    const last = await connect("many", 1);
    expect(await first.closed).toMatchObject({ code: 4509 });
    for (const each of [...others, last]) expect(await each.join("capped")).toMatchObject({ type: "ok" });
  });

  it("make one message of the same clientId sent on both at once, and refuse other content under it", async () => {
    const [left, right] = await Promise.all([connect("twice", 0), connect("twice", 1)]);
    await Promise.all([left.join("once"), right.join("once")]);
    const ids = Array.from({ length: 50 }, (_, n) => `same-${n}`);
    const replies = await Promise.all(
      ids.flatMap((clientId) => [left.send("once", "hello", clientId), right.send("once", "hello", clientId)]),
    );
    expect(replies.every(({ type }) => type === "ok")).toBe(true);
    expect(replies.filter(({ duplicate }) => duplicate === true)).toHaveLength(ids.length);
    expect(new Set(replies.map(({ id }) => id)).size).toBe(ids.length);
    expect(await right.send("once", "something else", "same-0")).toMatchObject({ type: "error", code: "conflict" });
    await eventually(() => left.inOrder("once").length === ids.length);
    await eventually(async () => (await cluster.rows("once")).length === ids.length);
    expect(left.inOrder("once").map(({ id }) => id)).toEqual(right.inOrder("once").map(({ id }) => id));
  });

  it("resume a client that is 5,000 messages behind, page by page over Postgres and log, while sending goes on", async () => {
    const [sender, reader] = await Promise.all([connect("prolific", 0), connect("late", 1)]);
    await Promise.all([sender.join("long"), reader.join("long")]);
    const first = await sender.send("long", "the last one that was read");
    await eventually(() => reader.inOrder("long").length === 1);
    await reader.close();
    await inLanes(5000, (n) => sender.send("long", `missed ${n}`));

    let isResumed = false;
    const goesOn = (async (): Promise<number> => {
      let sent = 0;
      for (; !isResumed; sent += 1) await sender.send("long", `meanwhile ${sent}`);
      return sent;
    })();
    const back = await connect("late", 1);
    const reply = await back.join("long", { after: { epoch: first.epoch ?? 0, seq: first.seq ?? 0 } });
    expect(reply).toMatchObject({ recovered: true, more: true });
    isResumed = true;
    const meanwhile = await goesOn;
    await eventually(() => back.inOrder("long").length === 5000 + meanwhile);
    expect(back.problems()).toEqual([]);

    const newcomer = await connect("newcomer", 0);
    expect(await newcomer.join("long", { after: { epoch: 0, seq: 0 } })).toMatchObject({ recovered: true, more: true });
    await eventually(() => newcomer.inOrder("long").length === 5001 + meanwhile);
    const rows = await eventually(async () => {
      const found = await cluster.rows("long");
      return found.length === 5001 + meanwhile && found;
    });
    expect(checkHistories({ clients: [sender, reader, back, newcomer].map((each) => each.history), rows })).toEqual([]);
  });

  it("say persisted only for what Postgres holds, to the session that asked for it", async () => {
    const asking = await connect("asking", 0);
    const silent = await connect("silent", 0);
    await asking.join("kept", { persisted: true });
    await silent.join("kept");
    const { epoch, seq } = await asking.send("kept", "keep this");
    await silent.send("kept", "and this");
    await asking.waitFor((frame) => frame.type === "persisted" && frame.epoch === epoch && frame.seq === seq);
    expect((await cluster.rows("kept"))[0]).toMatchObject({ epoch, seq, body: "keep this" });
    await eventually(async () => (await cluster.rows("kept")).length === 2);
    expect(silent.frames.some(({ type }) => type === "persisted")).toBe(false);
    const kinds = asking.frames.filter(({ type }) => type === "ok" || type === "persisted").map(({ type }) => type);
    expect(kinds.slice(-2)).toEqual(["ok", "persisted"]);
  });

  it("answer a join of several channels at once in order, each by itself", async () => {
    const client = await connect("several", 0);
    await client.join("one");
    await client.send("one", "here");
    const reply = await client.request({
      type: "join",
      joins: [{ channel: "one", after: { epoch: 0, seq: 0 } }, { channel: "two" }, { channel: "dm:hidden" }],
    });
    expect(reply.results).toMatchObject([
      { type: "ok", channel: "one", recovered: true, messages: [{ body: "here" }] },
      { type: "ok", channel: "two", epoch: 0, seq: 0, messages: [], more: false },
      { type: "error", code: "not_found", channel: "dm:hidden" },
    ]);
  });

  it("let a session join a hundred channels, however it asks for them, and not one more", async () => {
    const client = await connect("collector", 0);
    const names = Array.from({ length: 101 }, (_, n) => ({ channel: `many-${n}` }));
    const half = await client.request({ type: "join", joins: names.slice(0, 50) });
    expect(half.results?.every(({ type }) => type === "ok")).toBe(true);
    const replies = await Promise.all(names.slice(50).map(({ channel }) => client.request({ type: "join", channel })));
    const refused = replies.filter(({ type }) => type === "error");
    expect(refused).toMatchObject([{ code: "too_many" }]);
    expect(await client.request({ type: "join", channel: "many-0" })).toMatchObject({ type: "ok" });
  });

  it("say persisted of nothing that Postgres refused, nor of what its session sent after it, and of everybody else's", async () => {
    const sql = postgres(cluster.ready.postgres, { max: 1, onnotice: () => undefined });
    await sql`alter table messages add constraint no_poison check (body <> 'poison')`;
    const [unlucky, other] = await Promise.all([connect("unlucky", 0), connect("other", 0)]);
    for (const client of [unlucky, other]) await client.join("poisoned", { persisted: true });
    const good = await unlucky.send("poisoned", "good");
    await unlucky.waitFor(({ type, seq }) => type === "persisted" && seq === good.seq);
    for (const body of ["poison", "after it"])
      expect(await unlucky.send("poisoned", body)).toMatchObject({ type: "ok" });
    // Of the same edge: by the time it is told, the edge has asked Postgres about what came before.
    const last = await other.send("poisoned", "last");
    await other.waitFor(({ type, seq }) => type === "persisted" && seq === last.seq);
    expect(unlucky.frames.filter(({ type }) => type === "persisted")).toMatchObject([{ seq: good.seq }]);
    const [letter, ...more] = await sql`select channel, seq::integer from dead_letters`;
    expect([letter, more]).toEqual([{ channel: "poisoned", seq: 2 }, []]);
    expect((await cluster.rows("poisoned")).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    await sql`alter table messages drop constraint no_poison`;
    await sql.end();
  });

  it("accept sends of those who were in the channel before its rights changed", async () => {
    const [left, right] = [await connect("left", 0), await connect("right", 1)];
    for (const client of [left, right]) {
      await client.join("changing");
      expect(await client.send("changing", "before")).toMatchObject({ type: "ok" });
    }
    const redis = connectRedis({ url: cluster.ready.redis, use: "commands", commandTimeoutMs: 2000 });
    onTestFinished(() => redis.disconnect());
    await eventually(() => redis.status === "ready");
    const keys = createKeys(createPartitions(64));
    const sql = postgres(cluster.ready.postgres, { max: 1, onnotice: () => undefined });
    onTestFinished(() => sql.end());
    await sql`update channels set rights_version = 7 where id = ${"changing"}`;
    await redis.hset(keys.partition(keys.partitions.of("changing")).rights, "changing", 7);
    for (const client of [left, right]) {
      expect(await client.send("changing", "after")).toMatchObject({ type: "ok" });
    }
    await eventually(() => left.inOrder("changing").length === 4);
  });

  it("serve the very metrics that their page names, and no other of ours", async () => {
    const pages = await metricPages();
    const served = new Set(
      pages.flatMap(([, text]) =>
        [...text.matchAll(/^# TYPE (rookery_\S+) (\S+)/gm)].map(([, ...told]) => told.join(" ")),
      ),
    );
    const table =
      /<!-- metrics -->([\s\S]*?)<!-- \/metrics -->/.exec(readFileSync("docs/metrics.md", "utf8"))?.[1] ?? "";
    const told = [...table.matchAll(/^\| `(rookery_\S+)` \| (\S+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
    expect([...served].toSorted()).toEqual(told.toSorted());
  });

  it("serve metrics that Prometheus finds nothing wrong with, by its own rules", async () => {
    for (const [name, text] of await metricPages()) expect([name, faultsOf(text)]).toEqual([name, []]);
  });

  const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
  it.skipIf(!hasPromtool)("serve metrics that `promtool check metrics` passes, where this machine has it", async () => {
    for (const [name, input] of await metricPages()) {
      const { status, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
      expect([name, status, stderr]).toEqual([name, 0, ""]);
    }
  });
});

/** What each process serves, by its name. */
async function metricPages(): Promise<[name: string, text: string][]> {
  const pages: [string, string][] = [];
  for (const { name, internal } of cluster.ready.processes)
    if (internal !== undefined) pages.push([name, await (await fetch(`${internal}/metrics`)).text()]);
  expect(pages.length).toBeGreaterThan(0);
  return pages;
}

/** Keeps a few sends under way: one session's sends in one channel are answered one after another. */
async function inLanes(total: number, send: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < total) await send(next++);
  };
  await Promise.all(Array.from({ length: 20 }, lane));
}
