// Edits, deletions and reactions on a real Redis, with a past that is held in memory instead of Postgres: each outcome, and
// that what stands already is not made again.
import { ChatError, parseSequencedFrame, renderFrame, messageHalves } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import type { ChangeDraft, Changed, DeleteDraft, EditDraft, ReactDraft } from "./changes.ts";
import { createChanges } from "./create-changes.ts";
import type { ChangesOptions } from "./create-changes.ts";
import { createEpochFloors } from "./floors.ts";
import { createOutbox } from "./outbox.ts";
import { createPast } from "./past.fixture.ts";
import type { Published } from "./publication.ts";
import { connected, freshRights, keys, newChannel, partitions, publication } from "./publishing.suite.ts";
import { publisherOn, publishMany, readerOn } from "./publishing.suite.ts";
import { createStoredChanges } from "./stored-changes.fixture.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const outbox = createOutbox({ connection, reader: await readerOn(server.url), keys, logEntries: 3, idleMs: 60_000 });

let past = createPast();
let stored = createStoredChanges(past, outbox);
let changes = changesOn();
let publisher = publisherOn(connection);

beforeEach(async () => {
  await server.flush();
  past = createPast();
  stored = createStoredChanges(past, outbox);
  changes = changesOn();
  publisher = publisherOn(connection, { lastSaved: (channel) => past.last(channel) });
});

function changesOn(options: Partial<ChangesOptions> = {}) {
  return createChanges({
    ...{ connection, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 5_000 },
    lastSaved: (channel) => past.last(channel),
    findStored: (...asked) => stored.find(...asked),
    ...options,
  });
}

interface Sent extends Published {
  readonly channel: string;
  readonly clientId: string;
}

async function send(channel = newChannel(), draft: Parameters<typeof publication>[1] = {}): Promise<Sent> {
  const message = publication(channel, draft);
  return { ...(await publisher.publish(message)), channel, clientId: message.clientId };
}

const base = ({ channel, id }: Sent, user: string): ChangeDraft => ({
  ...{ channel, id, user, rightsVersion: 0, freshRights },
});
const edit = (message: Sent, body: string, more: Partial<EditDraft> = {}): Promise<Changed> =>
  changes.edit({ ...base(message, "ann"), body, ...more });
const remove = (message: Sent, more: Partial<DeleteDraft> = {}): Promise<Changed> =>
  changes.delete({ ...base(message, "ann"), moderates: false, ...more });
const react = (message: Sent, emoji: string, on = true, more: Partial<ReactDraft> = {}): Promise<Changed> =>
  changes.react({ ...base(message, "bob"), emoji, on, ...more });

async function codeOf(work: Promise<unknown>): Promise<string> {
  const reason: unknown = await work.then(
    () => "nothing",
    (error: unknown) => error,
  );
  return reason instanceof ChatError ? reason.code : String(reason);
}

async function framesOf(channel: string): Promise<string[]> {
  const entries = await redis.xrange(keys.channel(channel).log, "-", "+");
  return entries.map(([, fields]) => fields[1] ?? "");
}

async function persist(channel: string, most?: number): Promise<void> {
  await stored.save(await stored.read(partitions.of(channel), most));
}

/** So that the message is only in Postgres: what has happened to it is saved, and long ago. */
async function persistAndForget(message: Sent): Promise<void> {
  await publishMany(publisher, message.channel, 5);
  await persist(message.channel);
  const own = keys.channel(message.channel);
  await redis.del(own.acts, own.acted, own.gone, own.marks(message.id));
}

const seq = ({ position }: { position: Position }): number => position.seq;
const isNew = ({ isNew: fresh }: Changed): boolean => fresh;

