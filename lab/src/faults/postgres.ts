// Faults of Postgres: dead, read-only, locked, cut off at a commit, refusing one message. Rows of the table in
// all-faults.ts.
import { setTimeout as delay } from "node:timers/promises";
import { ANYWHERE } from "../fault.ts";
import type { Bite, Fault, Scene } from "../fault.ts";

const AWAY_MS = 8_000;
const LOCKED_MS = 8_000;
const CUTS_A_ROUND = 10;
const POISONED_A_ROUND = 5;
/** The end of what a commit is answered: which of its forms depends on the way that a batch takes. */
const COMMITTED = /(COMMIT|SELECT \d+|INSERT \d+ \d+)\0/;
const DRAINED_WITHIN_MS = 20_000;

/** How many sends were acknowledged while `act` went on. */
async function meanwhile({ crowd, note }: Scene, act: () => Promise<unknown>): Promise<void> {
  const before = crowd.acknowledged();
  await act();
  note("acknowledged meanwhile", crowd.acknowledged() - before);
}

async function killPostgres(scene: Scene): Promise<number> {
  const { world } = scene;
  await meanwhile(scene, async () => {
    await world.postgres.kill();
    await delay(AWAY_MS);
  });
  await world.postgres.revive();
  return 1;
}

async function makeReadOnly(scene: Scene): Promise<number> {
  const { world } = scene;
  const say = async (to: "on" | "off"): Promise<void> => {
    const sql = world.openSql();
    await sql.unsafe("set default_transaction_read_only = off");
    await sql.unsafe(`alter role rookery set default_transaction_read_only = ${to}`);
    await sql.end();
  };
  await meanwhile(scene, async () => {
    await say("on");
    for (const node of world.nodes()) node.postgres.cut();
    await delay(AWAY_MS);
  });
  await say("off");
  for (const node of world.nodes()) node.postgres.cut();
  return 1;
}

async function lockRows(scene: Scene): Promise<number> {
  const sql = scene.world.openSql();
  await meanwhile(scene, () =>
    sql.begin(async (holding) => {
      await holding.unsafe("lock table messages in access exclusive mode");
      await delay(LOCKED_MS);
    }),
  );
  await sql.end();
  return 1;
}

async function cutAtCommit({ world: { persisters }, random, note }: Scene): Promise<number> {
  for (let cuts = 0; cuts < CUTS_A_ROUND; cuts += 1) {
    const cut = Promise.race(
      persisters.map((one) => one.postgres.loseNextReply((bytes) => COMMITTED.test(bytes.toString("latin1")))),
    );
    await cut;
    note("answers lost");
    await delay(random.below(300));
  }
  for (const { postgres: way } of persisters) void way.loseNextReply(() => false);
  return CUTS_A_ROUND;
}

/** Postgres is made to refuse what a message says, as it refuses what it cannot store: no client can send such text itself. */
async function poison({ world: { sql }, crowd, name, note, random }: Scene): Promise<number> {
  const word = `poison${random.below(1_000_000)}`;
  await sql.unsafe(
    `alter table messages add constraint poisoned check (body is null or body not like '%${word}%') not valid`,
  );
  const [channel = ""] = crowd.channels;
  const poisoner = await crowd.connect({ user: `${name}-poisoner-${word}`, edge: 0 });
  await crowd.enter(poisoner, channel);
  const before = crowd.acknowledged();
  for (let n = 0; n < POISONED_A_ROUND; n += 1) {
    await poisoner.send(channel, `${word} ${n}`);
    await delay(200);
  }
  const untilMs = performance.now() + DRAINED_WITHIN_MS;
  let letters = 0;
  while (letters < POISONED_A_ROUND && performance.now() < untilMs) {
    await delay(250);
    const [row] = await sql<{ n: string }[]>`
      select count(*) as n from dead_letters where convert_from(frame, 'UTF8') like ${`%${word}%`}`;
    letters = Number(row?.n ?? 0);
  }
  note("dead letters", letters);
  note("acknowledged meanwhile", crowd.acknowledged() - before);
  await sql.unsafe("alter table messages drop constraint poisoned");
  return POISONED_A_ROUND;
}

const FLOWED: Bite = {
  what: "sends acknowledged meanwhile",
  count: ({ noted }) => noted("acknowledged meanwhile"),
  least: 100,
};
const shared = { topologies: ANYWHERE, touches: ["postgres"], connections: "kept", signals: "whole" } as const;

export const postgresFaults: readonly Fault[] = [
  {
    ...shared,
    name: "postgres-killed",
    attacks: "A6",
    does: `kills Postgres for ${AWAY_MS / 1000} s while everybody goes on talking`,
    rounds: 1,
    inject: killPostgres,
    bites: [FLOWED],
  },
  {
    ...shared,
    name: "postgres-read-only",
    attacks: "A6",
    does: `makes Postgres refuse every write for ${AWAY_MS / 1000} s`,
    rounds: 1,
    inject: makeReadOnly,
    bites: [FLOWED],
  },
  {
    ...shared,
    name: "postgres-locked",
    attacks: "A6",
    does: `holds a lock on the messages for ${LOCKED_MS / 1000} s`,
    rounds: 1,
    inject: lockRows,
    bites: [FLOWED],
  },
  {
    ...shared,
    name: "commit-cut",
    attacks: "A6",
    does: "cuts the line between a persister and Postgres when the answer to a commit comes",
    rounds: 1,
    least: CUTS_A_ROUND,
    inject: cutAtCommit,
    bites: [{ what: "answers lost", count: ({ noted }) => noted("answers lost"), least: CUTS_A_ROUND }],
  },
  {
    ...shared,
    name: "poison",
    attacks: "A6",
    does: "says what Postgres will not take: the others' messages are stored, these are dead letters",
    rounds: 1,
    least: POISONED_A_ROUND,
    inject: poison,
    bites: [
      { what: "dead letters", count: ({ noted }) => noted("dead letters"), least: POISONED_A_ROUND },
      { ...FLOWED, least: 20 },
    ],
  },
];
