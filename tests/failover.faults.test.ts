// A Redis that becomes another one under a cluster in which people go on speaking: a replica that is promoted, one that is demoted
// and promoted again, and a server that comes back with nothing. Positions, rights, read positions and presence are as before,
// though with each promotion the clock goes ten minutes back or on.
import { createKeys, createPartitions } from "@rookery/broker";
import { offClock } from "@rookery/servers";
import { eventually, testTopology } from "@rookery/testkit";
import type { ChatClient, Frame, Row, TestTopology } from "@rookery/testkit";
import { describe, expect, it } from "vitest";
import { HEALED, startFailoverScene } from "./failover-scene.ts";
import type { FailoverScene } from "./failover-scene.ts";

const ROOM = "alpha";
/** As any cluster has them unless it says otherwise. */
const HEAD = createKeys(createPartitions(64)).channel(ROOM).head;

const OFF_MS = 300_000;
/** How far a stamp may be from the clock it was taken from, on a busy machine. */
const NEAR_MS = 60_000;
/** What is promised of the users of a dead edge. */
const GONE_WITHIN_MS = 10_000;

/** Why the clock of a server is not to be put off here; "" where it is. */
const whyTrue = await offClock(OFF_MS).then(
  () => "",
  (error: unknown) => String(error),
);

/** Masters whose clocks are ahead, and replicas whose clocks are behind. */
function offTopology(kind: "sentinel" | "cluster"): Promise<TestTopology> {
  const masters = kind === "sentinel" ? 1 : 3;
  const names = Array.from({ length: 2 * masters }, (_, n) => `redis-${n + 1}`);
  const clocksOffMs = Object.fromEntries(names.map((name, n) => [name, n < masters ? OFF_MS : -OFF_MS] as const));
  return testTopology({ kind, ...(whyTrue === "" ? { clocksOffMs } : {}) });
}

const topologies = {
  sentinel: await offTopology("sentinel"),
  cluster: await offTopology("cluster"),
};
const single = await testTopology({ kind: "single" });

/** Of the whole of a channel each says what it follows, and every epoch goes on by one from there. */
function epochsOf(rows: readonly Row[], channel: string): number {
  return new Set(rows.filter((row) => row.channel === channel).map(({ epoch }) => epoch)).size;
}

/** Whoever is banned, how far somebody has read and who is there, before; answers the look at it afterwards. */
async function remember(scene: FailoverScene): Promise<() => Promise<void>> {
  const [reader] = scene.clients;
  if (reader === undefined) throw new Error("nobody is there");
  await scene.ask("PUT", `/v1/channels/${ROOM}/bans/outcast`, { forSec: 3_600 });
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

/** Who was told to have come and gone, as somebody in the channel heard it. */
const comings = ({ frames }: ChatClient): string[] =>
  frames.flatMap(({ type, user }) => (type === "joined" || type === "left" ? [`${user} ${type}`] : []));

/** By how much the clock is ahead that the newest message was stamped by. */
function stampedAheadMs({ clients }: FailoverScene): number {
  const messages = clients[0]?.frames.filter(({ type, channel }) => type === "message" && channel === ROOM);
  return Number(messages?.at(-1)?.["at"]) - Date.now();
}

/** From when everybody was acknowledged in a new epoch on, all are. */
async function goesOn(scene: FailoverScene): Promise<void> {
  const { clients, talk } = scene;
  scene.lost();
  await scene.newEpoch();
  const since = talk.said.length;
  const answersTo = (client: ChatClient): unknown[] =>
    talk.said.slice(since).flatMap(({ client: by, reply }) => (by === client ? [reply?.code ?? reply?.type] : []));
  const isHeard = (client: ChatClient): boolean => answersTo(client).filter((each) => each === "ok").length > 3;
  await eventually(() => clients.every(isHeard), { ...HEALED, what: "an ok to everybody" });
  const later = talk.said.length;
  await scene.moreTalk(60);
  expect(new Set(talk.said.slice(later).map(({ reply }) => reply?.code ?? reply?.type))).toEqual(new Set(["ok"]));
}

describe.each(["sentinel", "cluster"] as const)("on a Redis that is a %s", (kind) => {
  it("a replica that takes over, and the former master that takes over from it, go on where the other stood", async () => {
    const redis = topologies[kind];
    const scene = await startFailoverScene(redis.url, { edges: 3 });
    const ghost = await scene.cluster.client("ghost", { edge: 2 });
    await ghost.join("beta");
    const watcher = scene.clients[1];
    if (watcher === undefined) throw new Error("nobody watches");
    await eventually(() => comings(watcher).includes("ghost joined"));
    const told = comings(watcher);
    await scene.moreTalk(40);
    await scene.stored();
    const isAsBefore = await remember(scene);

    scene.cluster.kill("edge-3");
    const { old } = await redis.failover(HEAD, "killed");
    const goneByMs = performance.now() + GONE_WITHIN_MS;
    await goesOn(scene);
    const [backMs, isGone] = [stampedAheadMs(scene), (): boolean => comings(watcher).includes("ghost left")];
    await eventually(isGone, { withinMs: goneByMs - performance.now(), what: "the end of a dead edge's users" });
    await isAsBefore();
    await old.restart();
    await redis.settled();
    await scene.moreTalk(20);
    const second = await redis.failover(HEAD, "ordered");
    expect(second.now.name).toBe(old.name);
    await goesOn(scene);
    const onMs = stampedAheadMs(scene);
    await isAsBefore();
    expect(comings(watcher)).toEqual([...told, "ghost left"]);
    const rows = await scene.judge();
    expect(epochsOf(rows, ROOM)).toBeGreaterThanOrEqual(3);
    const [behind, ahead] = whyTrue === "" ? [-OFF_MS, OFF_MS] : [0, 0];
    expect(Math.abs(backMs - behind)).toBeLessThan(NEAR_MS);
    expect(Math.abs(onMs - ahead)).toBeLessThan(NEAR_MS);
  });

  it("the clocks of the two were ten minutes apart", async ({ skip }) => {
    skip(whyTrue !== "", whyTrue);
    const { servers, clientOf } = topologies[kind];
    const secs = await Promise.all(servers.map(async (server) => (await clientOf(server).time())[0]));
    expect((Math.max(...secs.map(Number)) - Math.min(...secs.map(Number))) * 1_000).toBeGreaterThan(
      2 * OFF_MS - NEAR_MS,
    );
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
