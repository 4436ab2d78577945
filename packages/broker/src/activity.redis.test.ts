// How much is said where, as processes count it and a real Redis keeps it.
import { eventually, testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createActivity, readActivity } from "./activity.ts";
import type { ActivityOptions } from "./activity.ts";
import { connected, keys, newChannel, publication, publisherOn } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);

beforeEach(() => server.flush());

const MIN_MS = 60_000;

async function serverNowMs(): Promise<number> {
  const [seconds = 0, micros = 0] = await redis.time();
  return seconds * 1_000 + Math.floor(micros / 1_000);
}

/** Tells only when it is closed, unless said otherwise. */
function counting(options: Partial<ActivityOptions> = {}) {
  const activity = createActivity({ connection, keys, everyMs: MIN_MS, ...options });
  onTestFinished(activity.close);
  return activity;
}

const read = (channel: string) => readActivity({ connection, keys }, channel);

describe("the activity of a channel", () => {
  it("is nothing where nothing was said", async () => {
    const none = { "1m": 0, "5m": 0, "60m": 0 };
    expect(await read(newChannel())).toEqual({ messages: none, senders: none });
  });

  it("tells messages and senders of the last minute, five minutes and hour, of all processes together", async () => {
    const [one, two, channel, nowMs] = [counting(), counting(), newChannel(), await serverNowMs()];
    for (const [user, agoMin] of [["ann", 0] as const, ["ann", 0] as const, ["bob", 3] as const, ["eve", 50] as const])
      one.numbered(channel, user, nowMs - agoMin * MIN_MS);
    two.numbered(channel, "ann", nowMs);
    two.numbered(channel, "dan", nowMs - 3 * MIN_MS);
    two.numbered(channel, "long gone", nowMs - 70 * MIN_MS);
    await Promise.all([one.close(), two.close()]);
    expect(await read(channel)).toEqual({
      messages: { "1m": 3, "5m": 5, "60m": 6 },
      senders: { "1m": 1, "5m": 3, "60m": 4 },
    });
  });

  it("counts each message once within a second of its number, and a repeat not at all", async () => {
    const channel = newChannel();
    const activity = counting({ everyMs: 20 });
    const publisher = publisherOn(connection, { numbered: activity.numbered });
    const said = publication(channel, { user: "ann" });
    await publisher.publish(said);
    await publisher.publish(said);
    await publisher.publish(publication(channel, { user: "bob" }));
    await eventually(async () => (await read(channel)).messages["1m"] === 2);
    await activity.close();
    expect(await read(channel)).toMatchObject({ messages: { "60m": 2 }, senders: { "60m": 2 } });
  });

  it("forgets what is older than it tells, with the next message of another ten seconds", async () => {
    const [channel, nowMs] = [newChannel(), await serverNowMs()];
    const before = counting();
    for (let n = 0; n < 200; n += 1) before.numbered(channel, `user-${n}`, nowMs - 61 * MIN_MS - n * 10_000);
    await before.close();
    const after = counting();
    after.numbered(channel, "ann", nowMs);
    await after.close();
    const { activity, senders } = keys.channel(channel);
    expect(await redis.hlen(activity)).toBe(2);
    expect(await redis.zrange(senders, "0", "-1")).toEqual(["ann"]);
    const [ttlOfCounts, ttlOfSenders] = [await redis.pttl(activity), await redis.pttl(senders)];
    expect(Math.max(ttlOfCounts, ttlOfSenders)).toBeLessThanOrEqual(65 * MIN_MS);
    expect(Math.min(ttlOfCounts, ttlOfSenders)).toBeGreaterThan(60 * MIN_MS);
  });

  it("remembers the newest 10,000 senders, however many come in a second, and all messages", async () => {
    const [channel, nowMs] = [newChannel(), await serverNowMs()];
    const busy = counting();
    // The oldest go with the first message of another ten seconds, which is ann's.
    const tensMs = nowMs - (nowMs % 10_000);
    for (let n = 0; n < 10_500; n += 1) busy.numbered(channel, `user-${n}`, tensMs - 20_000 + n);
    busy.numbered(channel, "ann", nowMs);
    await busy.close();
    expect(await read(channel)).toMatchObject({ messages: { "5m": 10_501 }, senders: { "5m": 10_000 } });
  });

  it("keeps nothing of more channels than a process can tell in a second", async () => {
    const nowMs = await serverNowMs();
    const flooded = counting();
    for (let n = 0; n < 10_100; n += 1) flooded.numbered(`flood-${n}`, "ann", nowMs);
    await flooded.close();
    expect(await redis.dbsize()).toBe(2 * 10_000);
  });

  it("passes over a channel whose keys are broken, and over no other", async () => {
    const [broken, whole, nowMs] = [newChannel(), newChannel(), await serverNowMs()];
    await redis.set(keys.channel(broken).senders, "no sorted set");
    const activity = counting();
    activity.numbered(broken, "ann", nowMs);
    activity.numbered(whole, "ann", nowMs);
    await activity.close();
    expect((await read(whole)).messages["1m"]).toBe(1);
  });
});
