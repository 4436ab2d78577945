// What a sender is told when Redis does not answer: `unavailable` only where nothing can have happened, else `unknown`.
import { ChatError, samePosition } from "@rookery/protocol";
import { eventually, startProxy, testRedis } from "@rookery/testkit";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { connectRedis, isReady, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Published } from "./publication.ts";
import { connected, keys, newChannel, partitions, publication, publisherOn } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const proxy = await startProxy({ target: server.url });
afterAll(() => proxy.close());

/** Also how long a partition waits after a run that has no answer. */
const DEADLINE_MS = 500;

const open: RedisConnection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.disconnect();
});

async function throughProxy(commandTimeoutMs: number): Promise<RedisConnection> {
  const connection = connectRedis({ url: proxy.url(), use: "commands", commandTimeoutMs });
  open.push(connection);
  await whenReady(connection, 5_000);
  return connection;
}

function refusal(error: unknown): ChatError {
  return error instanceof ChatError ? error : new ChatError("internal", String(error));
}

function samePlace(outcome: Published, repeat: Published | undefined): boolean {
  return repeat !== undefined && samePosition(outcome.position, repeat.position);
}

function logOf(channel: string): Promise<number> {
  return redis.xlen(keys.channel(channel).log);
}

describe("a publication", () => {
  it("whose answer was lost is unknown, was applied once, and its repeat is a duplicate", async () => {
    const connection = await throughProxy(2_000);
    const publisher = publisherOn(connection, { deadlineMs: DEADLINE_MS });
    const channel = newChannel();
    await publisher.publish(publication(channel));
    const message = publication(channel);
    const [, reason] = await Promise.all([
      proxy.loseNextReply(),
      publisher.publish(message).catch((error: unknown) => error),
    ]);
    expect(reason).toMatchObject({ code: "unknown" });
    await whenReady(connection, 5_000);
    expect(await publisher.publish(message)).toMatchObject({ duplicate: true, position: { seq: 2 } });
    expect(await logOf(channel)).toBe(2);
  });

  it("that times out is unknown, and does not act once its deadline has passed", async () => {
    const publisher = publisherOn(await throughProxy(300), { deadlineMs: 200 });
    const channel = newChannel();
    await publisher.publish(publication(channel));
    // Shorter than what makes the connection be given up: the message is looked at after it.
    await redis.client("PAUSE", 450, "ALL");
    const reason = await publisher.publish(publication(channel)).catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: "unknown" });
    // the pause is over when Redis answers again: by then the message has been looked at, and was late
    await redis.ping();
    expect(await logOf(channel)).toBe(1);
  });

  it("does not act past its deadline either on a server that took over and whose clock is five minutes behind", async () => {
    let aheadMs = 0;
    const connection = await throughProxy(300);
    const clock = (): number => Date.now() + aheadMs;
    const publisher = publisherOn(connection, { deadlineMs: 200, clock });
    const channel = newChannel();
    await publisher.publish(publication(channel));
    proxy.cut();
    // Seen from here: all clocks of this machine are one, and ours goes ahead in place of theirs falling behind.
    aheadMs = 300_000;
    await eventually(() => !isReady(connection));
    await whenReady(connection, 5_000);
    await redis.client("PAUSE", 450, "ALL");
    await expect(publisher.publish(publication(channel))).rejects.toMatchObject({ code: "unknown" });
    await redis.ping();
    expect(await logOf(channel)).toBe(1);
    await eventually(() => publisher.publish(publication(channel)));
    expect(await logOf(channel)).toBe(2);
  });

  it("to a Redis that is not there is unavailable at once, and works again by itself when it is back", async () => {
    const connection = await throughProxy(2_000);
    const publisher = publisherOn(connection, { deadlineMs: DEADLINE_MS });
    const channel = newChannel();
    proxy.refuse(true);
    proxy.cut();
    await eventually(() => !isReady(connection));
    expect(await publisher.publish(publication(channel)).catch((error: unknown) => error)).toMatchObject({
      code: "unavailable",
    });
    proxy.refuse(false);
    await whenReady(connection, 5_000);
    expect((await publisher.publish(publication(channel))).position.seq).toBe(1);
  });

  it("in flight while the connection is cut is unknown, and never sent again by the client", async () => {
    const connection = await throughProxy(2_000);
    const publisher = publisherOn(connection, { deadlineMs: DEADLINE_MS });
    const channel = newChannel();
    await publisher.publish(publication(channel));
    for (let round = 0; round < 4; round += 1) {
      await whenReady(connection, 5_000);
      const before = await logOf(channel);
      const messages = Array.from({ length: 20 }, () => publication(channel));
      const sent = Promise.all(messages.map((message) => publisher.publish(message).catch(refusal)));
      setImmediate(() => proxy.cut());
      const outcomes = await sent;
      await whenReady(connection, 5_000);
      const refusals = outcomes.map((outcome) => (outcome instanceof ChatError ? outcome.code : "none"));
      expect(["none", "unknown", "unavailable"]).toEqual(expect.arrayContaining(refusals));
      // each at most once, and those that were answered for certain
      const after = await logOf(channel);
      expect(after - before).toBeLessThanOrEqual(messages.length);
      const repeats = await Promise.all(messages.map((message) => publisher.publish(message)));
      const seqs = repeats.map(({ position }) => position.seq);
      expect(new Set(seqs).size).toBe(messages.length);
      expect(await logOf(channel)).toBe(before + messages.length);
      const moved = outcomes.filter((outcome, at) => !(outcome instanceof Error) && !samePlace(outcome, repeats[at]));
      expect(moved).toEqual([]);
    }
  });

  it("through a frozen connection is unknown; the connection is given up and made anew", async () => {
    const connection = await throughProxy(200);
    const publisher = publisherOn(connection, { deadlineMs: DEADLINE_MS });
    const channel = newChannel();
    await publisher.publish(publication(channel));
    proxy.freeze(true);
    const reason = await publisher.publish(publication(channel)).catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: "unknown" });
    await eventually(() => !isReady(connection));
    proxy.freeze(false);
    await eventually(() => isReady(connection));
    expect(await publisher.publish(publication(channel))).toMatchObject({ duplicate: false });
  });

  it("that breaks off inside the script is unknown", async () => {
    const publisher = publisherOn(await connected(server.url));
    const channel = newChannel();
    // a key of the wrong type makes a command of the script fail; how far it came cannot be told from outside
    await redis.set(keys.partition(partitions.of(channel)).rights, "not a hash");
    const reason = await publisher.publish(publication(channel)).catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: "unknown" });
  });
});
