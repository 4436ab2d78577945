// Several messages of one partition in one run of the publish script: each has its own outcome, and what ends one of them
// leaves the others and the numbers of the partition whole.
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import type { Publication } from "./publication.ts";
import { keys, newChannel, partitions, publication } from "./publishing.suite.ts";
import { loadScripts } from "./scripts.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const lua = loadScripts()["rookeryPublish"]?.lua ?? "";
const FAR_AHEAD_MS = "99999999999999";

beforeEach(() => server.flush());

/** A channel of the same partition as another. */
function neighbour(channel: string): string {
  for (;;) {
    const other = newChannel();
    if (partitions.of(other) === partitions.of(channel)) return other;
  }
}

/** One run; answers what became of each, in the order of the script: channel by channel. */
async function together(messages: readonly Publication[], deadlineMs = FAR_AHEAD_MS, base = "0-0") {
  const { part, outbox, rights, held } = keys.partition(partitions.of(messages[0]?.channel ?? ""));
  const channels = [...new Set(messages.map(({ channel }) => channel))];
  const inOrder = channels.map((channel) => messages.filter((message) => message.channel === channel));
  const names = channels.flatMap((channel) => {
    const { head, log, gone, topic, acts, acted } = keys.channel(channel);
    return [head, log, gone, topic, acts, acted];
  });
  const once = inOrder.flat().map(({ channel, user, clientId }) => keys.channel(channel).once(user, clientId));
  const given = inOrder.flatMap((some, at) => {
    return [channels[at] ?? "", "0", "0", base, some[0]?.halves.head ?? "", String(some.length)];
  });
  const contents = inOrder.flat().flatMap(({ contentHash, id, halves }) => [`${contentHash}|${id}`, halves.tail]);
  const count = 4 + names.length + once.length;
  const run = [part, outbox, rights, held, ...names, ...once];
  run.push(deadlineMs, "0", "1000000", "60000", String(channels.length), ...given, ...contents);
  const answer: unknown = await redis.eval(lua, count, ...run);
  const [, ...values]: unknown[] = Array.isArray(answer) ? answer : [];
  return inOrder.flat().map((_, at) => {
    const [outcome, one, two, three] = values.slice(4 * at, 4 * at + 4);
    return { outcome, one, two, three };
  });
}

describe("messages of one run", () => {
  it("are numbered in their order, in each channel and in the outbox", async () => {
    const channel = newChannel();
    const other = neighbour(channel);
    const outcomes = await together([channel, other, channel, channel, other].map((each) => publication(each)));
    expect(outcomes.map(({ outcome, two, three }) => [outcome, two, three])).toEqual([
      ["ok", 1, 1],
      ["ok", 2, 2],
      ["ok", 3, 3],
      ["ok", 1, 4],
      ["ok", 2, 5],
    ]);
    expect(new Set(outcomes.map(({ one }) => one)).size).toBe(1);
    const { part, outbox } = keys.partition(partitions.of(channel));
    const [last] = await redis.xrevrange(outbox, "+", "-", "COUNT", 1);
    expect(last?.[1].at(-1)).toBe(await redis.hget(part, "in"));
    expect(await redis.hgetall(keys.channel(channel).head)).toMatchObject({ seq: "3", saved: "0-0", prev: "0-0" });
  });

  it("carry the position before an epoch once, on its first", async () => {
    const channel = newChannel();
    const [first] = await together([publication(channel)]);
    await redis.debug("CHANGE-REPL-ID");
    await together([publication(channel), publication(channel)]);
    const entries = await redis.xrange(keys.channel(channel).log, "-", "+");
    expect(entries.map(([, fields]) => fields[5])).toEqual([undefined, `${Number(first?.one)}-1`, undefined]);
  });

  it("are told apart where one repeats another", async () => {
    const channel = newChannel();
    const message = publication(channel);
    const outcomes = await together([message, message, { ...message, contentHash: "hash-of-another" }]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["ok", "duplicate", "conflict"]);
  });

  it("are all late together, and nothing is written", async () => {
    const channel = newChannel();
    const outcomes = await together([publication(channel), publication(channel)], "1");
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["late", undefined]);
    expect(await redis.dbsize()).toBe(0);
  });

  it("are cold by themselves: a channel that Redis holds goes on", async () => {
    const [channel] = [newChannel()];
    await together([publication(channel)]);
    const outcomes = await together([publication(neighbour(channel)), publication(channel)], FAR_AHEAD_MS, "");
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["cold", "ok"]);
  });

  it.each(["once", "head", "log"] as const)("outlive one of which the %s is of another type", async (name) => {
    const channel = newChannel();
    const other = neighbour(channel);
    const broken = publication(other);
    const own = keys.channel(other);
    await redis.hset(own.head, "epoch", 5, "seq", 1, "saved", "5-1");
    const key = name === "once" ? own.once(broken.user, broken.clientId) : own[name];
    await redis.del(key);
    await redis.lpush(key, "of another type");
    const outcomes = await together([publication(channel), publication(channel), broken, publication(channel)]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok", "broken"]);
    expect(outcomes.slice(0, 3).map(({ two }) => two)).toEqual([1, 2, 3]);
    expect(outcomes[3]?.one).toMatch(/WRONGTYPE/);
  });

  it("go on under an epoch of their own after one at whose position the log stands further on", async () => {
    const channel = newChannel();
    const [before] = await together([publication(channel)]);
    const epoch = Number(before?.one);
    await redis.xadd(keys.channel(channel).log, `${epoch}-9`, "f", "{}");
    const outcomes = await together([publication(channel), publication(channel), publication(neighbour(channel))]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["broken", "ok", "ok"]);
    expect(Number(outcomes[1]?.one)).toBeGreaterThan(epoch);
    expect(outcomes[1]).toMatchObject({ two: 3, three: 3 });
    expect(outcomes[2]?.one).toBe(outcomes[1]?.one);
  });

  it("reserve their numbers although the outbox refuses one", async () => {
    const channel = newChannel();
    const [before] = await together([publication(channel)]);
    const { outbox } = keys.partition(partitions.of(channel));
    await redis.xadd(outbox, `${Number(before?.one)}-2`, "k", "message");
    const outcomes = await together([publication(channel), publication(channel)]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["broken", "ok"]);
    expect(outcomes[1]).toMatchObject({ two: 2, three: 3 });
  });
});
