// Reading a channel whose hot log is taken away bit by bit, at any moment: pages stay whole, in order, and without a hole.
import { comparePositions, ORIGIN } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { array, assert, asyncProperty, constantFrom, integer, nat, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createHistory } from "./history.ts";
import { createOutbox } from "./outbox.ts";
import { createPast } from "./past.fixture.ts";
import { connected, keys, newChannel, publisherOn, publishMany, readerOn, readMessages } from "./publishing.suite.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);
const outbox = createOutbox({ connection, reader, keys, logEntries: 6 });

const LIMIT = 5;
const BYTES = 1_000_000;
const NO_LIMIT_MS = "9000000000000000";

/** One channel from its first message on: what was said, what Postgres has, and what may happen to it. */
function createStory() {
  const channel = newChannel();
  const { head, log, partition } = keys.channel(channel);
  const said: Position[] = [];
  const past = createPast();
  const rows: StoredFrame[] = [];
  past.rows.set(channel, rows);
  const publisher = publisherOn(connection, { lastSaved: () => past.last(channel) });
  const acts = {
    publish: async (count: number): Promise<void> => void said.push(...(await publishMany(publisher, channel, count))),
    async persist(count: number): Promise<void> {
      const entries = await readMessages(outbox, new Map([[partition, BEFORE_FIRST_ENTRY]]), count, 0);
      const last = entries.at(-1);
      if (last === undefined) return;
      for (const { position, prev, frame } of entries) {
        rows.push(prev === undefined ? { position, frame } : { position, prev, frame });
      }
      const channels = new Map([[channel, last.position]]);
      await outbox.save(partition, { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false });
    },
    async shed(count: number): Promise<void> {
      await redis.config("SET", "maxmemory", "1");
      const { shed } = keys.partition(partition);
      await connection.rookeryShed(shed, head, log, channel, String(count), NO_LIMIT_MS, "0");
      await redis.config("SET", "maxmemory", "0");
    },
    epoch: async (): Promise<void> => void (await redis.debug("CHANGE-REPL-ID")),
  };
  return {
    channel,
    said,
    meanwhile: past.meanwhile,
    acts,
    history: createHistory({ connection, keys, cold: past, statements: 4 }),
  };
}

type Story = ReturnType<typeof createStory>;

const act = record({
  do: constantFrom("publish", "publish", "persist", "persist", "shed", "shed", "epoch"),
  count: integer({ min: 1, max: 8 }),
});
const step = record({
  before: array(act, { maxLength: 4 }),
  within: array(act, { maxLength: 2 }),
  at: nat(),
});

const perform =
  (story: Story, acts: readonly { do: keyof Story["acts"]; count: number }[]) => async (): Promise<void> => {
    for (const { do: name, count } of acts) await story.acts[name](count);
  };

const positionsOf = (frames: readonly { position: Position }[]): Position[] => frames.map(({ position }) => position);

const textOf = (positions: readonly Position[]): string =>
  positions.map(({ epoch, seq }) => `${epoch}-${seq}`).join(" ");

/** Reads on from any place where anybody may stand, page by page as a client does; answers what was wrong, "" for nothing. */
async function forwardFault({ channel, said, history }: Story, at: number): Promise<string> {
  const known = said.length;
  let read = at % (known + 1);
  for (;;) {
    const page = await history.forward(channel, said[read - 1] ?? ORIGIN, LIMIT, BYTES);
    const expected = textOf(said.slice(read, read + page.frames.length));
    const got = textOf(positionsOf(page.frames));
    if (!page.recovered || got !== expected) return `after ${read}: ${String(page.recovered)}, ${got}, not ${expected}`;
    read += page.frames.length;
    if (!page.more) return read >= known ? "" : `the end at ${read} of ${known}`;
    if (page.frames.length === 0) return `more after ${read}, and nothing given`;
  }
}

/** The same backward, from a position on, or from whatever is the newest when it is read. */
async function backwardFault({ channel, said, history }: Story, at: number): Promise<string> {
  const known = said.length;
  let end = at % (known + 1);
  for (let isFirst = true; ; isFirst = false) {
    const page = await history.backward(channel, said[end], LIMIT, BYTES);
    const last = page.frames.at(-1)?.position;
    if (isFirst && end === known && last !== undefined) {
      end = said.findIndex((place) => comparePositions(place, last) === 0) + 1;
      if (end < known) return `the newest is ${end} of ${known}`;
    }
    const expected = textOf(said.slice(end - page.frames.length, end));
    const got = textOf(positionsOf(page.frames));
    if (got !== expected) return `before ${end}: ${got}, not ${expected}`;
    end -= page.frames.length;
    if (!page.more) return end === 0 ? "" : `the beginning at ${end}`;
    if (page.frames.length === 0) return `more before ${end}, and nothing given`;
  }
}

describe("a channel whose log is shed", () => {
  it("is read as one line from any place, forward and backward, whatever is shed before and meanwhile", async () => {
    const tells = asyncProperty(array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      await server.flush();
      const story = createStory();
      for (const { before, within, at } of steps) {
        await perform(story, before)();
        story.meanwhile.push(perform(story, within));
        expect(await forwardFault(story, at)).toBe("");
        expect(await backwardFault(story, at)).toBe("");
      }
    });
    await expect(assert(tells, { numRuns: 25 })).resolves.toBeUndefined();
  });

  it("without a single entry left still resumes from within what was shed", async () => {
    await server.flush();
    const story = createStory();
    await story.acts.publish(20);
    await story.acts.persist(20);
    await story.acts.shed(100);
    expect(await redis.xlen(keys.channel(story.channel).log)).toBe(0);
    for (let at = 0; at <= 20; at += 1) {
      expect(await forwardFault(story, at)).toBe("");
      expect(await backwardFault(story, at)).toBe("");
    }
    await story.acts.publish(3);
    expect(await forwardFault(story, 7)).toBe("");
  });
});