describe("an edit, a deletion and a reaction", () => {
  it("take positions of their own, are announced, logged and queued as they are announced", async () => {
    const message = await send();
    const { channel, id } = message;
    const heard: Buffer[] = [];
    const listener = redis.duplicate();
    await listener.ssubscribe(keys.channel(channel).topic);
    listener.on("smessageBuffer", (_topic: Buffer, envelope: Buffer) => heard.push(envelope.subarray(34)));
    const done = [await edit(message, "two"), await react(message, "👍"), await remove(message)];
    listener.disconnect();
    expect(done.map(seq)).toEqual([2, 3, 4]);
    expect(done.every(isNew)).toBe(true);
    const log = await framesOf(channel);
    expect(heard.map(String).slice(1)).toEqual(log);
    expect(log.map((frame) => parseSequencedFrame(frame))).toEqual([
      expect.objectContaining({ type: "reaction", channel, id, user: "bob", emoji: "👍", on: true, seq: 3 }),
      expect.objectContaining({ type: "deleted", channel, id, user: "ann", seq: 4 }),
    ]);
    const waiting = await stored.read(partitions.of(channel));
    expect(waiting.map((entry) => [entry.kind, "frame" in entry && entry.frame])).toEqual([
      ["reaction", log[0]],
      ["deleted", log[1]],
    ]);
  });

  it("of an unknown message are not found", async () => {
    const nowhere = { ...(await send()), id: "nowhere" };
    const all = [edit(nowhere, "x"), remove(nowhere), react(nowhere, "👍")];
    expect(await Promise.all(all.map(codeOf))).toEqual(["not_found", "not_found", "not_found"]);
  });

  it("find the message that only Postgres has", async () => {
    const message = await send();
    await edit(message, "two");
    await react(message, "👍");
    await persistAndForget(message);
    expect(await react(message, "👍")).toMatchObject({ isNew: false, position: { seq: 3 } });
    expect(await react(message, "👍", true, { user: "eve" })).toMatchObject({ isNew: true });
    expect(await edit(message, "two")).toMatchObject({ isNew: false, position: { seq: 2 } });
    expect(await edit(message, "three")).toMatchObject({ isNew: true });
    const { acts } = keys.channel(message.channel);
    expect(await redis.hget(acts, message.id)).toMatch(/\n2 👍$/);
    await remove(message);
    await persistAndForget(message);
    expect(await remove(message)).toMatchObject({ isNew: false, position: { seq: 11 } });
    expect(await codeOf(edit(message, "four"))).toBe("not_found");
  });

  it("ask Postgres nothing about a message that Redis remembers, nor about one among the newest", async () => {
    const message = await send();
    past.away = true;
    past.asked = 0;
    await react(message, "👍");
    await publishMany(publisher, message.channel, 210);
    expect([await react(message, "👍", false), await edit(message, "two"), await remove(message)].every(isNew)).toBe(
      true,
    );
    expect(past.asked).toBe(0);
  });

  it("find a message far down in the log that Postgres does not have yet, also while it is away", async () => {
    const [first, second] = [await send(), undefined];
    const other = await send(first.channel, second);
    await publishMany(publisher, first.channel, 450);
    expect(await edit(first, "two")).toMatchObject({ isNew: true });
    past.away = true;
    expect(await edit(other, "two")).toMatchObject({ isNew: true });
    const nowhere = { ...first, id: "nowhere" };
    expect(await codeOf(edit(nowhere, "x"))).toBe("unavailable");
  });

  it("obey rights that changed, read once", async () => {
    const message = await send();
    await redis.hset(keys.partition(partitions.of(message.channel)).rights, message.channel, 4);
    expect(await edit(message, "two", { freshRights: async () => 4 })).toMatchObject({ isNew: true });
    const banned = (): Promise<number> => Promise.reject(new ChatError("banned", "you are banned"));
    expect(await codeOf(edit(message, "three", { freshRights: banned }))).toBe("banned");
    expect(await codeOf(edit(message, "three", { freshRights: async () => 3 }))).toBe("unavailable");
    expect(await framesOf(message.channel)).toHaveLength(2);
  });

  it("put right a version of rights that Redis has lost", async () => {
    const message = await send();
    const { rights } = keys.partition(partitions.of(message.channel));
    await redis.hset(rights, message.channel, 4);
    expect(await edit(message, "two", { rightsVersion: 5 })).toMatchObject({ isNew: true });
    expect(await redis.hget(rights, message.channel)).toBe("5");
    expect(await codeOf(edit(message, "three", { freshRights: async () => 4 }))).toBe("unavailable");
  });

  it("are late on a clock that is behind, and tried again once", async () => {
    const message = await send();
    let localMs = 1_000_000;
    changes = changesOn({ clock: () => localMs++ });
    expect(await edit(message, "two")).toMatchObject({ isNew: true });
  });

  it("go on from Postgres in a channel that Redis does not hold, and need it there", async () => {
    const message = await send();
    await persist(message.channel);
    const { head, log, acts, acted } = keys.channel(message.channel);
    await redis.del(head, log, acts, acted);
    past.away = true;
    expect(await codeOf(edit(message, "two"))).toBe("unavailable");
    past.away = false;
    expect(await edit(message, "two")).toMatchObject({ isNew: true, position: { seq: 2 } });
  });

  it("are overloaded where the budget is spent, and nothing happens", async () => {
    const message = await send();
    const { part } = keys.partition(partitions.of(message.channel));
    await redis.hset(part, { in: 900, out: 0, limit: 100 });
    expect(await codeOf(edit(message, "two"))).toBe("overloaded");
    expect(await framesOf(message.channel)).toHaveLength(1);
  });

  it("begin an epoch after a change of master, and say what they follow", async () => {
    const message = await send();
    await redis.debug("CHANGE-REPL-ID");
    const { position } = await edit(message, "two");
    expect(position.epoch).toBeGreaterThan(message.position.epoch);
    const [, frame = ""] = await framesOf(message.channel);
    expect(parseSequencedFrame(frame).prev).toEqual(message.position);
  });
});

