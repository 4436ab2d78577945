// Random sends, edits, deletions, reactions, saves and changes of master in one channel, on a real Redis, against a simple
// model: each is told what the model says, whatever is read is the channel as if nothing had ever been taken out, and no
// text of a deleted message is anywhere.
import { deepEqual, equal } from "node:assert/strict";
import { ChatError, comparePositions, ORIGIN, parseSequencedFrame } from "@rookery/protocol";
import type { Position, SequencedFrame } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { array, assert, asyncProperty, constantFrom, integer, nat, oneof, record } from "fast-check";
import { expect, inject, it } from "vitest";
import type { Changed } from "./changes.ts";
import { createChanges } from "./create-changes.ts";
import { createEpochFloors } from "./floors.ts";
import { createHistory } from "./history.ts";
import { createOutbox } from "./outbox.ts";
import { createPast } from "./past.fixture.ts";
import { connected, freshRights, keys, newChannel, partitions, publication } from "./publishing.suite.ts";
import { publisherOn, readerOn } from "./publishing.suite.ts";
import { createStoredChanges } from "./stored-changes.fixture.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);

const USERS = ["ann", "bob"] as const;
const EMOJI = ["👍", "🚀"] as const;

interface ModelMessage {
  readonly id: string;
  readonly user: string;
  readonly position: Position;
  body: string;
  editedAt?: number;
  /** Where what stands was said. */
  stands: Position;
  deleted?: Position;
  readonly marks: Map<string, { on: boolean; position: Position }>;
  /** In the order in which they were put while nobody's stood. */
  readonly counts: Map<string, number>;
}

/** The channel as it should be: its frames as they were announced, but for what deletions took out of them. */
function createModel() {
  const messages: ModelMessage[] = [];
  const frames: SequencedFrame[] = [];
  const add = (frame: SequencedFrame): void => void frames.push(frame);
  return {
    messages,
    frames,
    head: (): Position => (frames.at(-1) === undefined ? ORIGIN : positionOf(frames.at(-1) ?? ORIGIN)),
    add,
    erase({ id }: ModelMessage) {
      for (const [at, frame] of frames.entries()) {
        if (frame.id !== id || (frame.type !== "message" && frame.type !== "edited")) continue;
        const { body: _, ...rest } = frame;
        frames[at] = rest.type === "message" ? { ...rest, deleted: true } : rest;
      }
    },
  };
}

function positionOf({ epoch, seq }: Position): Position {
  return { epoch, seq };
}

type Step =
  | { readonly step: "send" | "persist" | "failover" | "read"; readonly n: number; readonly user: string }
  | {
      readonly step: "edit" | "delete" | "on" | "off";
      readonly n: number;
      readonly user: string;
      readonly emoji: string;
    };

const user = constantFrom(...USERS);
const steps = oneof(
  { weight: 4, arbitrary: record({ step: constantFrom("send" as const), n: nat(50), user }) },
  {
    weight: 8,
    arbitrary: record({
      step: constantFrom(
        "edit" as const,
        "edit" as const,
        "delete" as const,
        "on" as const,
        "on" as const,
        "off" as const,
      ),
      n: nat(50),
      user,
      emoji: constantFrom(...EMOJI),
    }),
  },
  { weight: 2, arbitrary: record({ step: constantFrom("persist" as const), n: integer({ min: 1, max: 12 }), user }) },
  { weight: 1, arbitrary: record({ step: constantFrom("failover" as const), n: nat(1), user }) },
  { weight: 2, arbitrary: record({ step: constantFrom("read" as const), n: nat(1_000), user }) },
);

