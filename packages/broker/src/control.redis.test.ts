// How a change of rights is remembered, numbered, told and kept: announce.lua with what reads it, against a real Redis.
import { ChatError } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createAnnouncer } from "./announcer.ts";
import { BANNED, banEverywhere, changeOf, MEMBER, noticeTo, recordOf } from "./control.fixture.ts";
import { createAccessStore, NO_ENTRY } from "./create-access.ts";
import { createControlLog, parseNumberedControl } from "./create-control-log.ts";
import { BEFORE_FIRST_ENTRY, formatEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import { createEpochFloors } from "./floors.ts";
import { connected, contentsOf, keys, newChannel, partitions, publication, publisherOn } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const floors = createEpochFloors();
let floorReads = 0;
const announcer = createAnnouncer({
  ...{ connection, keys, floors },
  readFloors: async () => void (floorReads += 1),
});
const log = createControlLog({ connection, keys });
const audit = '{"kind":"ban","actor":"olga"}';

beforeEach(async () => {
  await server.flush();
  floorReads = 0;
});

const partitionOf = (channel: string): number => partitions.of(channel);
const announce = (channel: string, version: number, ...more: [Parameters<typeof changeOf>[2]?]): Promise<EntryId> =>
  announcer.announce(partitionOf(channel), changeOf(channel, version, ...more), audit);
const versionOf = (channel: string): Promise<string | null> =>
  redis.hget(keys.partition(partitionOf(channel)).rights, channel);

/** Another server took over, which had not heard of everything: to scripts its replication id is all that tells. */
async function takeOver(): Promise<void> {
  await redis.call("REPLICAOF", "127.0.0.1", "1");
  await redis.call("REPLICAOF", "NO", "ONE");
}

async function queued(partition: number): Promise<(readonly [string, Record<string, string>])[]> {
  const rows = await redis.xrange(keys.partition(partition).outbox, "-", "+");
  return rows.map(([id, fields]) => [id, toRecord(fields)]);
}

function toRecord(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? ""]] : [])));
}