describe("an edit", () => {
  it("to what stands answers where that stands, and is announced to nobody", async () => {
    const message = await send(undefined, { body: "one" });
    expect(await edit(message, "one")).toEqual({ isNew: false, position: message.position });
    const second = await edit(message, "two");
    expect(await edit(message, "two")).toEqual({ ...second, isNew: false });
    expect(await edit(message, "one")).toMatchObject({ isNew: true, position: { seq: 3 } });
    expect(await framesOf(message.channel)).toHaveLength(3);
  });

  it("is the author's alone", async () => {
    expect(await codeOf(edit(await send(), "two", { user: "bob" }))).toBe("forbidden");
  });

  it("of a message of which 500 wait is overloaded until they are saved", async () => {
    const message = await send();
    for (let n = 0; n < 500; n += 1) await edit(message, `edit ${n}`);
    expect(await codeOf(edit(message, "one more"))).toBe("overloaded");
    await persist(message.channel);
    expect(await edit(message, "one more")).toMatchObject({ isNew: true });
  });
});

describe("a deletion", () => {
  it("is the author's, or one's who moderates", async () => {
    const message = await send();
    expect(await codeOf(remove(message, { user: "bob" }))).toBe("forbidden");
    expect(await remove(message, { user: "bob", moderates: true })).toMatchObject({ isNew: true });
  });

  it("that stands answers where it stands; nothing else happens to the message any more", async () => {
    const message = await send();
    const first = await remove(message);
    expect(await remove(message)).toEqual({ ...first, isNew: false });
    expect(await Promise.all([edit(message, "x"), react(message, "👍")].map(codeOf))).toEqual([
      "not_found",
      "not_found",
    ]);
  });

  it("leaves tombstones and tells the persister of all that it took out", async () => {
    const message = await send(undefined, { replyTo: "r".repeat(21) });
    const { channel, id, clientId, position, at } = message;
    const edits = [await edit(message, "two"), await edit(message, "three")];
    await react(message, "👍");
    await remove(message);
    const own = keys.channel(channel);
    const left = await redis.hgetall(own.gone);
    const halves = messageHalves({
      channel,
      id,
      clientId,
      user: "ann",
      name: "ann",
      replyTo: "r".repeat(21),
      deleted: true,
    });
    expect(left[`${position.epoch}-1`]).toBe(renderFrame(halves, { ...position, at }));
    expect(parseSequencedFrame(left[`${position.epoch}-3`] ?? "")).toMatchObject({ type: "edited", id, seq: 3 });
    const [, entry] = await stored.read(partitions.of(channel));
    if (entry?.kind !== "deleted") throw new Error("no deletion");
    expect(entry.removed).toMatchObject([
      { kind: "message", position, id, user: "ann", clientId, name: "ann", at, replyTo: "r".repeat(21) },
      { kind: "edited", position: edits[1]?.position, id, user: "ann" },
      { kind: "edited", position: edits[0]?.position, id, user: "ann" },
    ]);
    expect(await redis.exists(own.marks(id))).toBe(0);
    expect(await redis.hget(own.acts, id)).not.toMatch(/two|three|👍/);
    const log = await redis.xrevrange(keys.channel(channel).log, "+", "-", "COUNT", 1);
    expect(log[0]?.[1].slice(4, 6)).toEqual(["d", `${position.epoch}-1|ann`]);
  });

  it("leaves a repeat of the clientId what it was, whatever it says now", async () => {
    const message = publication(newChannel());
    const first = await publisher.publish(message);
    await remove({ ...first, channel: message.channel, clientId: message.clientId });
    for (const contentHash of [message.contentHash, "hash-of-another"])
      expect(await publisher.publish({ ...message, contentHash })).toEqual({ ...first, duplicate: true });
  });

  it("of what waits under no number is unavailable until it is saved", async () => {
    const message = await send();
    const { log } = keys.channel(message.channel);
    const [[id, fields] = ["", []]] = await redis.xrange(log, "-", "+");
    // as a build wrote it that knew nothing of deletions
    await redis.del(log);
    await redis.xadd(log, id, ...fields.slice(0, 2));
    expect(await codeOf(remove(message))).toBe("unavailable");
    await persist(message.channel);
    expect(await remove(message)).toMatchObject({ isNew: true });
    expect((await framesOf(message.channel)).join("\n")).not.toContain('"body"');
  });

  it("gives back what was counted for the author while the budget ran short", async () => {
    const channel = newChannel();
    const { part, held } = keys.partition(partitions.of(channel));
    const message = await send(channel);
    await redis.hset(part, "short", "full");
    const counted = await send(channel, { user: "bob" });
    expect(await redis.zscore(held, "u|bob")).not.toBeNull();
    await remove(counted, { user: "bob" });
    const waiting = await redis.zrange(held, "0", "-1", "WITHSCORES");
    const [entry] = (await stored.read(partitions.of(channel))).slice(-1);
    const size = entry?.kind === "deleted" ? String(entry.counted?.bytes) : "";
    expect(waiting).toEqual([`c|${channel}`, size, "u|bob", size]);
    expect(await remove(message)).toMatchObject({ isNew: true });
  });
});

