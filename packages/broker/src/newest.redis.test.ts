// The newest frames as those who count what is unread are given them, on a real Redis: of every kind, and no text among them.
import { testRedis } from "@rookery/testkit";
import { expect, it } from "vitest";
import { ChatError } from "@rookery/protocol";
import { createChanges } from "./create-changes.ts";
import { createEpochFloors } from "./floors.ts";
import { createNewest } from "./newest.ts";
import { createPast } from "./past.fixture.ts";
import { isScriptFault } from "./rejections.ts";
import { connected, freshRights, keys, newChannel, publication, publisherOn } from "./publishing.suite.ts";

const server = await testRedis();
const connection = await connected(server.url);
const publisher = publisherOn(connection);
const past = createPast();
const newest = createNewest({ connection, keys });
const changes = createChanges({
  ...{ connection, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 5_000 },
  lastSaved: (channel) => past.last(channel),
  findStored: () => Promise.reject(new Error("Redis has all of it")),
});

it("edits, deletions and reactions stand among the newest frames, and no text is read with them", async () => {
  const channel = newChannel();
  const sent = await publisher.publish(publication(channel));
  const kept = await publisher.publish(publication(channel));
  const base = { channel, id: sent.id, rightsVersion: 0, freshRights };
  await changes.edit({ ...base, user: "ann", body: 'says "user":"ann" now' });
  await changes.react({ ...base, user: "bob", emoji: "+", on: true });
  await changes.edit({ ...base, id: kept.id, user: "ann", body: "and this" });
  await changes.delete({ ...base, user: "ann", moderates: false });

  const { frames, isWhole } = await newest.read(channel, sent.position);
  const after = await newest.after(channel, kept.position);
  const read = frames.map(({ frame }): unknown => JSON.parse(frame));
  expect(isWhole).toBe(true);
  expect(read).toMatchObject([
    { type: "message", id: sent.id, user: "ann", deleted: true },
    { type: "message", id: kept.id, user: "ann" },
    { type: "edited" },
    { type: "reaction", id: sent.id },
    { type: "edited" },
    { type: "deleted", id: sent.id },
  ]);
  expect(frames.filter(({ frame }) => frame.includes('"body"'))).toEqual([]);
  expect(after.map(({ position, frame }) => ({ position, frame }))).toEqual(
    frames.slice(2).map(({ position, frame }) => ({ position, frame })),
  );
});

it("a script that fails is told from a Redis that is away, though a client is told the same", async () => {
  const channel = newChannel();
  await server.redis.set(keys.channel(channel).log, "no log");
  await server.redis.hset(keys.channel(channel).head, { epoch: 1, seq: 1, saved: "0-0" });
  const told: unknown = await newest.read(channel, { epoch: 1, seq: 1 }).catch((error: unknown) => error);
  expect(told).toMatchObject({ code: "unavailable" });
  expect(told instanceof ChatError && isScriptFault(told.cause)).toBe(true);
});
