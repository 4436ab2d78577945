// Contract of what an edge hears from Redis, over real topics and real sockets: each kind goes its own way.
import {
  connectRedis,
  createAccessStore,
  createEpochFloors,
  createKeys,
  createPartitions,
  createRegistry,
  whenReady,
} from "@rookery/broker";
import { joinCluster } from "@rookery/node";
import { ORIGIN } from "@rookery/protocol";
import { createRights } from "@rookery/rights";
import { createLog, createMetrics, createNodeId } from "@rookery/runtime";
import { eventually, testRedis } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { rawPeer, TEXT, upgradeText } from "../../../tests/raw-peer.ts";
import type { RawPeer } from "../../../tests/raw-peer.ts";
import { doorRig } from "./door.fixture.ts";
import { createFanOut } from "./fan-out.ts";
import { slowReaders } from "./lanes/slow-readers.fixture.ts";
import { listen } from "./listener.ts";
import { createMembership } from "./membership.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { createRedisFeed } from "./redis-feed.ts";
import type { Control } from "./redis-feed.ts";
import { ALONE } from "./session.fixture.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const partitions = createPartitions(4);
const keys = createKeys(partitions);
const COMMAND_TIMEOUT_MS = 2_000;
/** As scripts pack them: kind, excluded session, then position and the one it follows. */
const ANNOUNCE = `
  local numbers = { tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]) }
  local header = struct.pack('>BBdddd', tonumber(ARGV[1]), #ARGV[2], unpack(numbers))
  return redis.call('SPUBLISH', KEYS[1], header .. ARGV[2] .. ARGV[7])
`;
const UNSET = { version: 0, digestAbove: null, countAbove: null };
const notAsked = (): never => {
  throw new Error("nobody asks for this here");
};

async function edge() {
  const node = createNodeId("edge");
  const rig = doorRig({
    node: node.current,
    watch: {
      hold: (partition) => feed.watch.hold(partition),
      ready: (partition) => feed.watch.ready(partition),
      release: (partition) => feed.watch.release(partition),
    },
  });
  const registry = createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" });
  const metrics = createEdgeMetrics(registry);
  const { lanes, missed, shed } = slowReaders(rig.hub.sessions);
  const listener = await listen({
    ...{ lanes, missed },
    ...{ host: "127.0.0.1", port: 0, door: rig.door, intake: rig.intake, hardBufferBytes: 65_536, idleMs: 45_000 },
    wire: { controlPerSec: 50, controlBurst: 100, lastWordsMs: 1_000 },
    pace: { beatMs: () => 0 },
    everybody: () => [],
  });
  const fanOut = createFanOut({
    ...{ hub: rig.hub, missed, shed, publish: listener.publish, deliveries: metrics.deliveries },
  });
  const [commands, reads] = (["commands", "reads"] as const).map((use) =>
    connectRedis({ url: server.url, use, commandTimeoutMs: COMMAND_TIMEOUT_MS }),
  );
  if (commands === undefined || reads === undefined) throw new Error("there is no connection");
  const controls: Control[] = [];
  const gate = { isOpen: true };
  const saved: string[] = [];
  const stops: (() => Promise<void> | void)[] = [];
  const context = {
    settings: {
      redisUrl: server.url,
      redisCa: undefined,
      commandTimeoutMs: COMMAND_TIMEOUT_MS,
      leaseMs: 6_000,
      outboxMaxBytes: 2 ** 20,
    },
    log: createLog({ service: "edge", node: node.current, level: "silent" }),
    ...{ node, fail: notAsked, onStop: (_name: string, stop: () => Promise<void> | void) => void stops.push(stop) },
  };
  const waiting = new Set<number>();
  const present = new Set<number>();
  const unheard: string[] = [];
  const restored: string[] = [];
  const floorReads = { n: 0 };
  /** As Postgres has every channel. */
  const lobby = { version: 0, kind: "public", owner: "", slowModeSec: 0, memberCap: null, deleted: false } as const;
  const committed = { record: { ...lobby, version: 0 } };
  const rights = createRights({
    channels: { existing: async (ids) => new Map(ids.map((id) => [id, UNSET])), ensurePublic: notAsked },
    access: createAccessStore({ connection: commands, keys }),
    standings: {
      read: async (wishes) =>
        new Map(wishes.map(({ channel }) => [channel, { ...committed, isWhole: true, entries: new Map() }])),
    },
    partitionOf: partitions.of,
    autoCreate: false,
  });
  const feed = createRedisFeed({
    ...{ context, fitness: { isFit: Promise.resolve(true) } },
    ...{ commands, reads, keys, partitions, floors: createEpochFloors(), metrics, outlet: fanOut },
    signals: {
      fleeting: (channel, { frame, exclude }) => fanOut.signal(channel, frame, exclude),
      unheard: (channel) => void unheard.push(channel),
      restored: (channels) => void restored.push(...channels),
      isNeeded: (partition) => present.has(partition),
    },
    order: notAsked,
    rights,
    floorReader: { read: async () => void (floorReads.n += 1) },
    history: {
      head: notAsked,
      heads: (channels) => channels.map(() => Promise.resolve({ position: ORIGIN, saved: ORIGIN })),
      forward: notAsked,
    },
    persisted: {
      saved: (partition, { upTo }) => void saved.push(`${partition} ${upTo.epoch}-${upTo.number}`),
      waitsIn: (partition) => waiting.has(partition),
    },
    control: (heard) => void controls.push(heard),
    gate: { isAllOpen: () => gate.isOpen, isOpen: () => gate.isOpen },
  });
  onTestFinished(async () => {
    for (const stop of stops) await stop();
    await feed.close();
    listener.close();
    for (const connection of [commands, reads]) connection.disconnect();
  });
  await whenReady(commands, COMMAND_TIMEOUT_MS);
  await feed.attach();
  const clustered = { ...context, metrics: registry };
  joinCluster({
    context: clustered,
    commands,
    keys,
    self: { kind: "edge" },
    load: () => ({ connections: 0, draining: false }),
  });
  const membership = createMembership({ hub: rig.hub, relays: feed.relays, entered: ALONE, leavers: [] });
  const open = async (): Promise<RawPeer> => {
    const peer = await rawPeer(listener.port);
    onTestFinished(peer.destroy);
    peer.write(upgradeText({ Authorization: "Bearer a.b.c" }));
    await eventually(() => peer.frames().length > 0);
    return peer;
  };
  const state = { gate, waiting, present, unheard, restored, floorReads, controls, saved, committed };
  return { ...rig, ...state, node, commands, metrics, feed, rights, membership, open };
}