describe("a reaction", () => {
  it("that stands, or does not when it is taken back, answers where that was said", async () => {
    const message = await send();
    expect(await react(message, "👍", false)).toEqual({ isNew: false, position: message.position });
    const on = await react(message, "👍");
    expect(await react(message, "👍")).toEqual({ ...on, isNew: false });
    const off = await react(message, "👍", false);
    expect(await react(message, "👍", false)).toEqual({ ...off, isNew: false });
    expect([on, off].map(seq)).toEqual([2, 3]);
  });

  it("is counted once a user, in the order in which emoji were first put", async () => {
    const message = await send();
    for (const user of ["a", "b", "c|d"]) await react(message, "👍", true, { user });
    for (const user of ["a", "b"]) await react(message, "|", true, { user });
    await react(message, "1", true, { user: "a" });
    await react(message, "👍", false, { user: "a" });
    await react(message, "1", false, { user: "a" });
    const text = await redis.hget(keys.channel(message.channel).acts, message.id);
    expect(text?.split("\n").slice(2)).toEqual(["2 👍", "2 |"]);
  });

  it("with a 51st emoji is too many, until one of them is taken back", async () => {
    const message = await send();
    const emoji = Array.from({ length: 51 }, (_, n) => String.fromCodePoint(0x1f600 + n));
    for (const each of emoji.slice(0, 50)) await react(message, each);
    expect(await codeOf(react(message, emoji[50] ?? ""))).toBe("too_many");
    expect(await react(message, emoji[0] ?? "", true, { user: "eve" })).toMatchObject({ isNew: true });
    await react(message, emoji[7] ?? "", false);
    expect(await react(message, emoji[50] ?? "")).toMatchObject({ isNew: true });
  });

  it("of a thousand users at once is counted for each, none of them in the way of another", async () => {
    const message = await send();
    const users = Array.from({ length: 1_000 }, (_, n) => `user-${n}`);
    const done = await Promise.all(users.map((user) => react(message, "👍", true, { user })));
    expect(done.filter(isNew)).toHaveLength(1_000);
    expect(await redis.hget(keys.channel(message.channel).acts, message.id)).toMatch(/\n1000 👍$/);
  });
});
