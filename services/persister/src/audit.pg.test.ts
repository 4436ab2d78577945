// Contract of the audit log on a real Redis and a real Postgres: what was noted is there once, in one sealed chain a partition,
// however many persisters drain it, whichever of them die, and whichever answers are lost.
import {
  connectRedis,
  createAuditTrail,
  createEpochFloors,
  createKeys,
  createOutbox,
  createPartitions,
  createPublisher,
  whenReady,
} from "@rookery/broker";
import type { AuditRecord } from "@rookery/broker";
import { messageHalves, ORIGIN } from "@rookery/protocol";
import { connectStore, createAuditChain, createAuditKey, saveBatch, verifyAudit } from "@rookery/store";
import type { AuditHead } from "@rookery/store";
import { testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { createDrain } from "./drain.ts";
import type { Drain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import { createOutage } from "./outage.ts";

const PARTITIONS = 4;
const ALL = Array.from({ length: PARTITIONS }, (_, n) => n);
const { url, sql } = await testPostgres();
const server = await testRedis();
const { redis } = server;
const partitions = createPartitions(PARTITIONS);
const keys = createKeys(partitions);
const commands = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 2_000 });
const store = connectStore({ url, max: 6, application: "audit", statementTimeoutMs: 5_000 });
await whenReady(commands, 5_000);
afterAll(async () => {
  commands.disconnect();
  await store.close();
});
beforeEach(async () => {
  await server.flush();
  await sql`truncate messages, outbox_positions, audit_log, dead_letters`;
});
const key = createAuditKey("k".repeat(32));
const silent = (): void => undefined;
const quiet = { info: silent, warn: silent, error: silent };

interface Persister {
  /** As when it is killed: what it has under way may be committed, and it hears of nothing any more. */
  kill(): void;
  stop(): Promise<void>;
}

async function startPersister(name: string): Promise<Persister> {
  const reader = connectRedis({ url: server.url, use: "outbox", commandTimeoutMs: 2_000 });
  await whenReady(reader, 5_000);
  const outbox = createOutbox({ connection: commands, reader, keys, logEntries: 100 });
  const chain = createAuditChain({ key, actor: () => `node:${name}` });
  let isDead = false;
  let commits = 0;
  const gone = (): never => {
    throw new Error("killed");
  };
  const drain: Drain = createDrain({
    outbox: {
      read: (...asked) => (isDead ? gone() : outbox.read(...asked)),
      save: (...told) => (isDead ? gone() : outbox.save(...told)),
    },
    async save(batch) {
      if (isDead) gone();
      const outcome = await saveBatch(store, batch, chain);
      commits += 1;
      // Now and then the answer is lost on its way: it is committed, and nobody here knows.
      if (isDead || commits % 7 === 0) throw Object.assign(new Error("lost"), { code: "CONNECTION_CLOSED" });
      return outcome;
    },
    ...{ batchEntries: 20, lingerMs: 1, holds: createHolds({ log: quiet, streamOf: String }) },
    redis: createOutage("Redis", quiet),
    postgres: createOutage("Postgres", quiet),
  });
  drain.own(ALL);
  drain.start();
  const stop = async (): Promise<void> => {
    await drain.stop();
    reader.disconnect();
  };
  const persister = {
    kill() {
      isDead = true;
      stop().catch(silent);
    },
    stop,
  };
  running.push(persister);
  return persister;
}
const running: Persister[] = [];
afterAll(() => Promise.all(running.map((persister) => persister.stop())));

function createNoter() {
  const floors = createEpochFloors();
  const readFloors = (): Promise<void> => Promise.resolve();
  return createAuditTrail({
    ...{ connection: commands, keys, floors, readFloors, outboxMaxBytes: 2 ** 26, gatherMs: 1, node: () => "edge-1.a" },
  });
}

const publisher = createPublisher({
  ...{
    connection: commands,
    keys,
    partitions,
    floors: createEpochFloors(),
    outboxMaxBytes: 2 ** 26,
    deadlineMs: 5_000,
  },
  lastSaved: () => Promise.resolve(ORIGIN),
});

function publish(n: number): Promise<unknown> {
  const [channel, user] = [`channel-${n % 9}`, `user-${n % 5}`];
  const id = `m${String(n).padStart(20, "0")}`;
  const halves = messageHalves({ channel, id, clientId: `c${n}`, user, name: user, body: `secret text ${n}` });
  return publisher.publish({
    ...{ channel, user, clientId: `c${n}`, id, contentHash: `h${n}`, halves, rightsVersion: 0, slowModeMs: 0 },
    freshRights: () => Promise.reject(new Error("these rights do not change")),
  });
}

