// What `ok` means where a replica is waited for, on a master whose replica can be cut off: nothing is acknowledged before the
// replica has it, a repeat no more than the first, and a promoted replica has all that was.
import { setImmediate } from "node:timers/promises";
import { ChatError, ORIGIN } from "@rookery/protocol";
import { eventually, startProxy, testRedis } from "@rookery/testkit";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createChanges } from "./create-changes.ts";
import { createEpochFloors } from "./floors.ts";
import type { Publication } from "./publication.ts";
import type { Publisher } from "./publisher.ts";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";
import { connected, freshRights, keys, newChannel, partitions, publication, publisherOn } from "./publishing.suite.ts";
import { createFastLinks, createSafeLinks } from "./write-links.ts";
import type { WriteLinks } from "./write-links.ts";

const WAIT_MS = 300;

const master = await testRedis({ args: { "repl-diskless-sync-delay": "0" } });
const between = await startProxy({ target: master.url });
const replica = await testRedis({ args: { replicaof: `127.0.0.1 ${between.port}` } });
const way = await startProxy({ target: master.url });
afterAll(() => Promise.all([between.close(), way.close()]));

const commands = await connected(master.url);
const open: RedisConnection[] = [];
const waits: boolean[] = [];

beforeEach(async () => {
  await eventually(async () => (await master.redis.wait(1, 100)) === 1, { what: "a replica that follows" });
  waits.length = 0;
});
afterEach(() => {
  between.freeze(false);
  for (const connection of open.splice(0)) connection.disconnect();
});

async function writing(
  waitMs = WAIT_MS,
): Promise<{ connection: RedisConnection; links: WriteLinks; publisher: Publisher }> {
  const connection = connectRedis({ url: way.url(), use: "writes", commandTimeoutMs: 2_000 });
  open.push(connection);
  await whenReady(connection, 5_000);
  const links = createSafeLinks({
    ...{ connection, partitions, waitMs },
    waited: (_tookMs, isShort) => void waits.push(isShort),
  });
  return { connection, links, publisher: publisherOn(connection, { links }) };
}

const outcome = (publisher: Publisher, message: Publication): Promise<string> =>
  publisher.publish(message).then(
    ({ duplicate }) => (duplicate ? "duplicate" : "ok"),
    (error: unknown) => (error instanceof ChatError ? error.code : String(error)),
  );

const entriesOn = (server: typeof master, channel: string): Promise<number> =>
  server.redis.xlen(keys.channel(channel).log);

it("a message is acknowledged once a replica has it, and the fast mode acknowledges what no replica has", async () => {
  between.latency(50);
  const { connection, links, publisher } = await writing();
  const channel = newChannel();
  for (let n = 1; n <= 5; n += 1) {
    expect(await outcome(publisher, publication(channel))).toBe("ok");
    expect(await entriesOn(replica, channel)).toBe(n);
  }
  await connection.script("FLUSH");
  expect(await outcome(publisher, publication(channel))).toBe("ok");
  expect(await entriesOn(replica, channel)).toBe(6);
  const fast = publisherOn(connection, { links: createFastLinks(connection) });
  expect(await outcome(fast, publication(channel))).toBe("ok");
  expect(await entriesOn(replica, channel)).toBe(6);
  expect(await links(0)?.isKept()).toBe(true);
  expect(await entriesOn(replica, channel)).toBe(7);
  between.latency(0);
});

it("without a replica a message is unknown and stands once; its repeat is that too until a replica has it", async () => {
  const { publisher } = await writing();
  const channel = newChannel();
  const message = publication(channel);
  between.freeze(true);
  expect(await outcome(publisher, message)).toBe("unknown");
  expect(await outcome(publisher, message)).toBe("unknown");
  expect([await entriesOn(master, channel), await entriesOn(replica, channel)]).toEqual([1, 0]);
  between.freeze(false);
  // Asked of a connection that has written nothing: it is the first one's write that counts.
  const other = await writing();
  expect(await outcome(other.publisher, message)).toBe("duplicate");
  expect([await entriesOn(master, channel), await entriesOn(replica, channel)]).toEqual([1, 1]);
  expect(waits).toEqual([true, true, false]);
});