describe("an announcement", () => {
  it("raises the version, is told with its number, kept, and queues its audit record with the time of Redis", async () => {
    const channel = newChannel();
    const partition = partitionOf(channel);
    const { control, part, outbox } = keys.partition(partition);
    const subscriber = redis.duplicate();
    onTestFinished(() => subscriber.disconnect());
    const heard: string[] = [];
    subscriber.on("smessage", (_topic: string, text: string) => heard.push(text));
    await subscriber.ssubscribe(control);
    const number = await announce(channel, 7, { ann: BANNED });
    expect(number).toMatchObject({ number: 1 });
    expect(await versionOf(channel)).toBe("7");
    await expect.poll(() => heard).toHaveLength(1);
    const said = { partition, number, control: changeOf(channel, 7, { ann: BANNED }) };
    expect(parseNumberedControl(partition, heard[0] ?? "")).toEqual(said);
    expect(await log.since(partition, { ...number, number: 0 })).toEqual([said]);
    expect(await redis.hget(part, "control")).toBe(formatEntryId(number));
    const [[id, fields] = ["", {}]] = await queued(partition);
    expect(id).toMatch(/^\d+-1$/);
    expect(Object.keys(fields)).toEqual(["k", "f", "b"]);
    const record: unknown = JSON.parse(fields["f"] ?? "");
    expect(record).toEqual({ kind: "ban", actor: "olga", at: expect.any(Number) });
    expect(await redis.hmget(part, "last", "in")).toEqual(["1", fields["b"]]);
    expect(await redis.xlen(outbox)).toBe(1);
  });

  it("with every repeat gets its own number and is told again, but raises nothing and is audited once", async () => {
    const channel = newChannel();
    const partition = partitionOf(channel);
    const numbers = await Promise.all(Array.from({ length: 100 }, () => announce(channel, 3, { ann: MEMBER })));
    expect(numbers.map(({ number }) => number)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    expect(await versionOf(channel)).toBe("3");
    expect(await log.since(partition, { ...(numbers[0] ?? BEFORE_FIRST_ENTRY), number: 0 })).toHaveLength(100);
    expect(await queued(partition)).toHaveLength(1);
  });

  it("of a ban and its end in the other order leaves the end in force", async () => {
    const channel = newChannel();
    const access = createAccessStore({ connection, keys });
    await access.fill(channel, { record: recordOf(4), isWhole: true, entries: new Map() });
    await announce(channel, 6, { ann: NO_ENTRY });
    // One before it has not come, so what was remembered is not what is so.
    expect(await access.read([{ channel, users: ["ann"] }])).toEqual([undefined]);
    await announce(channel, 5, { ann: BANNED });
    expect(await versionOf(channel)).toBe("6");
    expect(await access.read([{ channel, users: ["ann"] }])).toEqual([undefined]);
    await access.fill(channel, { record: recordOf(5), isWhole: true, entries: new Map([["ann", BANNED]]) });
    expect(await access.read([{ channel, users: ["ann"] }])).toEqual([undefined]);
    const known = { record: recordOf(6), isWhole: true, entries: new Map() };
    await access.fill(channel, known);
    expect(await access.read([{ channel, users: ["ann"] }])).toEqual([known]);
  });

  it("changes what is remembered just before it, and what it says itself, once more", async () => {
    const channel = newChannel();
    const access = createAccessStore({ connection, keys });
    await access.fill(channel, { record: recordOf(1), isWhole: true, entries: new Map([["bob", MEMBER]]) });
    for (const _ of [1, 2]) {
      await announce(channel, 2, { ann: BANNED });
      expect(await access.read([{ channel, users: ["ann"] }])).toEqual([
        {
          record: recordOf(2),
          isWhole: true,
          entries: new Map([
            ["ann", BANNED],
            ["bob", MEMBER],
          ]),
        },
      ]);
    }
    await announcer.announce(partitionOf(channel), changeOf(channel, 3, {}, { forgets: true }), "");
    expect(await access.read([{ channel, users: [] }])).toEqual([
      { record: recordOf(3), isWhole: false, entries: new Map() },
    ]);
    expect(await access.read([{ channel, users: ["ann"] }])).toEqual([undefined]);
  });

  it("of no channel is numbered in its partition too, and one of a user is audited each time", async () => {
    const first = await announcer.announce(0, banEverywhere(1, "ann"), audit);
    await announcer.announce(0, banEverywhere(1, "ann"), audit);
    await announcer.announce(0, noticeTo("ann"), audit);
    await announcer.announce(0, noticeTo("ann"), audit);
    expect(await queued(0)).toHaveLength(3);
    const all = await log.since(0, first);
    expect(all?.map(({ number, control }) => [number.number, control.kind])).toEqual([
      [2, "global"],
      [3, "user"],
      [4, "user"],
    ]);
  });

  it("under another server begins an epoch of its numbers, once, so that nothing lost is taken for known", async () => {
    const channel = newChannel();
    const partition = partitionOf(channel);
    const before = await announce(channel, 1);
    await takeOver();
    expect(await log.since(partition, before)).toEqual([]);
    const after = await announce(channel, 2);
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(after.number).toBe(1);
    expect(await announce(channel, 3)).toEqual({ ...after, number: 2 });
    expect(await log.since(partition, before)).toBeUndefined();
    expect(await log.since(partition, after)).toHaveLength(1);
  });

  it("that a failover has lost fences nobody who knows less, until it comes again or somebody who knows it sends (R3)", async () => {
    const channel = newChannel();
    const access = createAccessStore({ connection, keys });
    const publisher = publisherOn(connection);
    const banned = (): Promise<number> => Promise.reject(new ChatError("banned", "you are banned"));
    const send = (rightsVersion: number, user: string): Promise<string> =>
      publisher.publish(publication(channel, { rightsVersion, user, freshRights: banned })).then(
        () => "ok",
        (error: unknown) => (error instanceof ChatError ? error.code : String(error)),
      );
    await access.fill(channel, { record: recordOf(4), isWhole: true, entries: new Map() });
    const then = await contentsOf(server);
    const lost = await announce(channel, 5, { ann: BANNED });
    expect(await send(4, "ann")).toBe("banned");
    // The replica that takes over had not heard of it.
    await server.flush();
    for (const [name, dump] of Object.entries(then)) await redis.restore(name, 0, Buffer.from(dump, "base64"));
    await takeOver();
    expect(await access.read([{ channel, users: ["ann"] }])).toEqual([undefined]);
    expect(await send(4, "ann")).toBe("ok");
    expect(await send(5, "bob")).toBe("ok");
    expect(await send(4, "ann")).toBe("banned");
    const again = await announce(channel, 5, { ann: BANNED });
    expect(again.epoch).toBeGreaterThan(lost.epoch);
    expect(await log.since(partitionOf(channel), lost)).toBeUndefined();
    expect(await versionOf(channel)).toBe("5");
  });

  it("asks for fresh floors before the outbox begins an epoch, and then numbers above them", async () => {
    const channel = newChannel();
    const partition = partitionOf(channel);
    const high = 9_000_000_000_000;
    const careful = createAnnouncer({
      ...{ connection, keys, floors: createEpochFloors() },
      readFloors: () => Promise.reject(new Error("Postgres is away")),
    });
    await expect(careful.announce(partition, changeOf(channel, 1), audit)).rejects.toThrow("Postgres is away");
    expect(await versionOf(channel)).toBeNull();
    await careful.announce(partition, changeOf(channel, 1), "");
    floors.see(partition, high);
    await announce(channel, 2);
    await announce(channel, 3);
    expect(floorReads).toBe(1);
    expect((await queued(partition)).map(([id]) => id)).toEqual([`${high + 1}-1`, `${high + 1}-2`]);
  });

  it("gets through in a full Redis", async () => {
    const channel = newChannel();
    await announce(channel, 1);
    await redis.config("SET", "maxmemory", "1");
    onTestFinished(async () => void (await redis.config("SET", "maxmemory", "0")));
    await announce(channel, 2, { ann: BANNED });
    expect(await versionOf(channel)).toBe("2");
  });

  it("reaches the nodes where one of its keys is broken, and says that it is", async () => {
    const channel = newChannel();
    const partition = partitionOf(channel);
    await redis.set(keys.partition(partition).rights, "no hash");
    await expect(announce(channel, 1)).rejects.toMatchObject({ code: "internal" });
    const [epoch = "0"] = (await redis.hget(keys.partition(partition).part, "control"))?.split("-") ?? [];
    expect(await log.since(partition, { epoch: Number(epoch), number: 0 })).toHaveLength(1);
  });

  it("is unavailable without Redis", async () => {
    const lost = await connected(server.url);
    lost.disconnect();
    const away = createAnnouncer({ connection: lost, keys, floors, readFloors: async () => undefined });
    await expect(away.announce(0, banEverywhere(1, "ann"), "")).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("the log of controls", () => {
  it("says when some after a number are kept no longer, or cannot be read by this build", async () => {
    const channel = newChannel();
    const partition = partitionOf(channel);
    const [first, second] = [await announce(channel, 1), await announce(channel, 2)];
    expect(await log.since(partition, second)).toEqual([]);
    expect(await log.since(partition, { ...second, number: 3 })).toBeUndefined();
    expect(await log.since(partition, BEFORE_FIRST_ENTRY)).toBeUndefined();
    await redis.xdel(keys.partition(partition).controlLog, formatEntryId(first));
    expect(await log.since(partition, { ...first, number: 0 })).toBeUndefined();
    expect(await log.since(partition, first)).toHaveLength(1);
    await redis.xadd(keys.partition(partition).controlLog, `${second.epoch}-3`, "c", '{"kind":"newer"}');
    expect(await log.since(partition, first)).toBeUndefined();
  });

  it("of a partition in which nothing was ever announced has nothing", async () => {
    expect(await log.since(1, BEFORE_FIRST_ENTRY)).toEqual([]);
  });
});
