// Does what an edge does when somebody speaks, and what the api does when somebody is banned, but announces it by topics to which
// nobody listens: all of it is written, numbered and committed, every announcement is lost, and nothing follows. On any topology
// of Redis. Called by tests and by the lab. Must never spoil a connection of others: what is lost is lost on lines that live on.
import { randomBytes } from "node:crypto";
import {
  composeMessage,
  connectRedis,
  createAnnouncer,
  createEpochFloors,
  createKeys,
  createPartitions,
  createPublisher,
  whenReady,
} from "@rookery/broker";
import type { Keys, Partitions, Published, Publisher, RedisConnection } from "@rookery/broker";
import { connectStore, createAnnouncements, createChannelActs } from "@rookery/store";
import type { Store } from "@rookery/store";
import { newClientId } from "./client.ts";
import { eventually } from "./eventually.ts";

export interface UnheardOptions {
  readonly redisUrl: string;
  readonly postgresUrl: string;
  /** Of the cluster; 64 unless given. */
  readonly partitions?: number;
}

export interface Unheard {
  /** Into a channel in which somebody has spoken before. Resolves once it has its position. */
  send(this: void, channel: string, user: string, body: string, clientId?: string): Promise<Published>;
  /** For ever. Resolves once it is committed and numbered. */
  ban(this: void, channel: string, user: string): Promise<void>;
  /** The same in Postgres alone, as a failover leaves it that has lost the rest. */
  commitBan(this: void, channel: string, user: string): Promise<void>;
  close(this: void): Promise<void>;
}

const COMMAND_TIMEOUT_MS = 2_000;
const READY_WITHIN_MS = 10_000;
const OUTBOX_MAX_BYTES = 64 * 2 ** 20;

/** As edges make them: 21 of `A-Za-z0-9_-`. */
const newMessageId = (): string => randomBytes(16).toString("base64url").slice(0, 21);

/** All of them as they are, but for a topic: under the same tag, so that a Cluster carries it. */
function withTopic<T extends object>(names: T, topic: keyof T & string): T {
  return new Proxy(names, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      // They hold private fields, which a proxy has not.
      if (typeof value === "function") return (...given: unknown[]): unknown => Reflect.apply(value, target, given);
      return name === topic ? `${String(value)}|nobody` : value;
    },
  });
}

function toNobody(keys: Keys): Keys {
  return {
    ...keys,
    channel: (name) => withTopic(keys.channel(name), "topic"),
    partition: (n) => withTopic(keys.partition(n), "control"),
  };
}

export async function createUnheard(options: UnheardOptions): Promise<Unheard> {
  const partitions = createPartitions(options.partitions ?? 64);
  const keys = toNobody(createKeys(partitions));
  const connection = connectRedis({ url: options.redisUrl, use: "commands", commandTimeoutMs: COMMAND_TIMEOUT_MS });
  const store = connectStore({
    ...{ url: options.postgresUrl, max: 1, application: "unheard", statementTimeoutMs: COMMAND_TIMEOUT_MS },
  });
  const close = async (): Promise<void> => {
    connection.disconnect();
    await store.close();
  };
  try {
    await whenReady(connection, READY_WITHIN_MS);
  } catch (error) {
    await close();
    throw error;
  }
  return { ...speaking(connection, keys, partitions), ...banning({ connection, keys, partitions, store }), close };
}

function speaking(connection: RedisConnection, keys: Keys, partitions: Partitions): Pick<Unheard, "send"> {
  const publisher: Publisher = createPublisher({
    ...{ connection, keys, partitions, floors: createEpochFloors(), outboxMaxBytes: OUTBOX_MAX_BYTES },
    lastSaved: () => Promise.reject(new Error("nobody has spoken in it yet")),
    deadlineMs: COMMAND_TIMEOUT_MS,
  });
  return {
    async send(channel, user, body, clientId = newClientId()) {
      const versionInForce = async (): Promise<number> =>
        Number((await connection.hget(keys.partition(partitions.of(channel)).rights, channel)) ?? 0);
      const message = composeMessage({ channel, id: newMessageId(), clientId, user, name: user, body });
      const rightsVersion = await versionInForce();
      return publisher.publish({ ...message, rightsVersion, slowModeMs: 0, freshRights: versionInForce });
    },
  };
}

interface Banning {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly partitions: Partitions;
  readonly store: Store;
}

function banning({ connection, keys, partitions, store }: Banning): Pick<Unheard, "ban" | "commitBan"> {
  const announcer = createAnnouncer({
    ...{ connection, keys, floors: createEpochFloors() },
    readFloors: () => Promise.resolve(),
  });
  const commit = async (channel: string, user: string) => {
    const actor = { kind: "key", name: "test" } as const;
    const ban = { untilMs: null, reason: null };
    const wanted = { actor, channel, partition: partitions.of(channel), user, ban };
    // The store takes a moment to connect.
    const outcome = await eventually(() => createChannelActs(store).ban(wanted));
    if (outcome.kind !== "done") throw new Error("the ban was not committed");
    // Else an api finds it among those that wait, and announces it.
    await createAnnouncements(store).done([outcome.announcement]);
    return outcome;
  };
  return {
    async ban(channel, user) {
      const { change, audit } = await commit(channel, user);
      await announcer.announce(partitions.of(channel), change, audit);
    },
    async commitBan(channel, user) {
      await commit(channel, user);
    },
  };
}
