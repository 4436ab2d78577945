// Reading a log out of which entries were taken: their tombstones stand for them, in both directions, at the borders
// and across epochs, and what has happened to a message is told beside it.
import { ORIGIN } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { createHistory } from "./history.ts";
import { createPast } from "./past.fixture.ts";
import { connected, keys, newChannel, publication, publisherOn, publishMany } from "./publishing.suite.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const publisher = publisherOn(connection);
const past = createPast();
const history = createHistory({ connection, keys, cold: past, statements: 4 });
const MB = 1_000_000;

beforeEach(async () => {
  past.asked = 0;
  await server.flush();
});

const seqs = (page: { frames: readonly StoredFrame[] }): number[] => page.frames.map(({ position }) => position.seq);
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Takes these entries out and leaves what a deletion leaves. */
async function takeOut(channel: string, positions: readonly (Position | undefined)[]): Promise<void> {
  const { log, gone } = keys.channel(channel);
  for (const position of positions) {
    const at = `${position?.epoch}-${position?.seq}`;
    const [entry] = await redis.xrange(log, at, at);
    const [, frame = "", , , , follows] = entry?.[1] ?? [];
    await redis.hset(gone, at, frame.replace(/,"body":.*$/, ',"deleted":true}'));
    if (position?.seq === 1 || follows !== undefined) await redis.hset(gone, `>${follows ?? "0-0"}`, at);
    await redis.xdel(log, at);
  }
}

/** Seven frames of two epochs: the second begins at the fourth. */
async function twoEpochs(): Promise<{ channel: string; positions: Position[] }> {
  const channel = newChannel();
  const former = await publishMany(publisher, channel, 3);
  await redis.debug("CHANGE-REPL-ID");
  return { channel, positions: [...former, ...(await publishMany(publisher, channel, 4))] };
}

/** Which seqs are taken out: at the beginning, the end, on both sides of an epoch, all around, all but the last. */
const HOLES = [[1], [2], [3], [4], [3, 4], [1, 2, 3], [1, 2, 3, 4], [2, 4, 6], [5, 6, 7], upTo(1, 6), upTo(1, 7)];

describe("a log with tombstones", () => {
  it.each(HOLES)("is read forward as if nothing had been taken out: %j", async (...seqsOut) => {
    const { channel, positions } = await twoEpochs();
    await takeOut(
      channel,
      seqsOut.map((seq) => positions[seq - 1]),
    );
    for (const limit of [1, 2, 3, 50]) {
      for (const [at, after] of [ORIGIN, ...positions].entries()) {
        const page = await history.forward(channel, after, limit, MB);
        const expected = upTo(at + 1, 7).slice(0, limit);
        expect(page).toMatchObject({ recovered: true, more: 7 - at > limit });
        expect(seqs(page)).toEqual(expected);
        const deleted = page.frames.filter(({ frame }) => frame.includes('"deleted":true'));
        expect(deleted.map(({ position }) => position.seq)).toEqual(expected.filter((seq) => seqsOut.includes(seq)));
        expect(page.frames.map(({ prev }) => prev?.seq)).toEqual(expected.map((seq) => (seq === 4 ? 3 : undefined)));
      }
    }
    expect(past.asked).toBe(0);
  });

  it.each(HOLES.filter((out) => out.at(-1) !== 7))(
    "is read backward as if nothing had been: %j",
    async (...seqsOut) => {
      const { channel, positions } = await twoEpochs();
      await takeOut(
        channel,
        seqsOut.map((seq) => positions[seq - 1]),
      );
      for (const limit of [1, 2, 3, 50]) {
        for (const [at, before] of [...positions, undefined].entries()) {
          const page = await history.backward(channel, before, limit, MB);
          expect(seqs(page)).toEqual(upTo(1, at).slice(-limit));
        }
      }
      expect(past.asked).toBe(0);
    },
  );

  it("is searched for the answers to a message through them", async () => {
    const channel = newChannel();
    const positions: Position[] = [];
    for (const replyTo of ["root", undefined, "root", "root"]) {
      const draft = replyTo === undefined ? {} : { replyTo };
      positions.push((await publisher.publish(publication(channel, draft))).position);
    }
    await takeOut(channel, [positions[1], positions[2]]);
    expect(seqs(await history.repliesAfter("root", channel, ORIGIN, 50, MB))).toEqual([1, 4]);
    expect(seqs(await history.repliesBefore("root", channel, undefined, 50, MB))).toEqual([1, 4]);
  });

  it("still has its holes: what is neither there nor a tombstone is asked of Postgres", async () => {
    const { channel, positions } = await twoEpochs();
    await takeOut(channel, [positions[2]]);
    await redis.xdel(keys.channel(channel).log, `${positions[3]?.epoch}-4`);
    expect(seqs(await history.forward(channel, positions[1] ?? ORIGIN, 50, MB))).toEqual([3]);
    expect(seqs(await history.backward(channel, undefined, 50, MB))).toEqual([5, 6, 7]);
    expect(past.asked).toBeGreaterThan(0);
  });
});

describe("a message in a page that is read backward", () => {
  it("carries what has happened to it, which counts as bytes; one of a page read forward does not", async () => {
    const channel = newChannel();
    const message = publication(channel);
    await publisher.publish(message);
    await publishMany(publisher, channel, 1);
    const body = "newest ".repeat(40);
    const told = { e: "9-9", a: 5, b: body, p: "9-8", u: "ann", c: "c", n: "ann", t: 4 };
    await redis.hset(keys.channel(channel).acts, message.id, `${JSON.stringify(told)}\n9-9\n2 👍`);
    const { frames } = await history.backward(channel, undefined, 50, MB);
    const edited = { position: { epoch: 9, seq: 9 }, at: 5, body };
    const since = { id: message.id, edited, reactions: [{ emoji: "👍", count: 2 }] };
    expect(frames.map((frame) => frame.since)).toEqual([since, undefined]);
    const bytes = frames.reduce((sum, { frame }) => sum + Buffer.byteLength(frame), 0);
    expect(seqs(await history.backward(channel, undefined, 50, bytes + 10))).toEqual([2]);
    const forward = await history.forward(channel, ORIGIN, 50, MB);
    expect(forward.frames.map((frame) => frame.since)).toEqual([undefined, undefined]);
  });
});
