// The publish script against a real Redis: every step, every refusal, and that a refusal writes nothing.
import { ChatError, ORIGIN, parseMessageFrame, renderFrame } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { unpackAll } from "./packed-envelope.fixture.ts";
import { createEpochFloors } from "./floors.ts";
import { connected, contentsOf, keys, newChannel, partitions, publication } from "./publishing.suite.ts";
import { publisherOn, publishMany } from "./publishing.suite.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const publisher = publisherOn(connection);

beforeEach(() => server.flush());

/** Runs something that is to be refused and shows that Redis is as it was. */
async function refused(run: () => Promise<unknown>): Promise<unknown> {
  const before = await contentsOf(server);
  const reason: unknown = await run().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(await contentsOf(server)).toEqual(before);
  return reason;
}

describe("a message that is published", () => {
  it("counts on from 1 in the epoch of its partition", async () => {
    const channel = newChannel();
    const first = await publisher.publish(publication(channel));
    const second = await publisher.publish(publication(channel));
    expect(first.position.seq).toBe(1);
    expect(second.position).toEqual({ epoch: first.position.epoch, seq: 2 });
    expect(first.duplicate).toBe(false);
    expect(first.entry).toEqual({ epoch: first.position.epoch, number: 1 });
    expect(second.entry.number).toBe(2);
    const [seconds = 0] = await redis.time();
    expect(Math.abs(first.at - seconds * 1_000)).toBeLessThan(5_000);
  });

  it("stands in the log, the outbox and the head alike", async () => {
    const channel = newChannel();
    const message = publication(channel, { body: 'ünï "quoted" \u{1f426}' });
    const { position, at } = await publisher.publish(message);
    const place = `${position.epoch}-${position.seq}`;
    const frame = renderFrame(message.halves, { ...position, at });
    const { head, log, partition } = keys.channel(channel);
    const { outbox, part } = keys.partition(partition);
    expect(parseMessageFrame(frame)).toMatchObject({ channel, ...position, at, body: 'ünï "quoted" \u{1f426}' });
    expect(await redis.xrange(log, "-", "+")).toEqual([[place, ["f", frame, "o", "1"]]]);
    expect(await redis.hgetall(head)).toEqual({ epoch: `${position.epoch}`, seq: "1", saved: "0-0", prev: "0-0" });
    const [entry] = await redis.xrange(outbox, "-", "+");
    const state = await redis.hgetall(part);
    expect(entry).toEqual([
      `${position.epoch}-1`,
      ["k", "message", "c", channel, "p", place, "f", frame, "b", state["in"]],
    ]);
    expect(state).toMatchObject({ epoch: `${position.epoch}`, born: `${position.epoch}`, last: "1" });
    expect(state["owner"]).toMatch(/^[0-9a-f]{40}$/);
    expect(Number(state["in"])).toBeGreaterThanOrEqual(Buffer.byteLength(frame));
  });

  it("is announced with its position, the one it follows and the same bytes", async () => {
    const channel = newChannel();
    const listener = redis.duplicate();
    const heard: Buffer[] = [];
    listener.on("smessageBuffer", (_topic: Buffer, bytes: Buffer) => heard.push(bytes));
    await listener.ssubscribe(keys.channel(channel).topic);
    const messages = [publication(channel), publication(channel)];
    const answers = [];
    for (const message of messages) answers.push(await publisher.publish(message));
    await expect.poll(() => heard.length).toBe(2);
    listener.disconnect();
    const [first, second] = heard.flatMap((bytes) => unpackAll(bytes) ?? []);
    expect(first).toMatchObject({ kind: "sequenced", exclude: "", position: answers[0]?.position, prev: ORIGIN });
    expect(second).toMatchObject({ position: answers[1]?.position, prev: answers[0]?.position });
    const [log] = await redis.xrevrange(keys.channel(channel).log, "+", "-", "COUNT", 1);
    expect(Buffer.from(second?.frame ?? []).toString()).toBe(log?.[1][1]);
  });

  it("adds to the bytes that wait, of which each entry tells the sum", async () => {
    const channel = newChannel();
    await publishMany(publisher, channel, 3);
    const { part, outbox } = keys.partition(partitions.of(channel));
    const sums = (await redis.xrange(outbox, "-", "+")).map(([, fields]) => Number(fields.at(-1)));
    expect(sums).toEqual(sums.toSorted((a, b) => a - b));
    expect(await redis.hget(part, "in")).toBe(`${sums.at(-1)}`);
  });
});

