// How long what is remembered of changes is kept: as long as the channel is, and of each message until Postgres has it, the
// log has left it behind, and nobody who looked before can still be under way.
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import type { ChangeDraft } from "./changes.ts";
import { createChanges } from "./create-changes.ts";
import { createEpochFloors } from "./floors.ts";
import { createOutbox } from "./outbox.ts";
import { createPast } from "./past.fixture.ts";
import { connected, freshRights, keys, newChannel, partitions, publication } from "./publishing.suite.ts";
import { publisherOn, publishMany, readerOn } from "./publishing.suite.ts";
import { createStoredChanges } from "./stored-changes.fixture.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const outbox = createOutbox({ connection, reader: await readerOn(server.url), keys, logEntries: 3, idleMs: 60_000 });
const past = createPast();
const stored = createStoredChanges(past, outbox);
const publisher = publisherOn(connection, { lastSaved: (channel) => past.last(channel) });
const changes = createChanges({
  ...{ connection, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 5_000 },
  lastSaved: (channel) => past.last(channel),
  findStored: (...asked) => stored.find(...asked),
});

beforeEach(async () => {
  await server.flush();
  past.rows.clear();
});

async function send(channel: string): Promise<ChangeDraft> {
  const { id } = await publisher.publish(publication(channel));
  return { channel, id, user: "ann", rightsVersion: 0, freshRights };
}

const persist = async (channel: string): Promise<void> => stored.save(await stored.read(partitions.of(channel)));
const edit = (draft: ChangeDraft, body: string) => changes.edit({ ...draft, body });
const remove = (draft: ChangeDraft) => changes.delete({ ...draft, moderates: false });

/** As if so much time had passed since all that has happened. */
async function passes(channel: string, ms: number): Promise<void> {
  const { acted } = keys.channel(channel);
  for (const member of await redis.zrange(acted, "0", "-1")) await redis.zincrby(acted, -ms, member);
}

describe("what is remembered of changes", () => {
  it("expires with a channel of which all is saved, and is kept again from its next message on", async () => {
    const channel = newChannel();
    const { head, acts, acted, gone } = keys.channel(channel);
    const draft = await send(channel);
    await edit(await send(channel), "two");
    await remove(draft);
    const ttls = (): Promise<number[]> => Promise.all([head, acts, acted, gone].map((name) => redis.pttl(name)));
    expect(await ttls()).toEqual([-1, -1, -1, -1]);
    await persist(channel);
    expect((await ttls()).every((left) => left > 50_000 && left <= 60_000)).toBe(true);
    await publishMany(publisher, channel, 1);
    expect(await ttls()).toEqual([-1, -1, -1, -1]);
    await persist(channel);
    expect((await ttls()).every((left) => left > 50_000)).toBe(true);
    await edit(await send(channel), "two");
    expect(await ttls()).toEqual([-1, -1, -1, -1]);
  });

  it("goes with a channel that Redis no longer holds, once that begins anew", async () => {
    const channel = newChannel();
    await edit(await send(channel), "two");
    await persist(channel);
    const { head, log, acts } = keys.channel(channel);
    await redis.del(head, log);
    await publishMany(publisher, channel, 1);
    expect(await redis.exists(acts)).toBe(0);
  });

  it("is forgotten a minute after the last act, once it is saved and behind the log, by what changes then", async () => {
    const channel = newChannel();
    const { acts, acted, gone } = keys.channel(channel);
    const edited = await send(channel);
    await edit(edited, "two");
    const deleted = await send(channel);
    await remove(deleted);
    const kept = async (): Promise<boolean[]> =>
      Promise.all([
        redis.hexists(acts, edited.id).then(Boolean),
        redis.hexists(acts, deleted.id).then(Boolean),
        redis.exists(gone).then(Boolean),
      ]);
    const changed = async (): Promise<void> => void (await edit(await send(channel), "two"));
    await passes(channel, 61_000);
    await changed();
    // not saved
    expect(await kept()).toEqual([true, true, true]);
    await persist(channel);
    await publishMany(publisher, channel, 4);
    await persist(channel);
    await passes(channel, -30_000);
    await changed();
    // not old enough
    expect(await kept()).toEqual([true, true, true]);
    await passes(channel, 31_000);
    await changed();
    expect(await kept()).toEqual([false, false, false]);
    expect(await redis.zcard(acted)).toBe(3);
    // Postgres has it all.
    expect(await edit(edited, "two")).toMatchObject({ isNew: false, position: { seq: 2 } });
    expect(await remove(deleted)).toMatchObject({ isNew: false, position: { seq: 4 } });
  });

  it("of marks is longer than of anything else, and renewed by each", async () => {
    const draft = await send(newChannel());
    const react = () => changes.react({ ...draft, emoji: "👍", on: true });
    await react();
    const marks = keys.channel(draft.channel).marks(draft.id);
    expect(await redis.pttl(marks)).toBeGreaterThan(24 * 3_600_000);
    expect(await redis.hgetall(marks)).toEqual({ "": "w", "👍|ann": expect.stringMatching(/^1\|\d+-2$/) });
  });

  it("of marks that Redis has lost is asked of Postgres, while reactions stand", async () => {
    const draft = await send(newChannel());
    const on = { ...draft, emoji: "👍", on: true };
    await changes.react(on);
    await changes.react({ ...on, user: "bob" });
    await persist(draft.channel);
    await redis.del(keys.channel(draft.channel).marks(draft.id));
    expect(await changes.react(on)).toMatchObject({ isNew: false, position: { seq: 2 } });
    expect(await changes.react({ ...on, user: "bob", on: false })).toMatchObject({ isNew: true });
    expect(await changes.react({ ...on, user: "eve" })).toMatchObject({ isNew: true });
    expect(await redis.hget(keys.channel(draft.channel).acts, draft.id)).toMatch(/\n2 👍$/);
  });
});
