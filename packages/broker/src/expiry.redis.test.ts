// Contract of what is taken out of Redis because a channel does not keep it: by age and only from the beginning, nothing that
// Postgres does not have; and all of a deleted channel, once nothing of it waits.
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { createChanges } from "./create-changes.ts";
import { createEpochFloors } from "./floors.ts";
import { createExpiry } from "./expiry.ts";
import { createOutbox } from "./outbox.ts";
import { createPast } from "./past.fixture.ts";
import { connected, freshRights, keys, newChannel, partitions, publication } from "./publishing.suite.ts";
import { publisherOn, publishMany, readerOn } from "./publishing.suite.ts";
import { createStoredChanges } from "./stored-changes.fixture.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const outbox = createOutbox({ connection, reader: await readerOn(server.url), keys, logEntries: 1_000 });
const past = createPast();
const stored = createStoredChanges(past, outbox);
const publisher = publisherOn(connection, { lastSaved: (channel) => past.last(channel) });
const changes = createChanges({
  ...{ connection, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 5_000 },
  lastSaved: (channel) => past.last(channel),
  findStored: (...asked) => stored.find(...asked),
});
const expiry = createExpiry({ connection, keys });

beforeEach(async () => {
  await server.flush();
  past.rows.clear();
});

const persist = async (channel: string): Promise<void> => stored.save(await stored.read(partitions.of(channel)));
/** A moment after all that was sent and before all that will be. */
async function moment(): Promise<number> {
  const now = await expiry.nowMs();
  await expect.poll(() => expiry.nowMs()).toBeGreaterThan(now);
  return expiry.nowMs();
}
const lengthOf = (channel: string): Promise<number> => redis.xlen(keys.channel(channel).log);

describe("what is too old", () => {
  it("goes from the log up to the first entry that is younger, and the head stays", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 5);
    const before = await moment();
    await publishMany(publisher, channel, 2);
    await persist(channel);
    const { head } = keys.channel(channel);
    const stood = await redis.hgetall(head);
    expect(await expiry.expire(channel, before)).toBe(5);
    expect(await expiry.expire(channel, before)).toBe(0);
    expect(await lengthOf(channel)).toBe(2);
    expect(await redis.hgetall(head)).toEqual(stood);
  });

  it("stays while Postgres does not have it", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 3);
    const before = await moment();
    expect(await expiry.expire(channel, before)).toBe(0);
    await persist(channel);
    await publishMany(publisher, channel, 1);
    expect(await expiry.expire(channel, await moment())).toBe(3);
    expect(await lengthOf(channel)).toBe(1);
  });

  it("goes in as many runs as it takes, and leaves no text of an edit behind", async () => {
    const channel = newChannel();
    const { acts, acted, gone, log } = keys.channel(channel);
    await publishMany(publisher, channel, 600);
    const about = { channel, user: "ann", rightsVersion: 0, freshRights };
    for (let n = 0; n < 3; n += 1) {
      const { id } = await publisher.publish(publication(channel));
      await changes.edit({ ...about, id, body: "edited text" });
    }
    const { id } = await publisher.publish(publication(channel));
    await changes.delete({ ...about, id, moderates: false });
    await persist(channel);
    expect(await expiry.expire(channel, await moment())).toBeGreaterThan(600);
    expect(await redis.exists(acts, acted, gone)).toBe(0);
    expect(await redis.xlen(log)).toBe(0);
  });

  it("is not looked for where keys are of another type than ours", async () => {
    const channel = newChannel();
    const { head, log, acted } = keys.channel(channel);
    for (const name of [head, log, acted]) await redis.set(name, "odd");
    expect(await expiry.expire(channel, await moment())).toBe(0);
  });
});

describe("a deleted channel", () => {
  it("is forgotten once nothing of it waits for Postgres", async () => {
    const channel = newChannel();
    const other = newChannel();
    await publishMany(publisher, other, 1);
    await publishMany(publisher, channel, 3);
    expect(await expiry.forget(channel)).toBe(false);
    expect(await lengthOf(channel)).toBe(3);
    await persist(channel);
    await persist(other);
    const { shed } = keys.partition(partitions.of(channel));
    expect(await expiry.forget(channel)).toBe(true);
    expect(await expiry.forget(channel)).toBe(true);
    const left = (await redis.keys("*")).filter((name) => name.includes(`:${channel}`) && !name.includes(":once:"));
    expect(left).toEqual([]);
    expect(await redis.zscore(shed, channel)).toBeNull();
    expect(await lengthOf(other)).toBe(1);
  });
});

describe("the duty", () => {
  it("is one node's at a time", async () => {
    expect(await expiry.holds("one", 60_000)).toBe(true);
    expect(await expiry.holds("two", 60_000)).toBe(false);
    expect(await expiry.holds("one", 60_000)).toBe(true);
    await redis.del(keys.retention);
    expect(await expiry.holds("two", 60_000)).toBe(true);
  });
});