describe("a repeat with the same clientId", () => {
  it("answers the first outcome, announces nothing and writes nothing", async () => {
    const message = publication(newChannel());
    const first = await publisher.publish(message);
    let repeat: unknown;
    await refused(async () => {
      repeat = await publisher.publish({ ...message, id: "another-id" });
    });
    expect(repeat).toEqual({ ...first, duplicate: true });
  });

  it("is a conflict when the content differs", async () => {
    const message = publication(newChannel());
    await publisher.publish(message);
    const reason = await refused(() => publisher.publish({ ...message, contentHash: `${message.contentHash}x` }));
    expect(reason).toMatchObject({ code: "conflict" });
  });

  it("answers the first outcome where another build hashed the content by another recipe", async () => {
    const message = publication(newChannel());
    const first = await publisher.publish({ ...message, contentHash: "5dQZ_of-the-build-before" });
    expect(await publisher.publish(message)).toEqual({ ...first, duplicate: true });
  });

  it("is another message for another user or in another channel", async () => {
    const channel = newChannel();
    const message = publication(channel);
    await publisher.publish(message);
    const other = await publisher.publish(publication(channel, { ...message, user: "bob" }));
    const elsewhere = await publisher.publish(publication(newChannel(), { clientId: message.clientId }));
    expect([other.duplicate, elsewhere.duplicate]).toEqual([false, false]);
  });

  it("gives one message when both arrive at once over two connections", async () => {
    const others = [publisher, publisherOn(await connected(server.url))];
    for (let round = 0; round < 20; round += 1) {
      const message = publication(newChannel());
      const outcomes = await Promise.all(others.map((one) => one.publish(message)));
      expect(outcomes.filter((outcome) => outcome.duplicate)).toHaveLength(1);
      expect(outcomes[0]?.position).toEqual(outcomes[1]?.position);
      expect(await redis.xlen(keys.channel(message.channel).log)).toBe(1);
    }
  });

  it("is forgotten after the time it is remembered for", async () => {
    const brief = publisherOn(connection, { onceMs: 30 });
    const message = publication(newChannel());
    const first = await brief.publish(message);
    await expect.poll(() => redis.exists(keys.channel(message.channel).once("ann", message.clientId))).toBe(0);
    const again = await brief.publish(message);
    expect(again).toMatchObject({ duplicate: false, position: { seq: first.position.seq + 1 } });
  });
});