const announce = (kind: 1 | 2, exclude: string, numbers: readonly number[], frame: string): Promise<unknown> =>
  server.redis.eval(ANNOUNCE, 1, keys.channel("lobby").topic, kind, exclude, ...numbers, frame);

const textsOf = (peer: RawPeer): string[] =>
  peer.frames().flatMap(({ opcode, payload }) => (opcode === TEXT ? [payload.toString()] : []));

it("a signal reaches the members of its channel but the session it excludes, and moves no position", async () => {
  const { hub, metrics, feed, membership, open } = await edge();
  const peers = [await open(), await open()] as const;
  const sessions = [...hub.sessions.values()];
  for (const session of sessions) {
    await feed.relays.hold("lobby");
    membership.enter(session, "lobby");
  }
  await announce(2, sessions[0]?.id ?? "", [0, 0, 0, 0], "typing");
  await announce(1, "", [7, 1, 0, 0], "message");
  await eventually(() => textsOf(peers[1]).length === 3 && textsOf(peers[0]).length === 2);
  expect(textsOf(peers[1]).slice(1)).toEqual(["typing", "message"]);
  expect(textsOf(peers[0]).slice(1)).toEqual(["message"]);
  expect(metrics.relay).toMatchObject({ delivered: { n: 1 }, hole_found: { n: 0 }, unwanted: { n: 0 } });
});

it("what comes while rights cannot be relied upon is let go of, and found again once they can", async () => {
  const { gate, feed, restored, metrics, controls } = await edge();
  await feed.watch.hold(LOBBY);
  await feed.relays.hold("lobby");
  await announce(1, "", [7, 1, 0, 0], "before");
  await eventually(() => metrics.relay.delivered.n === 1);
  gate.isOpen = false;
  await announce(1, "", [7, 2, 7, 1], "meanwhile");
  await announce(2, "", [0, 0, 0, 0], "typing");
  await announce(1, "", [7, 3, 7, 2], "meanwhile too");
  // One connection hears all of it in order, and what is said of rights is never let go of.
  await server.redis.spublish(keys.partition(LOBBY).control, "a mark");
  await eventually(() => controls.some((each) => each.kind === "announced" && each.text === "a mark"));
  feed.reopened();
  expect(restored).toEqual([]);
  gate.isOpen = true;
  feed.reopened();
  expect(restored).toEqual(["lobby"]);
  expect([metrics.relay.delivered.n, feed.relays.positionOf("lobby")]).toEqual([1, { epoch: 7, seq: 1 }]);
});

it("what is said of rights is told on, as it was announced and as every look at a partition shows it", async () => {
  const { feed, controls, saved } = await edge();
  await feed.watch.hold(2);
  const { control, part } = keys.partition(2);
  await server.redis.hset(part, { owner: "abc", epoch: "7", control: "7-3" });
  await server.redis.spublish(control, '{"stored":"7-12","unstored":0}');
  await server.redis.spublish(control, '{"rights":"lobby"}');
  await eventually(() => controls.some(({ kind }) => kind === "announced"));
  expect(saved).toEqual(["2 7-12"]);
  expect(controls.filter(({ kind }) => kind === "announced")).toEqual([
    { kind: "announced", partition: 2, text: '{"rights":"lobby"}' },
  ]);
  const serving = /master_replid:(\w+)/.exec(await server.redis.info("replication"))?.[1];
  const looked = {
    kind: "compared",
    partition: 2,
    owner: "abc",
    serving,
    control: { epoch: 7, number: 3 },
    isMoved: false,
  };
  await eventually(() => expect(controls).toContainEqual(expect.objectContaining(looked)));
});

