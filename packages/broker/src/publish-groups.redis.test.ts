// Messages of one partition on their way together, against a real Redis: how they are gathered, that what ends one of them holds
// up no other, and what becomes of those that wait when Redis stalls or is cut off.
import { ChatError, ORIGIN } from "@rookery/protocol";
import { startProxy, testRedis } from "@rookery/testkit";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectRedis, mastersOf, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Publication, Published } from "./publication.ts";
import type { Publisher } from "./publisher.ts";
import { connected, keys, newChannel, partitions, publication, publisherOn } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const proxy = await startProxy({ target: server.url });
afterAll(() => proxy.close());

const open: RedisConnection[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.disconnect();
});
beforeEach(() => server.flush());

async function throughProxy(commandTimeoutMs = 2_000): Promise<RedisConnection> {
  const link = connectRedis({ url: proxy.url(), use: "commands", commandTimeoutMs });
  open.push(link);
  await whenReady(link, 5_000);
  return link;
}

/** So many channels of one partition. */
function channelsTogether(count: number): string[] {
  const first = newChannel();
  const found = [first];
  while (found.length < count) {
    const other = newChannel();
    if (partitions.of(other) === partitions.of(first)) found.push(other);
  }
  return found;
}

/** A publisher, and how many messages each of its runs had. */
function counting(link: RedisConnection, options: Parameters<typeof publisherOn>[1] = {}) {
  const runs: number[] = [];
  const publisher = publisherOn(link, { ...options, metrics: { ran: (messages) => runs.push(messages) } });
  return { publisher, runs };
}

const outcome = (publisher: Publisher, message: Publication): Promise<number | string> =>
  publisher.publish(message).then(
    ({ position }) => position.seq,
    (error: unknown) => (error instanceof ChatError ? error.code : String(error)),
  );
const seqs = (all: readonly Published[]): number[] => all.map(({ position }) => position.seq);
const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

describe("messages of one partition", () => {
  it("that come in one turn go in one run, and one that comes alone goes at once", async () => {
    const channel = newChannel();
    const { publisher, runs } = counting(connection);
    await publisher.publish(publication(channel));
    expect(runs).toEqual([1, 1]);
    const all = await Promise.all(times(16, () => publisher.publish(publication(channel))));
    expect(runs).toEqual([1, 1, 16]);
    expect(seqs(all)).toEqual(times(16, (n) => n + 2));
  });

  it("that come while a run is under way go with the next, in order, 64 at most", async () => {
    const channel = newChannel();
    const { publisher, runs } = counting(connection, { lastSaved: async () => ORIGIN });
    await publisher.publish(publication(channel));
    runs.length = 0;
    const first = publisher.publish(publication(channel));
    await new Promise((resolve) => setImmediate(resolve));
    const rest = times(150, () => publisher.publish(publication(channel)));
    expect(seqs(await Promise.all([first, ...rest]))).toEqual(times(151, (n) => n + 2));
    expect(runs).toEqual([1, 64, 64, 22]);
  });

  it("are at most 256 KiB a run", async () => {
    const channel = newChannel();
    const { publisher, runs } = counting(connection);
    await publisher.publish(publication(channel));
    runs.length = 0;
    await Promise.all(times(10, () => publisher.publish(publication(channel, { body: "x".repeat(60_000) }))));
    expect(runs).toEqual([4, 4, 2]);
  });

  it("of many partitions begin in one write", async () => {
    const link = await throughProxy();
    const channels = times(40, newChannel);
    const publisher = publisherOn(link);
    await Promise.all(channels.map((channel) => publisher.publish(publication(channel))));
    expect(new Set(channels.map((channel) => partitions.of(channel))).size).toBe(partitions.count);
    const [stream] = mastersOf(link).map((master) => master.stream);
    let writes = 0;
    for (const name of ["_writev", "_write"]) {
      const write: unknown = stream === undefined ? undefined : Reflect.get(stream, name);
      if (stream === undefined || typeof write !== "function") throw new Error(`a socket without ${name}`);
      Reflect.set(stream, name, (...args: unknown[]): unknown => {
        writes += 1;
        return write.apply(stream, args);
      });
    }
    await Promise.all(channels.map((channel) => publisher.publish(publication(channel))));
    expect(writes).toBe(1);
  });

  it("whose frames begin differently keep their order", async () => {
    const channel = newChannel();
    const { publisher } = counting(connection);
    await publisher.publish(publication(channel));
    const head = `{"type":"other","channel":"${channel}"`;
    const all = times(6, (n) => {
      const message = publication(channel);
      return n % 3 === 1 ? { ...message, halves: { ...message.halves, head } } : message;
    });
    expect(seqs(await Promise.all(all.map((message) => publisher.publish(message))))).toEqual([2, 3, 4, 5, 6, 7]);
    const log = await redis.xrange(keys.channel(channel).log, "-", "+");
    const begin = log.slice(1).map(([, fields]) => fields[1]?.startsWith(head));
    expect(begin).toEqual([false, true, false, false, true, false]);
  });

  it("have a message more, which repeats another of the run, told as a duplicate", async () => {
    const message = publication(newChannel());
    const { publisher, runs } = counting(connection);
    const [first, second] = await Promise.all([publisher.publish(message), publisher.publish(message)]);
    expect(runs[0]).toBe(2);
    expect(second).toEqual({ ...first, duplicate: true });
  });
});