describe("rights", () => {
  it("that changed since are judged once more, and the message goes on by the version that is in force", async () => {
    const channel = newChannel();
    const { rights } = keys.partition(partitions.of(channel));
    await redis.hset(rights, channel, 7);
    let judged = 0;
    const freshRights = async (): Promise<number> => {
      judged += 1;
      return 7;
    };
    const message = publication(channel, { rightsVersion: 6, freshRights });
    expect(await publisher.publish(message)).toMatchObject({ duplicate: false, position: { seq: 1 } });
    expect(judged).toBe(1);
    expect(await publisher.publish(publication(channel, { rightsVersion: 7 }))).toMatchObject({ position: { seq: 2 } });
  });

  it("that are refused when they are judged once more end the message, and nothing is written", async () => {
    const channel = newChannel();
    await redis.hset(keys.partition(partitions.of(channel)).rights, channel, 7);
    const freshRights = (): Promise<number> => Promise.reject(new ChatError("banned", "you are banned"));
    const reason = await refused(() => publisher.publish(publication(channel, { rightsVersion: 6, freshRights })));
    expect(reason).toMatchObject({ code: "banned" });
  });

  it("that change again while they are judged make the message unavailable", async () => {
    const channel = newChannel();
    await redis.hset(keys.partition(partitions.of(channel)).rights, channel, 7);
    const message = publication(channel, { rightsVersion: 5, freshRights: async () => 6 });
    expect(await refused(() => publisher.publish(message))).toMatchObject({
      code: "unavailable",
      message: "the channel's rights are changing",
      details: { channel },
    });
  });

  it("that Redis has lost are those of the sender who knows them, and whoever knows less is judged once more", async () => {
    const [lost, behind] = [newChannel(), newChannel()];
    await redis.hset(keys.partition(partitions.of(behind)).rights, behind, 6);
    for (const channel of [lost, behind]) {
      expect(await publisher.publish(publication(channel, { rightsVersion: 10 }))).toMatchObject({
        position: { seq: 1 },
      });
      expect(await redis.hget(keys.partition(partitions.of(channel)).rights, channel)).toBe("10");
      const freshRights = (): Promise<number> => Promise.reject(new ChatError("banned", "you are banned"));
      const reason = await refused(() => publisher.publish(publication(channel, { rightsVersion: 9, freshRights })));
      expect(reason).toMatchObject({ code: "banned" });
    }
  });

  it("do not hide that the message was sent before", async () => {
    const channel = newChannel();
    const message = publication(channel);
    await publisher.publish(message);
    await redis.hset(keys.partition(partitions.of(channel)).rights, channel, 1);
    expect(await publisher.publish(message)).toMatchObject({ duplicate: true });
  });
});

describe("room and pace", () => {
  it("refuses when too many bytes wait, and takes up again when they were taken off", async () => {
    const channel = newChannel();
    const narrow = publisherOn(connection, { outboxMaxBytes: 1_000 * partitions.count });
    const reason = await (async () => {
      for (let n = 0; n < 20; n += 1) await narrow.publish(publication(channel));
    })().catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: "overloaded" });
    expect(await refused(() => narrow.publish(publication(channel)))).toMatchObject({ code: "overloaded" });
    const { part } = keys.partition(partitions.of(channel));
    await redis.hset(part, "out", (await redis.hget(part, "in")) ?? "0");
    expect(await narrow.publish(publication(channel))).toMatchObject({ duplicate: false });
  });

  it("refuses when Redis has no memory left, before any write", async () => {
    const channel = newChannel();
    await publisher.publish(publication(channel));
    await redis.config("SET", "maxmemory", "1");
    try {
      expect(await refused(() => publisher.publish(publication(channel)))).toMatchObject({ code: "overloaded" });
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
    expect(await publisher.publish(publication(channel))).toMatchObject({ position: { seq: 2 } });
  });

  it("makes a user wait in slow mode, and says how long", async () => {
    const channel = newChannel();
    await publisher.publish(publication(channel, { slowModeMs: 60_000 }));
    const reason = await refused(() => publisher.publish(publication(channel, { slowModeMs: 60_000 })));
    const { code, details } = reason instanceof ChatError ? reason : new ChatError("internal", "no refusal");
    const { retryAfterMs = 0 } = details;
    expect(code).toBe("slow_mode");
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    // As a server has it that took over from one whose clock is five minutes ahead of its own.
    const [slow = ""] = await redis.keys("*:slow:*");
    await redis.pexpire(slow, 360_000);
    for (const mostMs of [60_000, 60_000]) {
      const later = await refused(() => publisher.publish(publication(channel, { slowModeMs: 60_000 })));
      expect(later).toMatchObject({ code: "slow_mode" });
      const { details: told } = later instanceof ChatError ? later : new ChatError("internal", "no refusal");
      expect(told.retryAfterMs).toBeLessThanOrEqual(mostMs);
    }
    expect(await redis.pttl(slow)).toBeLessThanOrEqual(60_000);
    const other = publication(channel, { user: "bob", slowModeMs: 60_000 });
    expect(await publisher.publish(other)).toMatchObject({ duplicate: false });
    expect(await publisher.publish(other)).toMatchObject({ duplicate: true });
  });
});