const joined = (n: number): AuditRecord => ({
  ...{
    id: `r${n}`,
    kind: "join",
    actor: `user-${n % 50}`,
    subject: null,
    channel: `channel-${n % 9}`,
    node: "edge-1.a",
  },
  ...{ address: null, reason: null, data: { n } },
});

/** Where Redis says that the chains end. */
async function headsInRedis(): Promise<Map<number, AuditHead[]>> {
  const texts = await Promise.all(ALL.map((partition) => redis.hget(keys.partition(partition).part, "head")));
  return new Map(
    texts.map((text, partition) => {
      const [n = "0", mac = ""] = (text ?? "").split("|");
      return [partition, [{ n: Number(n), mac }]];
    }),
  );
}

describe("what was noted", () => {
  it("is in the log once and in order, with one chain a partition, through kills, lost answers and two who drain at once", async () => {
    const trail = createNoter();
    let [a, b] = [await startPersister("persister-1.a"), await startPersister("persister-2.a")];
    const records = 600;
    for (let n = 0; n < records; n += 1) {
      trail.note(`user-${n % 50}`, joined(n));
      if (n % 3 === 0) await publish(n);
      if (n === 200) {
        a.kill();
        a = await startPersister("persister-1.b");
      }
      if (n === 400) {
        b.kill();
        b = await startPersister("persister-2.b");
      }
    }
    await trail.close();
    await expect.poll(async () => (await sql`select 1 from audit_log`).length, { timeout: 20_000 }).toBe(records);
    const drained = async (): Promise<number[]> =>
      Promise.all(ALL.map((each) => redis.xlen(keys.partition(each).outbox)));
    await expect.poll(drained, { timeout: 20_000 }).toEqual(ALL.map(() => 0));
    await Promise.all([a.stop(), b.stop()]);
    const found = await verifyAudit(store, { keys: [key], known: await headsInRedis() });
    expect(found).toEqual({ partitions: PARTITIONS, rows: records, findings: [], more: false });
    expect((await sql`select 1 from messages`).length).toBe(records / 3);
    const inOrder = await sql<{ partition: number; ns: number[] }[]>`
      select partition, array_agg((data ->> 'n')::integer order by n) as ns from audit_log group by partition`;
    for (const { ns } of inOrder) expect(ns).toEqual(ns.toSorted((x, y) => x - y));
    expect(await sql`select 1 from dead_letters`).toHaveLength(0);
  });

  it("is kept where it can be read, and as a dead letter where not, and holds up nobody", async () => {
    const persister = await startPersister("persister-1.c");
    const { outbox, part } = keys.partition(1);
    await redis.hset(part, { epoch: 5, last: 4, in: 400, out: 0 });
    const odd = [
      '{"at":5,"kind":"connect","actor":"nul \\u0000 \\ud800"}',
      "no JSON",
      '{"at":"soon","kind":"x","actor":"y"}',
    ];
    for (const [at, frame] of odd.entries()) {
      await redis.xadd(outbox, `5-${at + 1}`, "k", "audit", "f", frame, "b", String(100 * at + 100));
    }
    const whole =
      '{"at":6,"kind":"ban","actor":"ada","subject":"eve","channel":"lobby","reason":"spam","data":{"untilMs":7}}';
    await redis.xadd(outbox, "5-4", "k", "audit", "f", whole, "b", "400");
    await expect.poll(() => redis.xlen(outbox), { timeout: 10_000 }).toBe(0);
    expect(
      await sql`
      select n::integer as n, id, at::integer as at, kind, actor, subject, channel, reason, data from audit_log order by n`,
    ).toEqual([
      {
        n: 1,
        id: "1.5-1",
        at: 5,
        kind: "connect",
        actor: "nul  \ufffd",
        subject: null,
        channel: null,
        reason: null,
        data: null,
      },
      {
        n: 2,
        id: "1.5-4",
        at: 6,
        kind: "ban",
        actor: "ada",
        subject: "eve",
        channel: "lobby",
        reason: "spam",
        data: { untilMs: 7 },
      },
    ]);
    expect(await sql`select reason from dead_letters order by id`).toEqual(
      [1, 2].map(() => ({ reason: "an audit record that cannot be read" })),
    );
    expect((await verifyAudit(store, { keys: [key], known: await headsInRedis() })).findings).toEqual([]);
    await persister.stop();
  });
});
