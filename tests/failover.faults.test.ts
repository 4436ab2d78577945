// A Redis that becomes another one under a cluster in which people go on speaking: a replica that is promoted, one that is demoted
// and promoted again, and a server that comes back with nothing. Positions, rights, read positions and presence are as before.
import { createKeys, createPartitions } from "@rookery/broker";
import { eventually, testTopology } from "@rookery/testkit";
import type { Frame, Row } from "@rookery/testkit";
import { describe, expect, it } from "vitest";
import { HEALED, startFailoverScene } from "./failover-scene.ts";
import type { FailoverScene } from "./failover-scene.ts";

const ROOM = "alpha";
/** As any cluster has them unless it says otherwise. */
const HEAD = createKeys(createPartitions(64)).channel(ROOM).head;

const topologies = {
  sentinel: await testTopology({ kind: "sentinel" }),
  cluster: await testTopology({ kind: "cluster" }),
};
const single = await testTopology({ kind: "single" });

/** Of the whole of a channel each says what it follows, and every epoch goes on by one from there. */
function epochsOf(rows: readonly Row[], channel: string): number {
  return new Set(rows.filter((row) => row.channel === channel).map(({ epoch }) => epoch)).size;
}

async function ask(scene: FailoverScene, method: string, path: string): Promise<unknown> {
  const { api, apiKey } = scene.cluster.ready;
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  return (await fetch(new URL(path, api), { method, headers, body: "{}" })).json();
}

/** Whoever is banned, how far somebody has read and who is there, before; answers the look at it afterwards. */
async function remember(scene: FailoverScene): Promise<() => Promise<void>> {
  const [reader] = scene.clients;
  if (reader === undefined) throw new Error("nobody is there");
  await ask(scene, "PUT", `/v1/channels/${ROOM}/bans/outcast`);
  const last = reader.inOrder(ROOM).at(-1);
  const position = { epoch: last?.epoch ?? 0, seq: last?.seq ?? 0 };
  expect(await reader.request({ type: "read", channel: ROOM, ...position })).toMatchObject({ type: "ok" });
  // What Postgres has not been given yet, no server that has lost it can tell.
  const taken = 'taken_total{what="reads"}';
  await eventually(async () => (await scene.metric(taken)) > 0, { ...HEALED, what: "the read position in Postgres" });
  const joined = async (user: string, edge: number): Promise<Frame> => {
    const client = await scene.cluster.client(user, { edge });
    const reply = await client.join(ROOM);
    await client.close();
    return reply;
  };
  return async () => {
    for (const edge of [0, 1]) {
      await eventually(
        async () => {
          expect(await joined("outcast", edge)).toMatchObject({ type: "error", code: "banned" });
          expect(await joined("user-0", edge)).toMatchObject({ type: "ok", read: position, online: 2 });
        },
        { ...HEALED, everyMs: 500, what: `rights, reads and presence on edge ${edge}` },
      );
    }
  };
}

describe.each(["sentinel", "cluster"] as const)("on a Redis that is a %s", (kind) => {
  it("a replica that takes over, and the former master that takes over from it, go on where the other stood", async () => {
    const redis = topologies[kind];
    const scene = await startFailoverScene(redis.url);
    await scene.moreTalk(40);
    await scene.stored();
    const isAsBefore = await remember(scene);

    const { old } = await redis.failover(HEAD, "killed");
    scene.lost();
    await scene.newEpoch();
    await scene.moreTalk(60);
    await isAsBefore();
    await old.restart();
    await redis.settled();
    await scene.moreTalk(20);
    const second = await redis.failover(HEAD, "ordered");
    expect(second.now.name).toBe(old.name);
    scene.lost();
    await scene.newEpoch();
    await scene.moreTalk(60);
    await isAsBefore();
    const rows = await scene.judge();
    expect(epochsOf(rows, ROOM)).toBeGreaterThanOrEqual(3);
  });
});

it("a Redis that comes back with nothing numbers on from what Postgres has", async () => {
  const [server] = single.servers;
  if (server === undefined) throw new Error("no server");
  const scene = await startFailoverScene(single.url);
  await scene.moreTalk(40);
  const stored = await scene.stored();
  const isAsBefore = await remember(scene);
  process.kill(server.pid, "SIGKILL");
  scene.lost();
  await eventually(() => server.isOver);
  await server.restart();
  await scene.moreTalk(60);
  await isAsBefore();
  const rows = await scene.judge();
  const ids = new Set(rows.map(({ id }) => id));
  expect(stored.filter((id) => !ids.has(id))).toEqual([]);
  // Old pages are read on over what was lost, from the beginning to the end.
  const [client] = scene.clients;
  let after = { epoch: 0, seq: 0 };
  const read: string[] = [];
  for (let more = true; more;) {
    const page = await client?.request({ type: "history", channel: ROOM, after, limit: 200 });
    expect(page).toMatchObject({ type: "ok" });
    for (const { id, epoch = 0, seq = 0 } of page?.messages ?? []) {
      read.push(id ?? "");
      after = { epoch, seq };
    }
    more = page?.more === true;
  }
  expect(read).toEqual(rows.filter(({ channel }) => channel === ROOM).map(({ id }) => id));
});