it("an edge that takes another id is listed under it alone, says it, hears its own probes and delivers on", async () => {
  const { hub, node, commands, metrics, feed, membership, controls, open } = await edge();
  const registry = createRegistry({ connection: commands, keys, leaseMs: 6_000 });
  const listed = async (): Promise<string[]> => (await registry.list()).map((record) => record.node);
  const former = node.current();
  await eventually(async () => expect(await listed()).toEqual([former]));
  const peer = await open();
  const [session] = hub.sessions.values();
  if (session === undefined) throw new Error("there is no session");
  await feed.relays.hold("lobby");
  membership.enter(session, "lobby");
  await announce(1, "", [7, 1, 0, 0], "before");
  await eventually(() => textsOf(peer).includes("before"));

  const current = node.renew();
  await eventually(async () => expect(await listed()).toEqual([current]));
  const later = await open();
  expect(JSON.parse(textsOf(later)[0] ?? "")).toMatchObject({ type: "welcome", node: current });
  await announce(1, "", [7, 2, 7, 1], "after");
  await eventually(() => textsOf(peer).includes("after"));
  // Four calls since: a probe that does not come back is told from the second one on.
  const looks = (): number => controls.filter(({ kind, partition }) => kind === "compared" && partition === 0).length;
  const before = looks();
  await eventually(() => looks() >= before + 4, { withinMs: 10_000 });
  expect(metrics.probeMisses.n).toBe(0);
  expect(metrics.resubscribes.n).toBe(0);
});

const LOBBY = partitions.of("lobby");
const asked = { user: "ann", channel: "lobby", right: "write" } as const;

it("a change of rights that nobody here heard of is known to whoever comes next", async () => {
  const { feed, rights, waiting, present, committed } = await edge();
  await eventually(() => feed.watchedPartitions() === 1);
  await feed.watch.hold(LOBBY);
  expect(await rights.cached(asked)).toMatchObject({ version: 0 });
  expect(feed.watch.hold(LOBBY)).toBeUndefined();
  for (let holds = 0; holds < 2; holds += 1) feed.watch.release(LOBBY);
  await eventually(() => feed.watchedPartitions() === 1);
  committed.record.version = 1;
  await server.redis.hset(keys.partition(LOBBY).rights, "lobby", "1");
  await feed.watch.hold(LOBBY);
  expect(await rights.cached(asked)).toMatchObject({ version: 1 });
  feed.watch.release(LOBBY);
  waiting.add(LOBBY);
  await eventually(() => feed.watchedPartitions() === 2);
  waiting.delete(LOBBY);
  await eventually(() => feed.watchedPartitions() === 1);
  present.add(LOBBY);
  await eventually(() => feed.watchedPartitions() === 2);
});

it("signals hear which topics are heard again after a loss, and which are given back", async () => {
  const { feed, restored, unheard } = await edge();
  await feed.relays.hold("lobby");
  await server.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => restored.includes("lobby"));
  expect(unheard).toEqual([]);
  feed.relays.release("lobby");
  await eventually(() => unheard.includes("lobby"));
});

it("another master is told of with the look that meets it, and what is remembered of rights is read again after topics were lost", async () => {
  const { feed, rights, metrics, controls } = await edge();
  await feed.watch.hold(LOBBY);
  const moved = (): boolean => controls.some((each) => each.kind === "compared" && each.isMoved);
  expect(moved()).toBe(false);
  await server.redis.call("DEBUG", "CHANGE-REPL-ID");
  await eventually(moved);
  await rights.cached(asked);
  expect(rights.cached(asked)).not.toBeInstanceOf(Promise);
  await server.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => metrics.resubscribes.n === 1);
  expect(rights.cached(asked)).toBeInstanceOf(Promise);
});

it("floors are read when a partition is first watched, and nobody waits for them", async () => {
  const { feed, floorReads } = await edge();
  await eventually(() => feed.watchedPartitions() === 1);
  const before = floorReads.n;
  await feed.watch.hold(2);
  await eventually(() => floorReads.n === before + 1);
  expect(feed.watch.hold(2)).toBeUndefined();
});

it("an edge without a client asks Redis for less than five things a second, beats and offices among them", async () => {
  // Clearing away after the edges of other tests is no part of it.
  await server.flush();
  await edge();
  const started = [keys.nodes, keys.reaper, keys.budgetWatch];
  await eventually(async () => (await server.redis.exists(...started)) === started.length);
  const commands: string[] = [];
  const monitor = await server.redis.monitor();
  onTestFinished(() => monitor.disconnect());
  monitor.on("monitor", (_at: string, [name = ""]: string[], source: string) => {
    if (source !== "lua" && name !== "monitor") commands.push(name);
  });
  const pulses = (): number => commands.filter((name) => name === "evalsha").length;
  await eventually(() => pulses() >= 16, { withinMs: 8_000 });
  // Sixteen scripts are four seconds of it: one for the pulse, one for beats, one for each office.
  expect(commands.length).toBeLessThanOrEqual(20);
});
