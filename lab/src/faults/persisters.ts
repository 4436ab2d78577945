// Faults of persisters: they die, stand still, wake. Rows of the table in all-faults.ts.
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@rookery/testkit";
import { ANYWHERE } from "../fault.ts";
import type { Bite, Fault, Scene } from "../fault.ts";
import type { Node } from "../world.ts";

const DEAD_MOST_MS = 1_000;
const KILLS_A_ROUND = 12;
/** Each way to Postgres takes so long, so that a kill meets a commit more often than not. */
const SLOW_MS = 15;
const TAKEN_OVER_WITHIN_MS = 10_000;
const FROZEN_MS = 15_000;
const PARTITIONS = 64;

async function killPersisters({ world: { persisters }, random, note }: Scene): Promise<number> {
  for (const { postgres } of persisters) postgres.latency(SLOW_MS);
  for (let kills = 0; kills < KILLS_A_ROUND; kills += 1) {
    const { service } = random.pick(persisters);
    await delay(random.below(400));
    await service.kill();
    note("kills");
    await delay(random.below(DEAD_MOST_MS));
    await service.start();
  }
  for (const { postgres } of persisters) postgres.latency(0);
  return KILLS_A_ROUND;
}

/** Once one of them neither lives nor beats, the others own all. */
async function untilTakenOver({ world: { persisters }, note, patienceMs }: Scene, gone: Node): Promise<void> {
  const others = persisters.filter((one) => one !== gone);
  await eventually(
    async () => {
      const told = await Promise.all(others.map(({ service }) => service.metrics()));
      const owned = told.reduce((sum, metrics) => sum + (metrics.get("rookery_persister_owned_partitions") ?? 0), 0);
      if (owned < PARTITIONS) throw new Error(`${owned} of ${PARTITIONS} partitions are owned by those who live`);
      return true;
    },
    { withinMs: patienceMs(TAKEN_OVER_WITHIN_MS), everyMs: 100, what: "a takeover" },
  );
  note("takeovers");
}

async function killForGood(scene: Scene): Promise<number> {
  const victim = scene.random.pick(scene.world.persisters);
  await victim.service.kill();
  await untilTakenOver(scene, victim);
  await delay(2_000);
  await victim.service.start();
  return 1;
}

async function freezePersister(scene: Scene): Promise<number> {
  const victim = scene.random.pick(scene.world.persisters);
  // Its commits are under way when it stands still, and go on when it wakes.
  victim.postgres.latency(SLOW_MS);
  await delay(500);
  victim.service.signal("SIGSTOP");
  const wakesAtMs = performance.now() + FROZEN_MS;
  await untilTakenOver(scene, victim);
  await delay(Math.max(0, wakesAtMs - performance.now()));
  victim.service.signal("SIGCONT");
  victim.postgres.latency(0);
  return 1;
}

const STORED: Bite = { what: "rows stored", count: ({ grew }) => grew("rookery_persister_rows_total"), least: 1_000 };
const TAKEOVER: Bite = { what: "takeovers", count: ({ noted }) => noted("takeovers") };

export const persisterFaults: readonly Fault[] = [
  {
    name: "persister-killed",
    attacks: "A6",
    does: "kills persisters again and again while they commit, and starts them again",
    topologies: ANYWHERE,
    touches: ["persisters"],
    rounds: 1,
    least: KILLS_A_ROUND,
    inject: killPersisters,
    connections: "kept",
    signals: "whole",
    bites: [STORED],
  },
  {
    name: "persister-killed-for-good",
    attacks: "A6",
    does: "kills a persister and waits until the others own what it owned",
    topologies: ANYWHERE,
    touches: ["persisters"],
    rounds: 2,
    inject: killForGood,
    connections: "kept",
    signals: "whole",
    bites: [{ ...TAKEOVER, least: 2 }],
  },
  {
    name: "persister-frozen",
    attacks: "A6",
    does: `stops a persister for ${FROZEN_MS / 1000} s, until others own what it owned, and lets it wake`,
    topologies: ANYWHERE,
    touches: ["persisters"],
    rounds: 1,
    inject: freezePersister,
    connections: "kept",
    signals: "whole",
    bites: [TAKEOVER],
  },
];