describe("the deadline", () => {
  it("is kept on the clock of Redis, which is learnt and tried once more", async () => {
    const answers: string[] = [];
    let localMs = 1_000_000;
    const away = publisherOn(connection, {
      clock: () => localMs++,
      deadlineMs: 5_000,
      metrics: { answered: (outcome) => answers.push(outcome) },
    });
    await away.publish(publication(newChannel()));
    await away.publish(publication(newChannel()));
    expect(answers).toEqual(["late", "cold", "ok", "cold", "ok"]);
  });

  it("is told apart from Redis being away: what is late twice did not happen", async () => {
    let localMs = 0;
    const frozen = publisherOn(connection, { clock: () => (localMs += 1), deadlineMs: -10_000 });
    const reason = await refused(() => frozen.publish(publication(newChannel())));
    expect(reason).toMatchObject({ code: "unavailable" });
  });

  it("comes before everything: not even a repeat is answered late", async () => {
    const message = publication(newChannel());
    await publisher.publish(message);
    const tried: string[] = [];
    const away = publisherOn(connection, {
      clock: () => 1_000_000,
      metrics: { answered: (outcome) => tried.push(outcome) },
    });
    expect(await away.publish(message)).toMatchObject({ duplicate: true });
    expect(tried).toEqual(["late", "duplicate"]);
  });
});

describe("what is known of rights", () => {
  it("is relied upon until its end, which comes before a message's own: nothing acts later", async () => {
    let untilMs = 0;
    const answers: string[] = [];
    const bounded = publisherOn(connection, {
      clock: () => Date.now(),
      rightsUntilMs: () => untilMs,
      metrics: { answered: (outcome) => answers.push(outcome) },
    });
    const channel = newChannel();
    untilMs = Date.now() + 60_000;
    await bounded.publish(publication(channel));
    untilMs = Date.now() - 1;
    expect(await refused(() => bounded.publish(publication(channel)))).toMatchObject({ code: "unavailable" });
    expect(answers.filter((each) => each === "ok")).toHaveLength(1);
  });
});

describe("a channel that Redis does not hold", () => {
  it("goes on from the last position in Postgres, asked for at that moment", async () => {
    const channel = newChannel();
    const asked: string[] = [];
    const base = { epoch: 1_000, seq: 41 };
    const after = publisherOn(connection, {
      lastSaved: async (name) => {
        asked.push(name);
        return base;
      },
    });
    const message = publication(channel);
    const { position, at } = await after.publish(message);
    expect(position.seq).toBe(42);
    expect(position.epoch).toBeGreaterThan(base.epoch);
    const [entry] = await redis.xrange(keys.channel(channel).log, "-", "+");
    const frame = renderFrame(message.halves, { ...position, at, prev: base });
    expect(entry?.[1]).toEqual(["f", frame, "o", "1", "v", "1000-41"]);
    expect(await redis.hgetall(keys.channel(channel).head)).toMatchObject({ saved: "1000-41", prev: "1000-41" });
    const [waiting] = await redis.xrange(keys.partition(partitions.of(channel)).outbox, "-", "+");
    expect(waiting?.[1].slice(0, 8)).toEqual([
      "k",
      "message",
      "c",
      channel,
      "p",
      `${position.epoch}-42`,
      "v",
      "1000-41",
    ]);
    await after.publish(publication(channel));
    expect(asked).toEqual([channel]);
    await redis.del(keys.channel(channel).head);
    await after.publish(publication(channel));
    expect(asked).toEqual([channel, channel]);
  });

  it("carries no prev when it is new, nor when it goes on in the same epoch", async () => {
    const channel = newChannel();
    const { position } = await publisher.publish(publication(channel));
    await redis.del(keys.channel(channel).head, keys.channel(channel).log);
    const expired = publisherOn(connection, { lastSaved: async () => position });
    expect((await expired.publish(publication(channel))).position).toEqual({ ...position, seq: 2 });
    const [entry] = await redis.xrange(keys.channel(channel).log, "-", "+");
    expect(entry?.[1]).toHaveLength(4);
    expect(entry?.[1][1]).not.toContain('"prev"');
  });

  it("is not published to while Postgres is away", async () => {
    const alone = publisherOn(connection, {
      lastSaved: async () => {
        throw new Error("connection refused");
      },
    });
    const reason = await refused(() => alone.publish(publication(newChannel())));
    expect(reason).toMatchObject({ code: "unavailable", message: "the history of this channel cannot be reached" });
  });

  it("drops what an earlier life of it left in the log", async () => {
    const channel = newChannel();
    await redis.xadd(keys.channel(channel).log, "1000-41", "f", "old");
    const after = publisherOn(connection, { lastSaved: async () => ({ epoch: 1_000, seq: 41 }) });
    await after.publish(publication(channel));
    expect(await redis.xlen(keys.channel(channel).log)).toBe(1);
  });

  it("goes on from its log where that is left and holds more than Postgres", async () => {
    const channel = newChannel();
    const [first] = await publishMany(publisher, channel, 2);
    await redis.del(keys.channel(channel).head);
    expect(await publishMany(publisher, channel, 1)).toEqual([{ epoch: first?.epoch, seq: 3 }]);
    expect(await redis.xlen(keys.channel(channel).log)).toBe(3);
  });
});