describe("one cold channel among sixteen", () => {
  it("holds up no other, and its waiters share one read", async () => {
    const channels = channelsTogether(16);
    const [cold = ""] = channels;
    await Promise.all(channels.slice(1).map((channel) => publisherOn(connection).publish(publication(channel))));
    let answer: () => void = () => undefined;
    const asked: string[] = [];
    const { publisher, runs } = counting(connection, {
      lastSaved: (channel) => {
        asked.push(channel);
        return new Promise((resolve) => {
          answer = () => resolve({ epoch: 5, seq: 70 });
        });
      },
    });
    const waiting = times(3, () => publisher.publish(publication(cold)));
    const others = channels.slice(1).map((channel) => publisher.publish(publication(channel)));
    expect(seqs(await Promise.all(others))).toEqual(times(15, () => 2));
    // Sent while Postgres is asked: behind those that wait, and without another question.
    waiting.push(publisher.publish(publication(cold)));
    expect(await outcome(publisher, publication(channels[1] ?? ""))).toBe(3);
    answer();
    expect(seqs(await Promise.all(waiting))).toEqual([71, 72, 73, 74]);
    expect(asked).toEqual([cold]);
    expect(runs).toEqual([18, 1, 4]);
  });

  it("ends alone when Postgres cannot be asked", async () => {
    const [cold = "", warm = ""] = channelsTogether(2);
    await publisherOn(connection).publish(publication(warm));
    const { publisher } = counting(connection, { lastSaved: () => Promise.reject(new Error("away")) });
    const outcomes = await Promise.all([cold, warm, cold].map((channel) => outcome(publisher, publication(channel))));
    expect(outcomes).toEqual(["unavailable", 2, "unavailable"]);
  });
});

describe("rights that changed", () => {
  it("hold back their sender in that channel alone, are judged once for all of it, and keep the order", async () => {
    const [changed = "", other = ""] = channelsTogether(2);
    const publisher = publisherOn(connection);
    await Promise.all([changed, other].map((channel) => publisher.publish(publication(channel))));
    await redis.hset(keys.partition(partitions.of(changed)).rights, changed, 4);
    let judge: () => void = () => undefined;
    let judgements = 0;
    const freshRights = (): Promise<number> => {
      judgements += 1;
      return new Promise((resolve) => {
        judge = () => resolve(4);
      });
    };
    const stale = { user: "ann", rightsVersion: 0, freshRights };
    const sent = times(3, () => publisher.publish(publication(changed, stale)));
    const bob = publisher.publish(publication(changed, { user: "bob", rightsVersion: 4 }));
    const elsewhere = publisher.publish(publication(other, { user: "ann" }));
    expect(seqs(await Promise.all([bob, elsewhere]))).toEqual([2, 2]);
    const later = publisher.publish(publication(changed, { user: "ann", rightsVersion: 4 }));
    expect(await outcome(publisher, publication(changed, { user: "bob", rightsVersion: 4 }))).toBe(3);
    judge();
    expect(seqs(await Promise.all([...sent, later]))).toEqual([4, 5, 6, 7]);
    expect(judgements).toBe(1);
  });

  it("end all that was sent by the version of before where they no longer allow it", async () => {
    const channel = newChannel();
    const publisher = publisherOn(connection);
    await publisher.publish(publication(channel));
    await redis.hset(keys.partition(partitions.of(channel)).rights, channel, 4);
    const freshRights = (): Promise<number> => Promise.reject(new ChatError("banned", "you are banned"));
    const outcomes = times(3, () => outcome(publisher, publication(channel, { rightsVersion: 3, freshRights })));
    const later = outcome(publisher, publication(channel, { rightsVersion: 4 }));
    expect(await Promise.all([...outcomes, later])).toEqual(["banned", "banned", "banned", 2]);
  });
});

