// A marker that was sent, edited and deleted is in no value of Redis any more, wherever it waited, and is not brought back.
import { ChatError, ORIGIN } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import type { ChangeDraft } from "./changes.ts";
import { createChanges } from "./create-changes.ts";
import { createEpochFloors } from "./floors.ts";
import { createHistory } from "./history.ts";
import { createOutbox } from "./outbox.ts";
import { createPast } from "./past.fixture.ts";
import { connected, freshRights, keys, newChannel, partitions, publication } from "./publishing.suite.ts";
import { publisherOn, publishMany, readerOn } from "./publishing.suite.ts";
import { batchOf, createStoredChanges } from "./stored-changes.fixture.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);
const outbox = createOutbox({ connection, reader, keys, logEntries: 1_000 });
const past = createPast();
const stored = createStoredChanges(past, outbox);
const changes = createChanges({
  ...{ connection, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 5_000 },
  lastSaved: (channel) => past.last(channel),
  findStored: (...asked) => stored.find(...asked),
});
const publisher = publisherOn(connection, { lastSaved: (channel) => past.last(channel) });

const MARKER = "xyzzy-marker";

beforeEach(async () => {
  await server.flush();
  past.rows.clear();
});

/** Whatever any command would read of any key. */
async function everything(): Promise<string> {
  const values = (await redis.keys("*")).map(async (name) => {
    const type = await redis.type(name);
    if (type === "string") return [name, await redis.get(name)];
    if (type === "hash") return [name, await redis.hgetall(name)];
    if (type === "stream") return [name, await redis.xrange(name, "-", "+")];
    if (type === "set") return [name, await redis.smembers(name)];
    return [name, await redis.zrange(name, "0", "-1")];
  });
  return JSON.stringify(await Promise.all(values));
}

async function sent(channel: string, user = "ann") {
  const message = publication(channel, { user, body: `${MARKER} said`, contentHash: MARKER });
  const first = await publisher.publish(message);
  const base: ChangeDraft = { channel, id: first.id, user, rightsVersion: 0, freshRights };
  return {
    message,
    first,
    edit: (n: number) => changes.edit({ ...base, body: `${MARKER} edited ${n}` }),
    react: () => changes.react({ ...base, emoji: "👍", on: true }),
    remove: () => changes.delete({ ...base, moderates: false }),
  };
}

const asCode = (error: unknown): string => (error instanceof ChatError ? error.code : String(error));