describe("an epoch", () => {
  it("is a new one when the replication id of Redis changed", async () => {
    const channel = newChannel();
    const [first] = await publishMany(publisher, channel, 1);
    await redis.debug("CHANGE-REPL-ID");
    const [second, third] = await publishMany(publisher, channel, 2);
    expect(second?.epoch).toBeGreaterThan(first?.epoch ?? 0);
    expect(second?.seq).toBe(2);
    expect(third).toEqual({ epoch: second?.epoch, seq: 3 });
    const entries = await redis.xrange(keys.channel(channel).log, "-", "+");
    expect(entries.map(([, fields]) => fields[5])).toEqual([undefined, `${first?.epoch}-1`, undefined]);
    const frames = entries.map(([, fields]) => parseMessageFrame(fields[1] ?? ""));
    expect(frames.map((frame) => frame.prev)).toEqual([undefined, first, undefined]);
    const part = await redis.hgetall(keys.partition(partitions.of(channel)).part);
    expect(part).toMatchObject({ born: `${first?.epoch}`, epoch: `${second?.epoch}`, last: "3" });
  });

  it("is never below what the caller has seen, nor below the clock", async () => {
    const floors = createEpochFloors();
    const wary = publisherOn(connection, { floors });
    const channel = newChannel();
    const farAhead = 5_000_000_000_000;
    floors.see(partitions.of(channel), farAhead);
    const { position } = await wary.publish(publication(channel));
    expect(position.epoch).toBe(farAhead + 1);
    const [next] = await publishMany(wary, channel, 1);
    expect(next?.epoch).toBe(farAhead + 1);
    const other = partitions.of(channel) === partitions.of("a") ? "b" : "a";
    const [elsewhere] = await publishMany(wary, other, 1);
    expect(Math.abs((elsewhere?.epoch ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it("changes when the caller has seen a later one, and then stays", async () => {
    const floors = createEpochFloors();
    const wary = publisherOn(connection, { floors });
    const channel = newChannel();
    const [first] = await publishMany(wary, channel, 1);
    const ahead = (first?.epoch ?? 0) + 1_000_000_000;
    floors.see(partitions.of(channel), ahead);
    const [second, third] = await publishMany(wary, channel, 2);
    expect(second).toEqual({ epoch: ahead + 1, seq: 2 });
    expect(third).toEqual({ epoch: ahead + 1, seq: 3 });
    const unaware = publisherOn(connection);
    expect((await publishMany(unaware, channel, 1))[0]).toEqual({ epoch: ahead + 1, seq: 4 });
  });

  it("is above that of the channel, also where the partition's own is lower", async () => {
    const channel = newChannel();
    const [first] = await publishMany(publisher, channel, 1);
    const ahead = (first?.epoch ?? 0) + 1_000_000_000;
    await redis.hset(keys.channel(channel).head, "epoch", ahead, "seq", 5, "saved", `${ahead}-5`);
    const [second, third] = await publishMany(publisher, channel, 2);
    expect(second).toEqual({ epoch: ahead + 1, seq: 6 });
    expect(third).toEqual({ epoch: ahead + 1, seq: 7 });
  });

  it("stays above the old one when the clock of Redis went back", async () => {
    const channel = newChannel();
    const [first] = await publishMany(publisher, channel, 1);
    const { part } = keys.partition(partitions.of(channel));
    const { head } = keys.channel(channel);
    const ahead = 4_000_000_000_000;
    await redis.hset(part, "epoch", ahead, "owner", "0".repeat(40));
    await redis.hset(head, "epoch", ahead);
    await redis.del(keys.channel(channel).log, keys.partition(partitions.of(channel)).outbox);
    const [second] = await publishMany(publisher, channel, 1);
    expect(first?.epoch).toBeLessThan(ahead);
    expect(second).toEqual({ epoch: ahead + 1, seq: 2 });
  });

  it("is above all that Postgres holds when Redis was restarted empty with its clock back", async () => {
    const channel = newChannel();
    const stored = { epoch: 6_000_000_000_000, seq: 9 };
    const after = publisherOn(connection, { lastSaved: async () => stored });
    const { position } = await after.publish(publication(channel));
    expect(position).toEqual({ epoch: stored.epoch + 1, seq: 10 });
  });

  it("follows what Postgres confirmed when that is more than this Redis knows", async () => {
    const channel = newChannel();
    const [first] = await publishMany(publisher, channel, 1);
    const { head, log } = keys.channel(channel);
    // as after a failover: the rows of 2 and 3 are in Postgres, their entries were lost with the old master
    await redis.hset(head, "saved", `${first?.epoch}-3`);
    await redis.expire(head, 1_000);
    await redis.debug("CHANGE-REPL-ID");
    const [next] = await publishMany(publisher, channel, 1);
    expect(next?.seq).toBe(4);
    const [entry] = await redis.xrevrange(log, "+", "-", "COUNT", 1);
    expect(entry?.[1][5]).toBe(`${first?.epoch}-3`);
    expect(await redis.ttl(head)).toBe(-1);
  });

  it("survives numbers that Lua would write in scientific notation", async () => {
    const floors = createEpochFloors();
    const channel = newChannel();
    const huge = 2 ** 53 - 100;
    floors.see(partitions.of(channel), huge);
    const wary = publisherOn(connection, { floors });
    const message = publication(channel);
    const { position, at } = await wary.publish(message);
    expect(position).toEqual({ epoch: huge + 1, seq: 1 });
    const [entry] = await redis.xrange(keys.channel(channel).log, "-", "+");
    expect(entry).toEqual([`${huge + 1}-1`, ["f", renderFrame(message.halves, { ...position, at }), "o", "1"]]);
    await redis.debug("CHANGE-REPL-ID");
    const [second] = await publishMany(wary, channel, 1);
    const [newest] = await redis.xrevrange(keys.channel(channel).log, "+", "-", "COUNT", 1);
    expect(newest?.[1][5]).toBe(`${huge + 1}-1`);
    expect(second).toEqual({ epoch: huge + 2, seq: 2 });
  });
});

describe("Redis losing its scripts", () => {
  it("is not noticed by a sender", async () => {
    const channel = newChannel();
    await publisher.publish(publication(channel));
    for (let round = 0; round < 5; round += 1) {
      await redis.script("FLUSH");
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => publisher.publish(publication(channel))));
      expect(outcomes.every((outcome) => "position" in outcome)).toBe(true);
    }
    expect(await redis.xlen(keys.channel(channel).log)).toBe(101);
  });
});