describe("a group", () => {
  it("that is late is tried again once, whole and in order", async () => {
    const channel = newChannel();
    await publisherOn(connection).publish(publication(channel));
    let localMs = 1_000_000;
    const { publisher, runs } = counting(connection, { clock: () => localMs++ });
    const all = await Promise.all(times(5, () => publisher.publish(publication(channel))));
    expect(seqs(all)).toEqual([2, 3, 4, 5, 6]);
    expect(runs).toEqual([5, 5]);
  });

  it("whose answer was lost is unknown, is not sent again, and what came after it goes once its deadline has passed", async () => {
    const link = await throughProxy();
    const channel = newChannel();
    const { publisher, runs } = counting(link, { deadlineMs: 300 });
    await publisher.publish(publication(channel));
    runs.length = 0;
    const lost = proxy.loseNextReply();
    const messages = times(8, () => publication(channel));
    const outcomes = messages.map((message) => outcome(publisher, message));
    await new Promise((resolve) => setImmediate(resolve));
    const behind = times(3, () => outcome(publisher, publication(channel)));
    expect(await Promise.all(outcomes)).toEqual(times(8, () => "unknown"));
    await lost;
    // Those behind it came at nearly the same time: their deadline has passed with that of the run.
    const late = await Promise.all(behind);
    expect(late.every((each) => each === "unavailable" || typeof each === "number")).toBe(true);
    await whenReady(link, 5_000);
    const repeats = await Promise.all(messages.map((message) => publisher.publish(message)));
    expect(repeats.every(({ duplicate }) => duplicate)).toBe(true);
    expect(seqs(repeats)).toEqual(times(8, (n) => n + 2));
    expect(runs[0]).toBe(8);
    expect(await redis.xlen(keys.channel(channel).log)).toBe(
      9 + late.filter((each) => typeof each === "number").length,
    );
  });

  it("that ends unavailable ends all that waits in its partition", async () => {
    const link = await throughProxy();
    const channel = newChannel();
    const { publisher, runs } = counting(link);
    await publisher.publish(publication(channel));
    runs.length = 0;
    const outcomes = times(200, () => outcome(publisher, publication(channel)));
    link.disconnect();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["unavailable"]));
    expect(runs).toEqual([64]);
  });
});

describe("while Redis stalls", () => {
  it("a deadline counts from the arrival: past it a message is refused unsent", async () => {
    const channel = newChannel();
    const { publisher, runs } = counting(await connected(server.url, 2_000), { deadlineMs: 150 });
    await publisher.publish(publication(channel));
    runs.length = 0;
    await redis.client("PAUSE", 400, "ALL");
    const first = outcome(publisher, publication(channel));
    await new Promise((resolve) => setImmediate(resolve));
    const behind = times(3, () => outcome(publisher, publication(channel)));
    expect(await Promise.all([first, ...behind])).toEqual(times(4, () => "unavailable"));
    expect(runs).toEqual([1]);
    expect(await outcome(publisher, publication(channel))).toBe(2);
  });

  it("a partition holds 1,000 messages or 4 MiB and no more; others go on", async () => {
    const [channel = ""] = channelsTogether(1);
    const link = await throughProxy();
    const { publisher } = counting(link);
    let elsewhere = newChannel();
    while (partitions.of(elsewhere) === partitions.of(channel)) elsewhere = newChannel();
    await Promise.all([channel, elsewhere].map((each) => publisher.publish(publication(each))));
    proxy.freeze(true);
    const many = times(1_000, () => outcome(publisher, publication(channel)));
    expect(await outcome(publisher, publication(channel))).toBe("overloaded");
    const another = outcome(publisher, publication(elsewhere));
    proxy.freeze(false);
    expect(await Promise.all(many)).toEqual(times(1_000, (n) => n + 2));
    expect(await another).toBe(2);
    proxy.freeze(true);
    const large = times(80, () => outcome(publisher, publication(channel, { body: "x".repeat(60_000) })));
    proxy.freeze(false);
    const outcomes = await Promise.all(large);
    expect(outcomes.filter((each) => each === "overloaded")).toHaveLength(80 - 70);
    expect(outcomes.filter((each) => typeof each === "number")).toHaveLength(70);
  });
});