describe("the text of a deleted message", () => {
  it("is nowhere in Redis while its outbox waits, with all that was written around it still there", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 2);
    const { edit, react, remove } = await sent(channel);
    await edit(1);
    await publishMany(publisher, channel, 2);
    await react();
    await edit(2);
    expect(await everything()).toContain(MARKER);
    await remove();
    expect(await everything()).not.toContain(MARKER);
    const waiting = await stored.read(partitions.of(channel));
    expect(waiting.map(({ kind }) => kind)).toEqual([
      "message",
      "message",
      "message",
      "message",
      "reaction",
      "deleted",
    ]);
  });

  it("stays away when the send is repeated, and when its edit is", async () => {
    const { message, first, edit, remove } = await sent(newChannel());
    await edit(1);
    await remove();
    expect(await publisher.publish(message)).toEqual({ ...first, duplicate: true });
    expect(await edit(1).catch(asCode)).toBe("not_found");
    expect(await everything()).not.toContain(MARKER);
  });

  it("is taken out of the log when its outbox has been drained, and stays in no row", async () => {
    const channel = newChannel();
    const partition = partitions.of(channel);
    const { edit, remove } = await sent(channel);
    await edit(1);
    await stored.save(await stored.read(partition));
    await edit(2);
    await remove();
    await stored.save(await stored.read(partition));
    expect(await everything()).not.toContain(MARKER);
    expect(JSON.stringify([...past.rows])).not.toContain(MARKER);
    expect(past.rows.get(channel)).toHaveLength(4);
    expect(await outbox.waiting()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it("is in no byte of the keys of a channel with a short log, as Redis would write them to disk, once all is drained", async () => {
    await redis.config("SET", "rdbcompression", "no");
    const channel = newChannel();
    await publishMany(publisher, channel, 3);
    const { edit, remove } = await sent(channel);
    await edit(1);
    await publishMany(publisher, channel, 3);
    const log = await redis.xrange(keys.channel(channel).log, "-", "+");
    await remove();
    await stored.save(await stored.read(partitions.of(channel)));
    const dumps = await Promise.all((await redis.keys("*")).map((name) => redis.dumpBuffer(name)));
    expect(Buffer.concat(dumps.map((dump) => dump ?? Buffer.alloc(0))).includes(MARKER)).toBe(false);
    const left = await redis.xrange(keys.channel(channel).log, "-", "+");
    expect(left.slice(0, -1)).toEqual(log.filter(([, fields]) => !fields.join().includes(MARKER)));
    expect(await redis.ttl(keys.channel(channel).log)).toBeGreaterThan(0);
  });

  it("does not come back by an edit that is under way when it is deleted", async () => {
    for (let round = 0; round < 25; round += 1) {
      const { edit, react, remove } = await sent(newChannel());
      await edit(0);
      const [deleted, ...others] = await Promise.all([
        remove(),
        ...[1, 2, 3].map((n) => edit(n).catch(asCode)),
        react().catch(asCode),
      ]);
      expect(deleted.isNew).toBe(true);
      for (const other of others) expect(typeof other === "string" ? other : "done").toMatch(/^(done|not_found)$/);
    }
    expect(await everything()).not.toContain(MARKER);
  });

  it("may have been read by a persister before: the deletion follows, nothing hangs, and nothing unsaved is trimmed", async () => {
    const channel = newChannel();
    const partition = partitions.of(channel);
    await publishMany(publisher, channel, 2);
    const { edit, remove } = await sent(channel);
    await edit(1);
    const batch = await stored.read(partition);
    await remove();
    const [last] = await publishMany(publisher, channel, 1);
    // Both its last entries have been taken out meanwhile.
    await stored.save(batch);
    const rest = await stored.read(partition);
    expect(rest.map(({ kind }) => kind)).toEqual(["message", "message", "deleted", "message"]);
    // The script cannot know that they have rows.
    expect(await redis.hget(keys.channel(channel).head, "saved")).toBe(`${last?.epoch}-2`);
    await stored.save(rest);
    expect(await outbox.waiting()).toMatchObject({ entries: 0, bytes: 0 });
    expect(await redis.hget(keys.partition(partition).part, "stored")).toBe(`${last?.epoch}-6`);
    expect(await redis.hgetall(keys.channel(channel).head)).toEqual({
      ...{ epoch: `${last?.epoch}`, seq: "6", saved: `${last?.epoch}-6`, prev: "0-0" },
    });
    expect(past.rows.get(channel)).toHaveLength(6);
    expect(JSON.stringify([...past.rows])).not.toContain(MARKER);
  });

  it("is no hole while its deletion waits: nothing beyond it counts as saved, so the log keeps it all", async () => {
    const channel = newChannel();
    const partition = partitions.of(channel);
    const history = createHistory({ connection, keys, cold: past, statements: 4 });
    const short = createOutbox({ connection, reader, keys, logEntries: 1 });
    const brief = createStoredChanges(past, short);
    await publishMany(publisher, channel, 1);
    const first = await sent(channel);
    await publishMany(publisher, channel, 2);
    const second = await sent(channel);
    await publishMany(publisher, channel, 3);
    await second.remove();
    await first.remove();
    await publishMany(publisher, channel, 2);
    const saved = async (): Promise<number> => {
      const [head] = await redis.hmget(keys.channel(channel).head, "saved");
      const { frames } = await history.forward(channel, ORIGIN, 50, 1_000_000);
      const older = await history.backward(channel, undefined, 50, 1_000_000);
      expect(frames.map(({ position }) => position.seq)).toEqual(
        Array.from({ length: frames.length }, (_, n) => n + 1),
      );
      expect(older.frames).toHaveLength(10);
      return Number(head?.split("-")[1]);
    };
    const steps = [];
    for (let n = 0; n < 11; n += 1) {
      await brief.save(await brief.read(partition, 1));
      steps.push(await saved());
    }
    expect(steps).toEqual([1, 1, 1, 1, 1, 1, 1, 10, 11, 12, 12]);
  });

  it("costs its partition no bytes for longer than its entries would have stood there", async () => {
    const channel = newChannel();
    const { edit, remove } = await sent(channel);
    await edit(1);
    await remove();
    await publishMany(publisher, channel, 3);
    const entries = await stored.read(partitions.of(channel));
    expect(batchOf(entries.slice(0, 1)).last.number).toBe(3);
    await stored.save(entries.slice(0, 1));
    const bytes = entries.slice(1).map((entry) => ("frame" in entry ? Buffer.byteLength(entry.frame) + 100 : 0));
    expect(await outbox.waiting()).toMatchObject({ bytes: bytes.reduce((sum, each) => sum + each, 0) });
  });
});
