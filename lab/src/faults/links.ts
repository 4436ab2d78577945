// Faults of the ways between an edge and Redis. Rows of the table in all-faults.ts.
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@rookery/testkit";
import { ANYWHERE } from "../fault.ts";
import type { Fault, Scene } from "../fault.ts";
import type { RedisSide } from "../redis-side.ts";

const CUTS_A_ROUND = 20;
const LOSSES_A_ROUND = 5;
const [LOST_WITHIN_MS, SPOKEN_WITHIN_MS] = [60_000, 5_000];
const FLUSHES_A_ROUND = 10;

/** On every server; answers how many there were. */
export async function endSubscribers(redis: RedisSide): Promise<number> {
  const ended = await Promise.all(
    (await redis.masters()).map(async ({ admin }) => Number(await admin.call("CLIENT", "KILL", "TYPE", "pubsub"))),
  );
  return ended.reduce((sum, count) => sum + count, 0);
}

async function cutSubscribers({ world: { redis }, random }: Scene): Promise<number> {
  let cuts = 0;
  while (cuts < CUTS_A_ROUND) {
    if ((await endSubscribers(redis)) > 0) cuts += 1;
    // At any moment of a connection's life, also before all topics are its own again.
    await delay(random.below(150));
  }
  return cuts;
}

/** Of a topology in which there is one. */
function onlyOf<T>(way: T | undefined): T {
  if (way === undefined) throw new Error("nothing lies between an edge and a Redis that is a group");
  return way;
}

/** The answer to a run of sends on its own line, not one of a connection that keeps watch. */
const ANSWERS_SENDS = /\r\n\$2\r\nok\r\n:\d+\r\n|\*\d+\r\n\*\d+\r\n.*\bok\b/s;

/** In a mix nobody may speak at an edge any more: then another is tried. */
async function loseReplies({ world: { edges }, random, patienceMs }: Scene): Promise<number> {
  const untilMs = performance.now() + patienceMs(LOST_WITHIN_MS);
  let lost = 0;
  while (lost < LOSSES_A_ROUND && performance.now() < untilMs) {
    const way = onlyOf(random.pick(edges).redis);
    const isLost = way.loseNextReply((bytes) => ANSWERS_SENDS.test(bytes.toString("latin1"))).then(() => true);
    if (await Promise.race([isLost, delay(SPOKEN_WITHIN_MS, false)])) lost += 1;
    else void way.loseNextReply(() => false);
    await delay(200 + random.below(300));
  }
  return lost;
}

async function flushScripts({ world: { redis }, crowd, random, note }: Scene): Promise<number> {
  const missed = async (): Promise<number> => {
    const told = await Promise.all((await redis.masters()).map(({ admin }) => admin.info("errorstats")));
    return told.reduce((sum, text) => sum + Number(/errorstat_NOSCRIPT:count=(\d+)/.exec(text)?.[1] ?? 0), 0);
  };
  const before = await missed();
  for (let flushes = 0; flushes < FLUSHES_A_ROUND; flushes += 1) {
    const acknowledged = crowd.acknowledged();
    for (const { admin } of await redis.masters()) await admin.script("FLUSH");
    await eventually(() => crowd.acknowledged() > acknowledged, { what: "a send after the scripts were forgotten" });
    await delay(random.below(200));
  }
  note("scripts missed", (await missed()) - before);
  return FLUSHES_A_ROUND;
}

export const linkFaults: readonly Fault[] = [
  {
    name: "subscriber-cut",
    attacks: "A3",
    does: "ends every subscriber connection, again and again under load",
    topologies: ANYWHERE,
    touches: ["redis"],
    rounds: 1,
    least: CUTS_A_ROUND,
    inject: cutSubscribers,
    connections: "kept",
    bites: [
      { what: "topics subscribed again", count: ({ grew }) => grew("rookery_edge_resubscribes_total"), least: 5 },
      { what: "holes healed", count: ({ grew }) => grew('rookery_edge_relay_events_total{event="hole_healed"}') },
    ],
  },
  {
    name: "reply-lost",
    attacks: "A4 A5",
    does: "lets Redis do what an edge asked, and drops its answer",
    topologies: ["single"],
    touches: ["redis"],
    rounds: 1,
    least: LOSSES_A_ROUND,
    inject: loseReplies,
    connections: "kept",
    bites: [
      { what: "unknown", count: ({ unknown }) => unknown },
      { what: "duplicate answered", count: ({ duplicates }) => duplicates },
    ],
  },
  {
    name: "script-flush",
    attacks: "A5",
    does: "makes Redis forget its scripts in the middle of sends",
    topologies: ANYWHERE,
    touches: ["redis"],
    rounds: 1,
    least: FLUSHES_A_ROUND,
    inject: flushScripts,
    connections: "kept",
    bites: [{ what: "scripts missed", count: ({ noted }) => noted("scripts missed") }],
  },
];
