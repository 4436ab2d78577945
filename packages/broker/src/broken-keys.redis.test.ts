// Keys that hold something else than ours, and streams that stand further on than their partition knows: whatever one
// write meets ends that message alone, no position is given twice, and the rest of the partition goes on.
import { ChatError } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { BEFORE_FIRST_ENTRY, compareEntryIds } from "./entry-id.ts";
import { createOutbox } from "./outbox.ts";
import type { MessageEntry } from "./outbox-entry.ts";
import type { Publication, Published } from "./publication.ts";
import {
  connected,
  keys,
  newChannel,
  partitions,
  publication,
  publisherOn,
  readerOn,
  readMessages,
} from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);
const outbox = createOutbox({ connection, reader, keys, logEntries: 1_000 });
const failures: string[] = [];
const publisher = publisherOn(connection, { failed: (_, reason) => void failures.push(reason) });

beforeEach(async () => {
  failures.length = 0;
  await server.flush();
});

const everywhere = new Map(
  Array.from({ length: partitions.count }, (_, partition) => [partition, BEFORE_FIRST_ENTRY] as const),
);

/** A channel of the same partition as another. */
function neighbour(channel: string): string {
  for (;;) {
    const other = newChannel();
    if (partitions.of(other) === partitions.of(channel)) return other;
  }
}

async function send(channel: string, message: Publication = publication(channel)): Promise<Published | string> {
  try {
    return await publisher.publish(message);
  } catch (error) {
    return error instanceof ChatError ? error.code : "internal";
  }
}

/** What the outbox holds of these channels, each position once; rejects when one is there twice. */
async function positionsIn(...channels: string[]): Promise<string[]> {
  const entries = await outbox.read(everywhere, 1_000, 0);
  const all = entries
    .flatMap((entry) => (entry.kind === "message" && channels.includes(entry.channel) ? entry : []))
    .map(({ channel, position }) => `${channel} ${position.epoch}-${position.seq}`);
  expect(new Set(all).size).toBe(all.length);
  return all;
}

const isOk = (outcome: Published | string): outcome is Published => typeof outcome !== "string";

describe("a message of which a write fails", () => {
  it("for the log is no log: unknown, stands in the outbox, and is a duplicate when repeated", async () => {
    const channel = newChannel();
    await send(channel);
    await redis.set(keys.channel(channel).log, "no stream");
    const first = publication(channel);
    expect(await send(channel, first)).toBe("unknown");
    expect(failures).toEqual([expect.stringMatching(/WRONGTYPE/)]);
    const other = neighbour(channel);
    expect([await send(other), await send(other)].every(isOk)).toBe(true);
    expect(await send(channel)).toBe("unknown");
    await redis.del(keys.channel(channel).log);
    const last = await send(channel);
    expect(last).toMatchObject({ position: { seq: 4 } });
    expect(await send(channel, first)).toMatchObject({ duplicate: true, position: { seq: 2 } });
    expect(await positionsIn(channel, other)).toHaveLength(6);
  });

  it("for the outbox stands further on than the partition knows: the next one goes on beyond it", async () => {
    const channel = newChannel();
    const before = await send(channel);
    if (!isOk(before)) throw new Error(before);
    const { outbox: stream, part } = keys.partition(partitions.of(channel));
    const bytes = await redis.hget(part, "in");
    for (const ahead of [`${before.entry.epoch}-9`, `${before.entry.epoch + 1_000_000_000}-3`]) {
      await redis.xadd(stream, ahead, "k", "message");
      expect(await send(channel)).toBe("unknown");
      const next = await send(channel);
      if (!isOk(next)) throw new Error(next);
      const [aheadEpoch = 0, aheadNumber = 0] = ahead.split("-").map(Number);
      expect(compareEntryIds(next.entry, { epoch: aheadEpoch, number: aheadNumber })).toBeGreaterThan(0);
    }
    expect(isOk(await send(channel))).toBe(true);
    expect(await positionsIn(channel)).toHaveLength(4);
    expect(Number(await redis.hget(part, "in"))).toBeGreaterThan(3 * Number(bytes));
  });

  it("for the log stands further on than the head: the next one goes on beyond it", async () => {
    const channel = newChannel();
    const before = await send(channel);
    if (!isOk(before)) throw new Error(before);
    for (const ahead of [`${before.position.epoch}-9`, `${before.position.epoch + 1_000_000_000}-2`]) {
      await redis.xadd(keys.channel(channel).log, ahead, "f", "{}");
      expect(await send(channel)).toBe("unknown");
      expect(isOk(await send(channel))).toBe(true);
      expect(isOk(await send(neighbour(channel)))).toBe(true);
    }
    expect(await positionsIn(channel)).toHaveLength(5);
  });

  it("for the outbox is no stream leaves no bytes counted, and all goes on when it is taken away", async () => {
    const channel = newChannel();
    const { outbox: stream, part } = keys.partition(partitions.of(channel));
    await redis.set(stream, "no stream");
    for (let n = 0; n < 3; n += 1) expect(await send(channel)).toBe("unknown");
    expect(await redis.hget(part, "in")).toBe("0");
    await redis.del(stream);
    expect(await send(channel)).toMatchObject({ position: { seq: 1 } });
    expect(await send(channel)).toMatchObject({ position: { seq: 2 } });
  });

  // A broken head is the whole channel's; a broken once-key is one message's.
  it.each([
    ["head", "unknown"],
    ["once", "sent"],
  ] as const)("since its %s is of another type hinders no other message", async (name, nextInChannel) => {
    const channel = newChannel();
    await send(channel);
    const place = keys.channel(channel);
    const message = publication(channel);
    const broken = name === "head" ? place.head : place.once(message.user, message.clientId);
    await redis.del(broken);
    await redis.lpush(broken, "no hash, no string");
    expect(await send(channel, message)).toBe("unknown");
    expect(isOk(await send(neighbour(channel)))).toBe(true);
    const next = await send(channel);
    expect(isOk(next) ? "sent" : next).toBe(nextInChannel);
    await redis.del(broken);
    expect(isOk(await send(channel, message))).toBe(true);
    await positionsIn(channel);
  });

  it.each(["part", "rights"] as const)("since %s is of another type hinders no other partition", async (name) => {
    const channel = newChannel();
    await send(channel);
    const broken = keys.partition(partitions.of(channel))[name];
    await redis.del(broken);
    await redis.set(broken, "no hash");
    expect(await send(channel)).toBe("unknown");
    const elsewhere = ["a", "b", "c", "d", "e"].find((other) => partitions.of(other) !== partitions.of(channel)) ?? "";
    expect(isOk(await send(elsewhere))).toBe(true);
    await redis.del(broken);
    expect([await send(channel), await send(channel)].every(isOk)).toBe(true);
    expect(await positionsIn(channel)).toHaveLength(3);
  });

  it("does not happen over what may hold anything: gone, slow and the count of a short budget", async () => {
    const channel = newChannel();
    const { held, part } = keys.partition(partitions.of(channel));
    const place = keys.channel(channel);
    await send(channel);
    for (const name of [place.gone, place.slow("ann"), held]) await redis.set(name, "anything");
    await redis.hset(part, "short", "full");
    expect(isOk(await send(channel, publication(channel, { slowModeMs: 10 })))).toBe(true);
  });
});