async function run(channel: string, all: readonly Step[]): Promise<void> {
  const past = createPast();
  const outbox = createOutbox({ connection, reader, keys, logEntries: 4 });
  const stored = createStoredChanges(past, outbox);
  const history = createHistory({ connection, keys, cold: past, statements: 4 });
  const lastSaved = (name: string): Promise<Position> => past.last(name);
  const publisher = publisherOn(connection, { lastSaved });
  const changes = createChanges({
    ...{ connection, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 5_000, lastSaved },
    findStored: (...asked) => stored.find(...asked),
  });
  const model = createModel();
  const partition = partitions.of(channel);
  let bodies = 0;

  /** Does what the model says should be told, which is where it stands or why it does not. */
  async function change(act: Promise<Changed>, expected: Position | string | undefined): Promise<Position | undefined> {
    const told = await act.catch((error: unknown) => (error instanceof ChatError ? error.code : String(error)));
    if (typeof expected === "string" || typeof told === "string") {
      equal(told, expected);
      return undefined;
    }
    equal(told.isNew, expected === undefined);
    if (expected !== undefined) deepEqual(told.position, expected);
    equal(told.isNew && comparePositions(told.position, model.head()) <= 0, false);
    return told.isNew ? told.position : undefined;
  }

  async function newest(): Promise<SequencedFrame> {
    const [entry] = await redis.xrevrange(keys.channel(channel).log, "+", "-", "COUNT", 1);
    return parseSequencedFrame(entry?.[1][1] ?? "");
  }

  async function send(author: string): Promise<void> {
    bodies += 1;
    const message = publication(channel, { user: author, body: `body-${bodies};` });
    const { position } = await publisher.publish(message);
    model.messages.push({
      ...{ id: message.id, user: author, position, body: `body-${bodies};`, stands: position },
      ...{ marks: new Map(), counts: new Map() },
    });
    model.add(await newest());
  }

  async function edit(message: ModelMessage, by: string, n: number): Promise<void> {
    bodies += 1;
    const body = n % 4 === 0 ? message.body : `body-${bodies};`;
    const draft = { channel, id: message.id, user: by, rightsVersion: 0, freshRights, body };
    const refused = message.deleted !== undefined ? "not_found" : by === message.user ? undefined : "forbidden";
    const position = await change(changes.edit(draft), refused ?? (body === message.body ? message.stands : undefined));
    if (position === undefined) return;
    const frame = await newest();
    Object.assign(message, { body, stands: position, editedAt: frame.at });
    model.add(frame);
  }

  async function remove(message: ModelMessage, by: string): Promise<void> {
    const draft = { channel, id: message.id, user: by, rightsVersion: 0, freshRights, moderates: false };
    const position = await change(changes.delete(draft), by === message.user ? message.deleted : "forbidden");
    if (position === undefined) return;
    message.deleted = position;
    model.erase(message);
    model.add(await newest());
  }

  async function react(message: ModelMessage, by: string, emoji: string, on: boolean): Promise<void> {
    const draft = { channel, id: message.id, user: by, rightsVersion: 0, freshRights, emoji, on };
    const mark = message.marks.get(`${emoji}|${by}`);
    const stands = (mark?.on ?? false) === on ? (mark?.position ?? message.position) : undefined;
    const position = await change(changes.react(draft), message.deleted === undefined ? stands : "not_found");
    if (position === undefined) return;
    message.marks.set(`${emoji}|${by}`, { on, position });
    const count = (message.counts.get(emoji) ?? 0) + (on ? 1 : -1);
    if (count === 0) message.counts.delete(emoji);
    else message.counts.set(emoji, count);
    model.add(await newest());
  }

  /** As a page shows a message that is read backward. */
  function folded(frame: SequencedFrame): SequencedFrame {
    const message = model.messages.find(({ id }) => id === frame.id);
    if (frame.type !== "message" || message === undefined || message.deleted !== undefined) return frame;
    const { body, editedAt, counts } = message;
    const reactions = [...counts].map(([emoji, count]) => ({ emoji, count, mine: false }));
    return {
      ...{ ...frame, body },
      ...(editedAt !== undefined && { editedAt }),
      ...(reactions.length > 0 && { reactions }),
    };
  }

  async function read(n: number): Promise<void> {
    const limit = 1 + (n % 4);
    const from = n % (model.frames.length + 1);
    const after = from === 0 ? ORIGIN : positionOf(model.frames[from - 1] ?? ORIGIN);
    const ahead = await history.forward(channel, after, limit, 1_000_000);
    deepEqual(
      ahead.frames.map(({ frame }) => parseSequencedFrame(frame)),
      model.frames.slice(from, from + Math.max(ahead.frames.length, 1)),
    );
    equal(ahead.recovered, true);
    equal(ahead.more, from + ahead.frames.length < model.frames.length);
    const older = model.frames.slice(0, from).filter(({ type }) => type === "message");
    const behind = await history.backward(
      channel,
      positionOf(model.frames[from] ?? { ...model.head(), seq: model.head().seq + 1 }),
      limit,
      1_000_000,
    );
    deepEqual(
      behind.frames.map(({ frame }) => parseSequencedFrame(frame)),
      older.slice(-limit).map(folded),
    );
  }

  async function take(step: Step): Promise<void> {
    const message = model.messages[step.n % Math.max(1, model.messages.length)];
    if (step.step === "send") await send(step.user);
    else if (step.step === "persist") await stored.save(await stored.read(partition, step.n));
    else if (step.step === "failover") await redis.debug("CHANGE-REPL-ID");
    else if (step.step === "read") await read(step.n);
    else if (message === undefined) return;
    else if (step.step === "edit") await edit(message, step.user, step.n);
    else if (step.step === "delete") await remove(message, step.user);
    else if (step.step === "on" || step.step === "off") await react(message, step.user, step.emoji, step.step === "on");
  }

  for (const step of all) await take(step);
  for (let n = 0; n <= model.frames.length; n += 1) await read(n);
  const kept = await Promise.all([
    redis.xrange(keys.channel(channel).log, "-", "+"),
    redis.hvals(keys.channel(channel).gone),
    redis.hvals(keys.channel(channel).acts),
    redis.xrange(keys.partition(partition).outbox, "-", "+"),
  ]);
  const text = JSON.stringify(kept);
  const deleted = model.messages.filter((each) => each.deleted !== undefined).map(({ body }) => body);
  deepEqual(
    deleted.filter((body) => text.includes(body)),
    [],
  );
}

it(
  "a channel in which messages are changed at random is what a simple model says",
  { timeout: 60_000 * inject("fuzzTimes") },
  async () => {
    let taken = 0;
    const property = asyncProperty(array(steps, { minLength: 5, maxLength: 60, size: "max" }), async (all) => {
      await server.flush();
      taken += all.length;
      await run(newChannel(), all);
    });
    await assert(property, { numRuns: 20 * inject("fuzzTimes"), endOnFailure: true });
    expect(taken).toBeGreaterThan(100);
  },
);
