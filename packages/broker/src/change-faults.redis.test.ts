// Changes of which a write fails, whose answer is lost, or that are beaten by another: what is told is true, and whatever
// stands, stands once.
import { ChatError } from "@rookery/protocol";
import { startProxy, testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { ChangeDraft, Changes } from "./changes.ts";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
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
const outbox = createOutbox({ connection, reader: await readerOn(server.url), keys, logEntries: 1_000 });
const past = createPast();
const stored = createStoredChanges(past, outbox);
const publisher = publisherOn(connection);
const failures: string[] = [];

beforeEach(async () => {
  failures.length = 0;
  await server.flush();
});

/** `meanwhile` happens once, between what Postgres has seen and its answer. */
function changesOn(link: RedisConnection, meanwhile: (() => Promise<unknown>)[] = []): Changes {
  return createChanges({
    ...{ connection: link, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 2_000 },
    lastSaved: (channel) => past.last(channel),
    async findStored(...asked) {
      const seen = await stored.find(...asked);
      await meanwhile.pop()?.();
      return seen;
    },
    failed: (_, reason) => void failures.push(reason),
  });
}

async function send(channel = newChannel()): Promise<ChangeDraft> {
  const { id } = await publisher.publish(publication(channel));
  return { channel, id, user: "ann", rightsVersion: 0, freshRights };
}

const codeOf = (error: unknown): string => (error instanceof ChatError ? error.code : String(error));
const kindsOf = async (channel: string): Promise<string[]> =>
  (await stored.read(partitions.of(channel))).map(({ kind }) => kind);

describe("a change of which a write fails", () => {
  const changes = changesOn(connection);

  it("for the log stands in the outbox, is unknown, and holds up neither its partition nor its channel", async () => {
    const draft = await send();
    const { log } = keys.channel(draft.channel);
    await changes.react({ ...draft, emoji: "👍", on: true });
    await redis.rename(log, "{elsewhere}");
    await redis.set(log, "no stream");
    expect(await changes.edit({ ...draft, body: "two" }).catch(codeOf)).toBe("unknown");
    expect(failures).toEqual([expect.stringMatching(/WRONGTYPE/)]);
    await redis.rename("{elsewhere}", log);
    // What stands is known: a repeat finds it.
    expect(await changes.edit({ ...draft, body: "two" })).toMatchObject({ isNew: false, position: { seq: 3 } });
    const [next] = await publishMany(publisher, draft.channel, 1);
    expect(next?.seq).toBe(4);
    expect(await kindsOf(draft.channel)).toEqual(["message", "reaction", "edited", "message"]);
  });

  it("for the outbox leaves nothing, and all goes on when it is mended", async () => {
    const draft = await send();
    const { outbox: stream } = keys.partition(partitions.of(draft.channel));
    await redis.del(stream);
    await redis.set(stream, "no stream");
    for (const change of [
      changes.edit({ ...draft, body: "two" }),
      changes.react({ ...draft, emoji: "👍", on: true }),
      changes.delete({ ...draft, moderates: false }),
    ])
      expect(await change.catch(codeOf)).toBe("unknown");
    await redis.del(stream);
    expect(await redis.exists(keys.channel(draft.channel).acts)).toBe(0);
    expect(await changes.edit({ ...draft, body: "two" })).toMatchObject({ isNew: true, position: { seq: 2 } });
  });

  it("for what is remembered or left in the log is unknown, and no position is given twice", async () => {
    for (const name of ["acts", "gone"] as const) {
      const draft = await send();
      const key = keys.channel(draft.channel)[name];
      await changes.edit({ ...draft, body: "two" });
      if (name === "gone") await redis.set(key, "no hash");
      else await redis.del(key);
      if (name === "acts") await redis.set(key, "no hash");
      const outcome = await changes.delete({ ...draft, moderates: false }).catch(codeOf);
      expect(outcome).toMatch(/^(unknown|unavailable)$/);
      await redis.del(key);
      const [next] = await publishMany(publisher, draft.channel, 1);
      const entries = await stored.read(partitions.of(draft.channel));
      const seqs = entries.flatMap((entry) =>
        "channel" in entry && entry.channel === draft.channel ? entry.position.seq : [],
      );
      expect(new Set(seqs).size).toBe(seqs.length);
      expect(next?.seq).toBe(Math.max(...seqs));
    }
  });
});

describe("a change whose answer is lost", () => {
  it("is unknown, happened once, and its repeat answers where it stands", async () => {
    const proxy = await startProxy({ target: server.url });
    afterAll(() => proxy.close());
    const link = connectRedis({ url: proxy.url(), use: "commands", commandTimeoutMs: 2_000 });
    afterAll(() => link.disconnect());
    await whenReady(link, 5_000);
    const changes = changesOn(link);
    const draft = await send();
    const acts: (() => Promise<unknown>)[] = [
      () => changes.edit({ ...draft, body: "two" }),
      () => changes.react({ ...draft, emoji: "👍", on: true }),
      () => changes.react({ ...draft, emoji: "👍", on: false }),
      () => changes.delete({ ...draft, moderates: false }),
    ];
    for (const [at, act] of acts.entries()) {
      await whenReady(link, 5_000);
      const lost = proxy.loseNextReply((bytes) => bytes.includes("$2\r\nok\r\n"));
      expect(await act().catch(codeOf)).toBe("unknown");
      await lost;
      await whenReady(link, 5_000);
      expect(await act()).toMatchObject({ isNew: false, position: { seq: at + 2 } });
    }
    expect(await redis.hget(keys.channel(draft.channel).head, "seq")).toBe("5");
  });
});

describe("a change that another one beats", () => {
  it("is judged anew: an edit to what then stands, a mark that then stands, a message that is then deleted", async () => {
    const draft = await send();
    await stored.save(await stored.read(partitions.of(draft.channel)));
    const other = changesOn(connection);
    type Act = (changes: Changes) => Promise<unknown>;
    const beaten = async (meanwhile: Act, act: Act): Promise<unknown> => {
      // Only Postgres knows the message, and what happens while it is asked is not in its answer.
      const own = keys.channel(draft.channel);
      await redis.del(own.acts, own.acted, own.log, own.marks(draft.id));
      const mine = changesOn(connection, [() => meanwhile(other)]);
      return act(mine).catch(codeOf);
    };
    const edit: Act = (changes) => changes.edit({ ...draft, body: "two" });
    const react: Act = (changes) => changes.react({ ...draft, emoji: "👍", on: true });
    const remove: Act = (changes) => changes.delete({ ...draft, moderates: false });
    expect(await beaten(edit, edit)).toMatchObject({ isNew: false, position: { seq: 2 } });
    expect(await beaten(react, react)).toMatchObject({ isNew: false, position: { seq: 3 } });
    expect(await beaten(react, edit)).toMatchObject({ isNew: true, position: { seq: 5 } });
    expect(await beaten(remove, react)).toBe("not_found");
    expect(await beaten(remove, remove)).toMatchObject({ isNew: false, position: { seq: 7 } });
  });

  it("gives way to all that one message meets from several nodes at once, and counts each", async () => {
    const draft = await send();
    const nodes = await Promise.all([1, 2, 3].map(async () => changesOn(await connected(server.url))));
    const done = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        nodes[n % 3]?.react({ ...draft, user: `user-${n % 20}`, emoji: "👍", on: true }).catch(codeOf),
      ),
    );
    const fresh = done.filter((each) => typeof each === "object" && each.isNew);
    expect(fresh).toHaveLength(20);
    expect(done.filter((each) => typeof each === "string")).toEqual([]);
    const text = await redis.hget(keys.channel(draft.channel).acts, draft.id);
    expect(text).toMatch(/\n20 👍$/);
    const edits = await Promise.all(
      Array.from({ length: 6 }, (_, n) => nodes[n % 3]?.edit({ ...draft, body: `edit ${n}` }).catch(codeOf)),
    );
    expect(edits.filter((each) => typeof each === "object")).toHaveLength(6);
  });
});