describe("a channel whose keys are broken", () => {
  const batchOf = (entries: readonly MessageEntry[]) => {
    const last = entries.at(-1);
    if (last === undefined) throw new Error("no entries");
    const channels = new Map(entries.map(({ channel, position }) => [channel, position]));
    return { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false };
  };

  it.each(["head", "log", "gone"] as const)("in its %s does not keep its partition from being saved", async (name) => {
    const [channel] = [newChannel()];
    const other = neighbour(channel);
    await send(channel);
    await send(other);
    await redis.del(keys.channel(channel)[name]);
    await redis.set(keys.channel(channel)[name], "of another type");
    const partition = partitions.of(channel);
    await outbox.save(partition, batchOf(await readMessages(outbox, everywhere, 10, 0)));
    expect(await redis.xlen(keys.partition(partition).outbox)).toBe(0);
    expect(await redis.hget(keys.channel(other).head, "saved")).toMatch(/-1$/);
  });

  it.each(["head", "log"] as const)(
    "in its %s is off the list of those to shed, not at the top of it",
    async (name) => {
      const channel = newChannel();
      await redis.set(keys.channel(channel)[name], "of another type");
      if (name === "log") await redis.hset(keys.channel(channel).head, "epoch", 1, "saved", "1-1");
      const { shed } = keys.partition(partitions.of(channel));
      await redis.zadd(shed, 1, channel);
      const names = [shed, keys.channel(channel).head, keys.channel(channel).log] as const;
      expect(await connection.rookeryShed(...names, channel, "0", "9999999999999", "900")).toEqual([0, 0, 0]);
      expect(await redis.zcard(shed)).toBe(0);
    },
  );

  it("does not silence the pulse of its partition", async () => {
    const channel = newChannel();
    const other = neighbour(channel);
    await send(other);
    await redis.set(keys.channel(channel).head, "no hash");
    const partition = keys.partition(partitions.of(channel));
    const heads = [keys.channel(channel).head, keys.channel(other).head];
    const reply = await connection.rookeryPulse(4, partition.probe("n1"), partition.part, ...heads, 1, "probe");
    const epoch = expect.stringMatching(/^\d{13}$/);
    expect(reply).toEqual([
      expect.any(Number),
      expect.any(String),
      expect.arrayContaining([epoch]),
      [],
      [epoch, "1", "0-0", null],
    ]);
  });
});

describe("a partition whose outbox cannot be read", () => {
  it.each(["is no stream", "holds an id that is none of ours"])("since it %s holds up no other", async (what) => {
    const channel = newChannel();
    const elsewhere = ["a", "b", "c", "d", "e"].find((other) => partitions.of(other) !== partitions.of(channel)) ?? "";
    const stream = keys.partition(partitions.of(channel)).outbox;
    if (what === "is no stream") await redis.set(stream, "anything");
    else await redis.xadd(stream, "18446744073709551000-1", "k", "message");
    await send(elsewhere);
    const entries = await readMessages(outbox, everywhere, 10, 2_000);
    expect(entries.map((entry) => entry.channel)).toEqual([elsewhere]);
    expect(await outbox.waiting()).toMatchObject({ entries: expect.any(Number) });
  });
});
