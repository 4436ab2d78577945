// What waits in a real Redis on its way into a real Postgres: bounded statements, nothing lost, nothing taken back.
import { createKeys, createPartitions, createReads, createTakings, connectRedis, whenReady } from "@rookery/broker";
import type { Position } from "@rookery/protocol";
import { connectStore, createReadPositions, saveSeen } from "@rookery/store";
import { startProxy, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { startStatementCounter } from "../../../tests/statement-counter.ts";
import type { LookLoop } from "./look-loop.ts";
import { createTakingsLoop } from "./takings.ts";

const PARTITIONS = 8;
const everywhere = Array.from({ length: PARTITIONS }, (_, n) => n);
const EPOCH = 1_760_000_000_000;
const HEAD: Position = { epoch: EPOCH, seq: 1_000_000 };

const server = await testRedis();
const { url, sql } = await testPostgres();
const proxy = await startProxy({ target: url });
const counter = await startStatementCounter(proxy.url());
const keys = createKeys(createPartitions(PARTITIONS));
const connection = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 2_000 });
await whenReady(connection, 10_000);
const store = connectStore({ url: counter.url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(async () => {
  connection.disconnect();
  await store.close();
  counter.close();
  await proxy.close();
});

const reads = createReads({ connection, lookups: connection, keys });
const positions = createReadPositions(store);
const took: string[] = [];
const faults: unknown[] = [];

function persister(owned: readonly number[] = everywhere): LookLoop {
  return createTakingsLoop({
    takings: createTakings({ connection, keys }),
    owned: () => owned,
    saveReads: (some) => positions.save(some),
    saveSeen: (some) => saveSeen(store, some),
    took: (what, count) => took.push(`${what} ${count}`),
    fault: (error) => faults.push(error),
  });
}

beforeEach(async () => {
  await server.flush();
  await sql`truncate read_positions, users`;
  took.length = 0;
  faults.length = 0;
});

const read = (channel: string, user: string, seq: number) =>
  reads.move({
    channel,
    user,
    position: { epoch: EPOCH, seq },
    followed: HEAD,
    known: { epoch: 0, seq: 0 },
    connections: 1,
    session: "s",
  });

const saved = async (): Promise<string[]> =>
  (await sql`select channel, user_id as user, seq from read_positions order by channel, user_id`).map(
    ({ channel, user, seq }) => `${String(channel)} ${String(user)} ${String(seq)}`,
  );

const waiting = async (): Promise<number> => {
  const counts = await Promise.all(everywhere.map((n) => server.redis.hlen(keys.partition(n).unsavedReads)));
  return counts.reduce((sum, count) => sum + count, 0);
};

describe("read positions", () => {
  it("of a thousand readers of a busy channel cost one statement, however often they have read", async () => {
    // The way to Postgres is found with the first question.
    await store.trouble();
    const users = Array.from({ length: 1_000 }, (_, n) => `u${n}`);
    for (const seq of [1, 2, 3]) await Promise.all(users.map((user) => read("busy", user, seq)));
    const before = counter.count();
    await persister().look();
    expect(counter.count() - before).toBe(1);
    expect(took).toEqual(["reads 1000"]);
    expect(await saved()).toHaveLength(1_000);
    expect(await waiting()).toBe(0);
    await persister().look();
    expect(counter.count() - before).toBe(1);
  });

  it("are taken of all partitions together, and of those alone that are this persister's", async () => {
    for (let n = 0; n < 40; n += 1) await read(`channel-${n}`, "ann", 5);
    const own = everywhere.slice(0, 3);
    const before = counter.count();
    await persister(own).look();
    expect(counter.count() - before).toBe(1);
    const expected = Array.from({ length: 40 }, (_, n) => n).filter((n) =>
      own.includes(keys.partitions.of(`channel-${n}`)),
    );
    expect(await saved()).toHaveLength(expected.length);
    expect(await waiting()).toBe(40 - expected.length);
    await persister().look();
    expect(await saved()).toHaveLength(40);
  });

  it("are taken beside what nobody could save, which waits no more", async () => {
    await read("broken", "ann", 5);
    const { unsavedReads, seen } = keys.partition(keys.partitions.of("broken"));
    await server.redis.hset(unsavedReads, {
      "broken|b\0b": "1-2",
      "no bar": "1-2",
      "no channel|bob": "1-2",
      "broken|bob": "x",
    });
    await server.redis.hset(seen, { "c\0c": "1|C", cyd: "1|C\0", dan: "1|Dan" });
    await persister().look();
    expect([await saved(), await waiting(), await server.redis.exists(seen)]).toEqual([["broken ann 5"], 0, 0]);
    expect((await sql`select id from users`).map(({ id }) => String(id))).toEqual(["dan"]);
    expect(faults).toEqual([]);
  });

  it("wait in Redis while Postgres is away, and go on from where they stand then", async () => {
    await read("away", "ann", 5);
    proxy.refuse(true);
    proxy.cut();
    await persister().look();
    await read("away", "ann", 9);
    expect(await waiting()).toBe(1);
    proxy.refuse(false);
    await expect.poll(async () => persister().look().then(saved), { timeout: 10_000 }).toEqual(["away ann 9"]);
    expect(await waiting()).toBe(0);
    expect(faults).toEqual([]);
  });

  it("are never taken back by a persister that comes late with what it was given", async () => {
    await read("late", "ann", 5);
    const late = await createTakings({ connection, keys }).reads(everywhere, 10);
    await read("late", "ann", 9);
    await persister().look();
    await positions.save(late.items);
    await late.forget();
    expect(await saved()).toEqual(["late ann 9"]);
  });

  it("that move while they are saved are saved again", async () => {
    await read("moving", "ann", 5);
    const loop = createTakingsLoop({
      takings: createTakings({ connection, keys }),
      owned: () => everywhere,
      async saveReads(some) {
        await positions.save(some);
        await read("moving", "ann", 6);
      },
      saveSeen: () => Promise.resolve(),
      took: () => undefined,
      fault: (error) => faults.push(error),
    });
    await loop.look();
    expect(await waiting()).toBe(1);
    await persister().look();
    expect(await saved()).toEqual(["moving ann 6"]);
  });
});

describe("when users were last seen", () => {
  it("is taken into their rows with the name they had, and never backwards", async () => {
    const { seen } = keys.partition(3);
    await server.redis.hset(seen, { ann: "2000|Ann", bob: "2000|Bob" });
    await persister().look();
    await server.redis.hset(seen, { ann: "1000|Old", bob: "3000|Robert" });
    await persister().look();
    const rows = await sql`select id, name, last_seen_at as last from users order by id`;
    expect(rows.map(({ id, name, last }) => `${String(id)} ${String(name)} ${String(last)}`)).toEqual([
      "ann Ann 2000",
      "bob Robert 3000",
    ]);
    expect(await server.redis.exists(seen)).toBe(0);
  });
});
