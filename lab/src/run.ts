// One run of the lab: people talk, faults are injected, everything is healed, quiet is awaited, and all that was written
// down is judged. Called by main.ts and by tests.
// States: gathering, talking, breaking, healing, silent, judged. Must never call a run good in which a fault was not felt.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { checkHistories, eventually } from "@rookery/testkit";
import type { Row, Violation } from "@rookery/testkit";
import { gatherCrowd } from "./crowd.ts";
import type { Crowd } from "./crowd.ts";
import { excerptOf } from "./excerpt.ts";
import type { Fault, Scene } from "./fault.ts";
import { awaitQuiet, keepRows } from "./quiet.ts";
import type { Random } from "./random.ts";
import { countHistories, watchGrowth } from "./seen.ts";
import type { Growth, Seen } from "./seen.ts";
import { LEAST, verdictOf } from "./verdict.ts";
import type { Outcome } from "./verdict.ts";
import type { World } from "./world.ts";

export interface RunOptions {
  readonly world: World;
  /** Several are injected beside one another. */
  readonly faults: readonly Fault[];
  /** In the table; its channels, users and folder begin with it. */
  readonly name: string;
  readonly folder: string;
  readonly random: Random;
  /** Rounds are repeated until so much time has passed. */
  readonly minutes?: number;
}

const SPEAKERS = 12;
const CHANNELS = 3;
const PACE_MS = 40;
const RECOVERS_WITHIN_MS = 10_000;
/** What is promised after one cause is not promised after several at once; what it took is in the table. */
const RECOVERS_FROM_ALL_WITHIN_MS = 30_000;
const TALKS_ON_WITHIN_MS = 180_000;
/** Above what any round takes on a machine that has other things to do. */
const ENDS_WITHIN_MS = 240_000;
/** Faults of a mix begin within so long of one another. */
const APART_MS = 3_000;
/** Above what the longest fault takes away from the others of its mix. */
const MIXED_WITHIN_MS = 90_000;

/** Never rejects for what the cluster does: a run that could not be ended well is an outcome too. */
export async function runFaults(options: RunOptions): Promise<Outcome> {
  const { world, faults, name, random } = options;
  const folder = join(options.folder, name);
  const growth = await watchGrowth(world.nodes().map(({ service }) => service));
  const crowd = await gatherCrowd(world, { name, folder, speakers: SPEAKERS, channels: CHANNELS, paceMs: PACE_MS });
  const notes = new Map<string, number>();
  const scene: Scene = {
    ...{ world, crowd, random, name },
    note: (what, times = 1) => void notes.set(what, (notes.get(what) ?? 0) + times),
    noted: (what) => notes.get(what) ?? 0,
    patienceMs: (promisedMs) => (faults.length > 1 ? Math.max(promisedMs, MIXED_WITHIN_MS) : promisedMs),
  };
  const troubles: string[] = [];
  const recoveriesMs: number[] = [];
  const injected = new Map<Fault, number>();
  try {
    await breakAndRecover({ ...options, scene, injected, recoveriesMs });
  } catch (error) {
    troubles.push(error instanceof Error ? error.message : String(error));
  }
  const healing = async (): Promise<void> => {
    await world.heal();
    await crowd.everybodySpoke(RECOVERS_WITHIN_MS);
    await crowd.silence();
  };
  await healing().catch((error: unknown) => troubles.push(`after healing: ${String(error)}`));
  const { rows, isQuiet } = await awaitQuiet(world, channelsOf(crowd), crowd.here());
  await growth.end();
  const violations = judge(scene, rows, faults);
  await keepRows(join(folder, "postgres-rows.jsonl"), rows);
  const histories = crowd.all.map(({ history }) => history);
  const seen = seenOf(scene, growth);
  const excerpt = violations.slice(0, 1).flatMap(({ detail }) => excerptOf(detail, histories, rows));
  await crowd.goHome();
  return verdictOf({ name, faults, folder, injected, seen, recoveriesMs, violations, troubles, isQuiet, excerpt });
}

interface Breaking extends RunOptions {
  readonly scene: Scene;
  readonly injected: Map<Fault, number>;
  readonly recoveriesMs: number[];
}

async function breakAndRecover({ faults, scene, injected, recoveriesMs, minutes = 0 }: Breaking): Promise<void> {
  const { crowd, random } = scene;
  const untilMs = performance.now() + minutes * 60_000;
  const recoversWithinMs = Math.max(
    ...faults.map((fault) => fault.recoversWithinMs ?? RECOVERS_WITHIN_MS),
    faults.length > 1 ? RECOVERS_FROM_ALL_WITHIN_MS : 0,
  );
  await crowd.everybodySpoke(TALKS_ON_WITHIN_MS);
  const injectOnce = async (fault: Fault): Promise<void> => {
    if (faults.length > 1) await delay(random.below(APART_MS));
    const giveUp = new AbortController();
    const late = delay(ENDS_WITHIN_MS, undefined, { signal: giveUp.signal }).then(() => {
      throw new Error(`${fault.name} did not end within ${ENDS_WITHIN_MS} ms`);
    });
    const times = await Promise.race([fault.inject(scene), late]).finally(() => giveUp.abort());
    injected.set(fault, (injected.get(fault) ?? 0) + times);
  };
  const rounds = Math.max(...faults.map((fault) => fault.rounds));
  for (let round = 0; round < rounds || performance.now() < untilMs; round += 1) {
    // All are awaited, so that none goes on breaking while the run heals.
    const ends = await Promise.allSettled(
      faults.filter((fault) => round < fault.rounds || performance.now() < untilMs).map(injectOnce),
    );
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    recoveriesMs.push(await crowd.everybodySpoke(recoversWithinMs));
  }
  await eventually(() => crowd.acknowledged() >= LEAST.sends, {
    withinMs: TALKS_ON_WITHIN_MS,
    what: `${LEAST.sends} acknowledged sends`,
  });
}

function channelsOf({ all }: Crowd): string[] {
  const events = all.flatMap(({ history }) => history.events);
  return [...new Set(events.flatMap((event) => (event.kind === "send" ? [event.channel] : [])))];
}

function judge(scene: Scene, rows: Row[], faults: readonly Fault[]): Violation[] {
  const { crowd } = scene;
  const clients = crowd.all.map(({ history }) => history);
  const isWhole = faults.every(({ signals }) => signals === "whole");
  const found = checkHistories({ clients, rows, mode: scene.world.ack, ...(isWhole ? { signals: "whole" } : {}) });
  const complaints = crowd.all.flatMap((client) =>
    client.problems().map((detail) => ({ rule: "a client complains", detail: `${client.name}: ${detail}` })),
  );
  const ended = faults.every(({ connections }) => connections === "kept")
    ? clients.flatMap(({ client, events }) =>
        events.flatMap((event) =>
          event.kind === "closed" ? [{ rule: "a connection ended", detail: `${client} with ${event.code}` }] : [],
        ),
      )
    : [];
  const own = faults.flatMap(({ also, signals }) => (isWhole || signals === undefined ? (also?.(scene) ?? []) : []));
  return [...found, ...complaints, ...ended, ...own];
}

function seenOf({ crowd, noted }: Scene, growth: Growth): Seen {
  return {
    ...countHistories(crowd.all.map(({ history }) => history)),
    grew: growth.of,
    noted,
  };
}
