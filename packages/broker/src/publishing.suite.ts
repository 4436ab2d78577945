// What the tests of publishing, reading and saving share: publications that differ, and a broker on a test's server.
import { messageHalves, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { TestRedis } from "@rookery/testkit";
import { afterAll } from "vitest";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createEpochFloors } from "./floors.ts";
import { createKeys } from "./keys.ts";
import type { MessageEntry } from "./outbox-entry.ts";
import type { Outbox } from "./outbox.ts";
import { createPartitions } from "./partitions.ts";
import { createPublisher } from "./publisher.ts";
import type { Publication } from "./publication.ts";
import type { Publisher, PublisherOptions } from "./publisher.ts";

export const partitions = createPartitions(4);
export const keys = createKeys(partitions);

let made = 0;

/** A channel name no other test has. */
export function newChannel(): string {
  made += 1;
  return `channel-${made}`;
}

export interface Draft extends Partial<Omit<Publication, "halves">> {
  readonly body?: string;
  readonly replyTo?: string;
}

/** For messages of tests in which no rights change. */
export function freshRights(): Promise<number> {
  return Promise.reject(new Error("these rights do not change"));
}

/** A message that nobody sent before, but for what the draft says. */
export function publication(channel: string, draft: Draft = {}): Publication {
  made += 1;
  const { body = `message ${made}`, replyTo, ...given } = draft;
  const user = given.user ?? "ann";
  const clientId = given.clientId ?? `c${made}`;
  const id = given.id ?? `m${String(made).padStart(20, "0")}`;
  const halves = messageHalves({ channel, id, clientId, user, name: user, body, replyTo });
  const contentHash = `hash-of-${body.replaceAll("|", "")}`;
  return { channel, user, clientId, id, contentHash, halves, rightsVersion: 0, slowModeMs: 0, freshRights, ...given };
}

/** A connection for commands, ready, closed after the file's last test. */
export async function connected(url: string, commandTimeoutMs = 2_000): Promise<RedisConnection> {
  const connection = connectRedis({ url, use: "commands", commandTimeoutMs });
  afterAll(() => connection.disconnect());
  await whenReady(connection, 10_000);
  return connection;
}

/** A connection for blocking reads of the outbox, ready, closed after the file's last test. */
export async function readerOn(url: string): Promise<RedisConnection> {
  const reader = connectRedis({ url, use: "outbox", commandTimeoutMs: 2_000 });
  afterAll(() => reader.disconnect());
  await whenReady(reader, 5_000);
  return reader;
}

/** A publisher to whom Postgres is empty, but for what the options say. */
export function publisherOn(connection: RedisConnection, options: Partial<PublisherOptions> = {}): Publisher {
  return createPublisher({
    connection,
    keys,
    partitions,
    floors: createEpochFloors(),
    lastSaved: async () => ORIGIN,
    outboxMaxBytes: 64 * 2 ** 20,
    deadlineMs: 5_000,
    ...options,
  });
}

/** Publishes one after the other and answers where they stand. */
export async function publishMany(publisher: Publisher, channel: string, count: number): Promise<Position[]> {
  const positions: Position[] = [];
  for (let n = 0; n < count; n += 1) {
    positions.push((await publisher.publish(publication(channel))).position);
  }
  return positions;
}

/** What `read` gives of an outbox in which nothing but messages waits. */
export async function readMessages(outbox: Outbox, ...asked: Parameters<Outbox["read"]>): Promise<MessageEntry[]> {
  const entries = await outbox.read(...asked);
  return entries.map((entry) => {
    if (entry.kind !== "message") throw new Error(`an entry that is no message: ${entry.kind}`);
    return entry;
  });
}

/** Everything Redis holds, byte by byte, and what is left of each time to live is not part of it. */
export async function contentsOf(server: TestRedis): Promise<Record<string, string>> {
  const names = (await server.redis.keys("*")).toSorted();
  const dumps = await Promise.all(names.map((name) => server.redis.dumpBuffer(name)));
  return Object.fromEntries(names.map((name, at) => [name, dumps[at]?.toString("base64") ?? ""]));
}
