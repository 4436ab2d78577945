// What the tests of presence on a real Redis share: nodes with people, what their channels' topics say, and what Redis holds.
import { afterEach, onTestFinished } from "vitest";
import type { Redis } from "ioredis";
import type { TestRedis } from "@rookery/testkit";
import type { RedisConnection } from "./connect.ts";
import type { PresenceEnvelope } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { createPresence } from "./node-presence.ts";
import type { PresenceOptions } from "./node-presence.ts";
import type { Presence } from "./presence.ts";
import { createIdentity, createPeople } from "./presence.fixture.ts";
import type { People } from "./presence.fixture.ts";
import { keys } from "./publishing.suite.ts";
import { unpackAll } from "./packed-envelope.fixture.ts";

export interface TestNode {
  readonly id: ReturnType<typeof createIdentity>;
  readonly people: People;
  readonly presence: Presence;
  /** One connection more, told. */
  enter(channel: string, user: string, session?: string): ReturnType<Presence["changed"]>;
  /** One connection less, told. */
  exit(channel: string, user: string): ReturnType<Presence["changed"]>;
  begin(user: string, session: string): void;
  end(user: string, session: string): void;
}

const open: Presence[] = [];
afterEach(() => {
  for (const presence of open.splice(0)) presence.close();
});

/** A node whose presence is closed after the test. */
export function nodeOn(
  connection: RedisConnection,
  name: string,
  options: Partial<PresenceOptions> = {},
  of: Keys = keys,
): TestNode {
  const id = createIdentity(name);
  const people = createPeople();
  const presence = createPresence({
    ...{ connection, keys: of, truth: people, node: id, commandTimeoutMs: 2_000 },
    ...options,
  });
  open.push(presence);
  return {
    ...{ id, people, presence },
    enter(channel, user, session) {
      people.add(channel, user, 1);
      return presence.changed(channel, user, session);
    },
    exit(channel, user) {
      people.add(channel, user, -1);
      return presence.changed(channel, user);
    },
    begin(user, session) {
      people.connected.set(session, { user, name: people.names(user), since: 1, address: "hash", client: "a client" });
      presence.sessionChanged(user, session);
    },
    end(user, session) {
      people.connected.delete(session);
      presence.sessionChanged(user, session);
    },
  };
}

export interface Heard extends Pick<PresenceEnvelope, "online" | "mode" | "exclude"> {
  readonly frame: string;
}

/** All that a channel's topic says of presence, from now on. */
export async function listenTo(server: TestRedis, channel: string): Promise<Heard[]> {
  const heard: Heard[] = [];
  const listener: Redis = server.redis.duplicate();
  onTestFinished(() => listener.disconnect());
  const { topic } = keys.channel(channel);
  listener.on("smessageBuffer", (name: Buffer, bytes: Buffer) => {
    if (name.toString() !== topic) return;
    for (const envelope of unpackAll(bytes) ?? []) {
      if (envelope.kind !== "presence") continue;
      const { online, mode, exclude, frame } = envelope;
      heard.push({ online, mode, exclude, frame: Buffer.from(frame).toString() });
    }
  });
  await listener.ssubscribe(topic);
  return heard;
}

/** `joined ann`, `left ann`; `crowd` for one that names nobody. */
export function told({ frame }: Heard): string {
  if (frame === "") return "crowd";
  const value: unknown = JSON.parse(frame);
  if (typeof value !== "object" || value === null || !("type" in value) || !("user" in value)) return frame;
  return `${String(value.type)} ${String(value.user)}`;
}

/** Of one channel: by user, what Redis counts in the cluster. */
export async function countsIn({ redis }: TestRedis, channel: string): Promise<Record<string, number>> {
  const held = await redis.hgetall(keys.channel(channel).here);
  return Object.fromEntries(Object.entries(held).map(([user, count]) => [user, Number(count.split("|")[0])]));
}