it("an edit, a reaction and a deletion are acknowledged like messages, also where they stand already", async () => {
  const { connection, links, publisher } = await writing();
  const channel = newChannel();
  const { id } = await publisher.publish(publication(channel));
  const changes = createChanges({
    ...{ connection, links, keys, floors: createEpochFloors(), outboxMaxBytes: 1e9, deadlineMs: 2_000 },
    ...{ lastSaved: () => Promise.resolve(ORIGIN), findStored: () => Promise.resolve(undefined) },
  });
  const draft = { channel, id, user: "ann", rightsVersion: 0, freshRights };
  const acts = [
    () => changes.edit({ ...draft, body: "better" }),
    () => changes.react({ ...draft, emoji: "👍", on: true }),
    () => changes.delete({ ...draft, moderates: false }),
  ];
  for (const [at, act] of acts.entries()) {
    between.freeze(true);
    await expect(act()).rejects.toMatchObject({ code: "unknown" });
    await expect(act()).rejects.toMatchObject({ code: "unknown" });
    between.freeze(false);
    expect(await act()).toMatchObject({ position: { seq: at + 2 }, isNew: false });
    expect(await replica.redis.hget(keys.channel(channel).head, "seq")).toBe(String(at + 2));
  }
});

it("one wait covers all that was answered before it, and a refusal waits for none", async () => {
  const { connection } = await writing();
  const many = createPartitions(64);
  const links = createSafeLinks({
    ...{ connection, partitions: many, waitMs: WAIT_MS },
    waited: (_tookMs, isShort) => void waits.push(isShort),
  });
  const runs: number[] = [];
  const publisher = publisherOn(connection, {
    ...{ links, partitions: many, keys: createKeys(many) },
    metrics: { ran: (messages) => void runs.push(messages) },
  });
  const messages = Array.from({ length: 200 }, () => publication(newChannel()));
  const outcomes = await Promise.all(messages.map((message) => outcome(publisher, message)));
  expect(new Set(outcomes)).toEqual(new Set(["ok"]));
  expect(runs.length).toBeGreaterThan(50);
  expect(waits.length).toBeLessThan(runs.length / 4);
  const message = publication(newChannel());
  await publisher.publish(message);
  const before = waits.length;
  expect(await outcome(publisher, { ...message, contentHash: "hash-of-another" })).toBe("conflict");
  expect(waits.length).toBe(before);
});

it("a read on the connection of commands is answered while a wait is under way", async () => {
  const { publisher } = await writing(1_500);
  between.freeze(true);
  const channel = newChannel();
  const sent = outcome(publisher, publication(channel));
  const isWaiting = async (): Promise<boolean> => /blocked_clients:1\b/.test(await master.redis.info("clients"));
  await eventually(isWaiting, { everyMs: 5 });
  expect(await commands.hget(keys.channel(channel).head, "seq")).toBe("1");
  expect(await isWaiting()).toBe(true);
  expect(await sent).toBe("unknown");
});

it("a connection that was made anew says nothing of what was written before", async () => {
  const { connection, links } = await writing();
  const link = links(0);
  expect(await link?.isKept()).toBe(true);
  way.cut();
  await eventually(() => connection.status !== "ready");
  expect(links(0)).toBeUndefined();
  await whenReady(connection, 5_000);
  expect(await link?.isKept()).toBe(false);
  expect(await links(0)?.isKept()).toBe(true);
});

it("a master that wants a replica and has none refuses before it writes: unavailable", async () => {
  await master.redis.config("SET", "min-replicas-to-write", "2");
  const { publisher } = await writing();
  const channel = newChannel();
  expect(await outcome(publisher, publication(channel))).toBe("unavailable");
  await master.redis.config("SET", "min-replicas-to-write", "0");
  expect(await outcome(publisher, publication(channel))).toBe("ok");
});

it("what was acknowledged before a master was killed is on its replica, all of it", async () => {
  const { publisher } = await writing();
  const channels = Array.from({ length: 8 }, newChannel);
  const acknowledged = new Map(channels.map((channel) => [channel, 0]));
  let ended = 0;
  const load = { isOn: true };
  const talk = channels.map(async (channel) => {
    while (load.isOn) {
      if ((await outcome(publisher, publication(channel))) === "ok") {
        acknowledged.set(channel, (acknowledged.get(channel) ?? 0) + 1);
      }
      ended += 1;
      // What is refused at once leaves the loop no turn of its own to hear of the master's end.
      await setImmediate();
    }
  });
  await eventually(() => [...acknowledged.values()].every((count) => count > 20));
  // From here on the master answers and its replica hears nothing.
  between.freeze(true);
  const before = ended;
  await eventually(() => ended > before + 2 * channels.length);
  process.kill(master.pid, "SIGKILL");
  await master.exited;
  between.cut();
  load.isOn = false;
  await Promise.all(talk);
  await replica.redis.replicaof("NO", "ONE");
  for (const [channel, count] of acknowledged) expect(await entriesOn(replica, channel)).toBeGreaterThanOrEqual(count);
});
