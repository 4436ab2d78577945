// Faults of a Redis server itself: dead, frozen, empty, full, with the end of its file cut. Rows of the table in
// all-faults.ts.
import { readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@rookery/testkit";
import { ANYWHERE } from "../fault.ts";
import type { Bite, Fault, Scene } from "../fault.ts";
import type { RedisMember } from "../redis-side.ts";

const DEAD_MOST_MS = 2_000;
const FROZEN_MS = 30_000;
const FULL_MS = 4_000;
const RECOVERS_WITHIN_MS = 10_000;
const [SAID_BEFORE, SAID_AND_CUT] = [300, 60];

const [MASTER_GONE_WITHIN_MS, SETTLES_WITHIN_MS] = [30_000, 60_000];

/** One under which somebody speaks: of a Cluster's masters not each has a channel of the run. */
async function anyMaster({ world: { redis }, crowd, random }: Scene): Promise<RedisMember> {
  const masters = await redis.masters();
  const heads = await Promise.all(
    masters.map(async ({ admin }) =>
      Promise.all(crowd.channels.map((channel) => admin.keys(`{*}:head:${channel}`))).then((found) => found.flat()),
    ),
  );
  return random.pick(masters.filter((_, n) => heads[n]?.length !== 0));
}

async function killRedis(scene: Scene): Promise<number> {
  const master = await anyMaster(scene);
  await master.kill();
  await delay(scene.random.below(DEAD_MOST_MS));
  await master.revive();
  return 1;
}

async function freezeRedis(scene: Scene): Promise<number> {
  const master = await anyMaster(scene);
  process.kill(master.pid(), "SIGSTOP");
  await delay(FROZEN_MS);
  process.kill(master.pid(), "SIGCONT");
  await scene.world.redis.settled();
  return 1;
}

async function fillRedis({ world: { redis }, crowd, note }: Scene): Promise<number> {
  const masters = await redis.masters();
  for (const { admin } of masters) {
    const used = Number(/used_memory:(\d+)/.exec(await admin.info("memory"))?.[1] ?? 0);
    await admin.config("SET", "maxmemory", String(Math.floor(used * 0.9)));
  }
  const before = crowd.acknowledged();
  await delay(FULL_MS);
  note("acknowledged while full", crowd.acknowledged() - before);
  for (const { admin } of masters) await admin.config("SET", "maxmemory", "0");
  return 1;
}

async function emptyRedis(scene: Scene): Promise<number> {
  const master = await anyMaster(scene);
  await master.kill();
  await rm(join(master.dir, "appendonlydir"), { recursive: true, force: true });
  await master.revive();
  return 1;
}

/**
 * What a kill alone never shows: the page cache survives it, and so does all that was written. The file is cut back to where
 * it ended some messages ago, so that what stands before is known still.
 */
async function cutTail(scene: Scene): Promise<number> {
  const { crowd, note, patienceMs } = scene;
  const master = await anyMaster(scene);
  const folder = join(master.dir, "appendonlydir");
  const talked = async (messages: number): Promise<void> => {
    const before = crowd.acknowledged();
    await eventually(() => crowd.acknowledged() >= before + messages, { withinMs: patienceMs(60_000), what: "talk" });
  };
  await talked(SAID_BEFORE);
  const file = join(folder, (await readdir(folder)).find((name) => name.endsWith(".incr.aof")) ?? "");
  const { size: kept } = await stat(file);
  await talked(SAID_AND_CUT);
  await master.kill();
  note("bytes cut", (await stat(file)).size - kept);
  await truncate(file, kept);
  await master.revive();
  return 1;
}

/** A master dies for as long as it takes to be replaced, and comes back as a replica. */
async function replaceMaster(scene: Scene, master: RedisMember): Promise<void> {
  const { redis } = scene.world;
  await master.kill();
  await eventually(
    async () => {
      const masters = await redis.masters();
      return masters.length === redis.mastersCount && !masters.includes(master);
    },
    { withinMs: MASTER_GONE_WITHIN_MS, what: `a master in place of ${master.name}` },
  );
  scene.note("promoted");
  // In a `safe` cluster nobody is answered `ok` as long as the new one has no replica.
  if (scene.world.ack === "fast") await scene.crowd.everybodySpoke(scene.patienceMs(RECOVERS_WITHIN_MS));
  await master.revive();
  await eventually(async () => (await redis.settled()) === undefined, {
    ...{ withinMs: SETTLES_WITHIN_MS, what: "a whole group" },
  });
}

async function killMaster(scene: Scene): Promise<number> {
  await replaceMaster(scene, await anyMaster(scene));
  return 1;
}

/** The one that was replaced replaces whoever replaced it: ids of replication come back that were known before. */
async function promoteTwice(scene: Scene): Promise<number> {
  const { redis } = scene.world;
  const first = await anyMaster(scene);
  const before = await redis.masters();
  await replaceMaster(scene, first);
  const second = (await redis.masters()).find((one) => !before.includes(one));
  if (second === undefined) throw new Error("nobody was promoted");
  await replaceMaster(scene, second);
  return 2;
}

const REFUSED: Bite = {
  what: "unknown or refused",
  count: ({ unknown, refused }) => unknown + refused,
};
const RESUBSCRIBED: Bite = {
  what: "topics subscribed again",
  count: ({ grew }) => grew("rookery_edge_resubscribes_total"),
};
const PROMOTED: Bite = { what: "promoted", count: ({ noted }) => noted("promoted") };
const replaced = {
  attacks: "A2 A3 A5 A6",
  topologies: ["sentinel", "cluster"],
  touches: ["redis"],
  connections: "kept",
} as const;
const shared = { topologies: ["single"], touches: ["redis"], connections: "kept" } as const;

export const redisFaults: readonly Fault[] = [
  {
    ...shared,
    name: "redis-killed",
    attacks: "A1 A2 A3 A5",
    does: "kills Redis and starts it again on what it wrote",
    rounds: 3,
    inject: killRedis,
    bites: [REFUSED, RESUBSCRIBED],
  },
  {
    ...shared,
    topologies: ANYWHERE,
    name: "redis-frozen",
    attacks: "A2 A3 A5",
    does: `stops Redis for ${FROZEN_MS / 1000} s and lets it go on`,
    rounds: 1,
    inject: freezeRedis,
    bites: [{ what: "unknown", count: ({ unknown }) => unknown }],
  },
  {
    ...shared,
    topologies: ANYWHERE,
    name: "redis-full",
    attacks: "A5 A6",
    does: `lowers maxmemory below what is used for ${FULL_MS / 1000} s`,
    rounds: 2,
    inject: fillRedis,
    bites: [{ what: "refused", count: ({ refused }) => refused }],
  },
  {
    ...shared,
    name: "redis-emptied",
    attacks: "A2 A3",
    does: "kills Redis and starts it again with nothing",
    rounds: 2,
    inject: emptyRedis,
    bites: [REFUSED, RESUBSCRIBED],
  },
  {
    ...shared,
    name: "redis-tail-cut",
    attacks: "A2 A3 A6",
    does: "kills Redis and starts it again without the end of its append-only file",
    rounds: 2,
    inject: cutTail,
    bites: [RESUBSCRIBED, { what: "bytes cut", count: ({ noted }) => noted("bytes cut"), least: 2 * SAID_AND_CUT }],
  },
  {
    ...replaced,
    name: "master-killed",
    does: "kills a master, and brings it back once it was replaced",
    rounds: 2,
    inject: killMaster,
    bites: [REFUSED, { ...PROMOTED, least: 2 }],
  },
  {
    ...replaced,
    name: "promoted-twice",
    does: "kills a master, and then the one that replaced it, so that the first leads again",
    rounds: 1,
    least: 2,
    inject: promoteTwice,
    bites: [REFUSED, { ...PROMOTED, least: 2 }],
  },
];
