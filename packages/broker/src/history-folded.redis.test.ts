// Backward pages over a real log and a past in memory, with what has happened to their messages: from whichever tier it is
// known, of one moment, each answer counted once, and no number that is not whole.
import { ORIGIN, parseSequencedFrame } from "@rookery/protocol";
import type { Position, Since, StoredFrame } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createHistory } from "./history.ts";
import { createOutbox } from "./outbox.ts";
import type { BackwardPage } from "./page.ts";
import { createPast } from "./past.fixture.ts";
import { connected, keys, newChannel, partitions, publication, readerOn, readMessages } from "./publishing.suite.ts";
import { publisherOn } from "./publishing.suite.ts";
import { createReading } from "./reading.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const reader = await readerOn(server.url);
const outbox = createOutbox({ connection, reader, keys, logEntries: 3 });
const MB = 1_000_000;

let past = createPast();
let history = createHistory({ connection, keys, cold: past, statements: 4 });
let publisher = publisherOn(connection);

beforeEach(async () => {
  await server.flush();
  past = createPast();
  history = createHistory({ connection, keys, cold: past, statements: 4 });
  publisher = publisherOn(connection, { lastSaved: (channel) => past.last(channel) });
});

let made = 0;

/** Message `n` of a channel, whose id says so. */
const idOf = (n: number): string => `message-${String(n).padStart(13, "0")}`;

async function say(channel: string, count: number, replyTo?: string): Promise<Position[]> {
  const positions: Position[] = [];
  for (let n = 0; n < count; n += 1) {
    made += 1;
    const draft = { id: idOf(made), ...(replyTo === undefined ? {} : { replyTo }) };
    positions.push((await publisher.publish(publication(channel, draft))).position);
  }
  return positions;
}

/** Commits what waits, as the persister does; of the log remains what is newest. */
async function persist(channel: string): Promise<void> {
  const partition = partitions.of(channel);
  const entries = await readMessages(outbox, new Map([[partition, BEFORE_FIRST_ENTRY]]), 1_000, 0);
  const last = entries.at(-1);
  if (last === undefined) return;
  for (const { channel: name, position, frame } of entries)
    past.rows.set(name, [...(past.rows.get(name) ?? []), { position, frame }]);
  const channels = new Map(entries.map((entry) => [entry.channel, entry.position]));
  await outbox.save(partition, { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false });
}

interface Remembered {
  readonly id: string;
  /** Of the last act. */
  readonly at: Position;
  readonly edit?: string;
  readonly isDeleted?: boolean;
  readonly counts?: readonly string[];
}

/** Writes what Redis remembers of a message, as the script of changes does. */
async function remember(channel: string, { id, at, edit, isDeleted, counts = [] }: Remembered): Promise<void> {
  const where = `${at.epoch}-${at.seq}`;
  const message = { p: "1-1", u: "ann", c: "c", n: "Ann", t: 1 };
  const change = isDeleted === true ? { d: where } : edit === undefined ? {} : { e: where, a: 77, b: edit };
  const text = [JSON.stringify({ ...change, ...message }), where, ...counts].join("\n");
  await redis.hset(keys.channel(channel).acts, id, text);
}

const fieldsOf = ({ frame }: StoredFrame): Record<string, unknown> => ({ ...parseSequencedFrame(frame) });
const newest = async (channel: string, maxBytes = MB) => history.backward(channel, undefined, 50, maxBytes);
const repliesIn = (frames: readonly StoredFrame[]) => frames.map((each) => fieldsOf(each)["replies"]);

describe("what happened to a message", () => {
  it("is folded in from the log alone, without asking Postgres", async () => {
    const channel = newChannel();
    const [, second, third] = await say(channel, 3);
    const [a, b, c] = [idOf(made - 2), idOf(made - 1), idOf(made)];
    await remember(channel, { id: a, at: second ?? ORIGIN, edit: "newer", counts: ["2 👍", "1 🎉"] });
    await remember(channel, { id: b, at: third ?? ORIGIN, isDeleted: true });
    past.asked = 0;
    const { frames } = await newest(channel);
    expect(frames.map(fieldsOf)).toMatchObject([
      {
        id: a,
        ...{ body: "newer", editedAt: 77 },
        reactions: [
          { emoji: "👍", count: 2, mine: false },
          { emoji: "🎉", count: 1, mine: false },
        ],
      },
      { id: b, deleted: true },
      { id: c },
    ]);
    expect(fieldsOf(frames[1] ?? { position: ORIGIN, frame: "" })).not.toHaveProperty("body");
    expect(past.asked).toBe(0);
  });

  it("is folded into what Postgres gave, where only Redis has it yet", async () => {
    const channel = newChannel();
    const positions = await say(channel, 8);
    await persist(channel);
    const [edited, deleted, liked] = [idOf(made - 7), idOf(made - 6), idOf(made - 5)];
    const since: Since = { id: liked, reactions: [{ emoji: "👍", count: 1 }] };
    const rows = (past.rows.get(channel) ?? []).map((row, at) => (at === 2 ? { ...row, since } : row));
    past.rows.set(channel, rows);
    const at = positions[7] ?? ORIGIN;
    await remember(channel, { id: edited, at, edit: "newer" });
    await remember(channel, { id: deleted, at, isDeleted: true });
    await remember(channel, { id: liked, at, counts: ["1 👍", "3 🎉"] });
    const { frames } = await newest(channel);
    expect(frames.map(fieldsOf)).toMatchObject([
      { id: edited, body: "newer", editedAt: 77 },
      { id: deleted, deleted: true },
      { id: liked, reactions: [{ count: 1 }, { emoji: "🎉", count: 3 }] },
      ...Array.from({ length: 5 }, () => ({})),
    ]);
  });

  it("while Postgres was asked makes the page be read anew, so that no follower is told of it twice", async () => {
    const channel = newChannel();
    await say(channel, 6);
    await persist(channel);
    const first = idOf(made - 5);
    past.meanwhile.push(async () => {
      const [next] = await say(channel, 1);
      await remember(channel, { id: first, at: next ?? ORIGIN, counts: ["1 👍"] });
    });
    const page = await newest(channel);
    expect(page.head.position).toEqual(page.frames.at(-1)?.position);
    expect(page.frames).toHaveLength(7);
    expect(fieldsOf(page.frames[0] ?? { position: ORIGIN, frame: "" })).toMatchObject({ reactions: [{ count: 1 }] });
  });

  it("does not make a page larger than it may be", async () => {
    const channel = newChannel();
    const positions = await say(channel, 8);
    await persist(channel);
    for (let n = made - 7; n <= made; n += 1) {
      await remember(channel, { id: idOf(n), at: positions[7] ?? ORIGIN, edit: "x".repeat(4_000) });
    }
    for (const maxBytes of [1, 4_500, 9_000, 20_000, 30_000]) {
      const { frames, more } = await newest(channel, maxBytes);
      const bytes = frames.reduce((sum, { frame }) => sum + Buffer.byteLength(frame) + 1, -1);
      expect(frames).toHaveLength(Math.max(1, Math.floor(maxBytes / 4_200)));
      expect(frames.length === 1 || bytes <= maxBytes).toBe(true);
      expect(more).toBe(true);
    }
    const whole = await newest(channel);
    expect(whole.frames).toHaveLength(8);
    expect(whole.more).toBe(false);
  });

  it("that was deleted is gone from forward pages too, whichever tier has it", async () => {
    const channel = newChannel();
    const positions = await say(channel, 8);
    await persist(channel);
    await remember(channel, { id: idOf(made - 7), at: positions[7] ?? ORIGIN, isDeleted: true });
    const { frames, recovered } = await history.forward(channel, ORIGIN, 50, MB);
    expect([frames.length, recovered]).toEqual([8, true]);
    expect(frames.map((each) => fieldsOf(each)["deleted"])).toEqual([true, ...Array.from({ length: 7 })]);
    expect(frames[0]?.frame).not.toContain('"body"');
  });
});

describe("answers", () => {
  it("in a newest page are each counted once, wherever they stand, and those that were deleted are not", async () => {
    const channel = newChannel();
    await say(channel, 2);
    const [first, second] = [idOf(made - 1), idOf(made)];
    await say(channel, 2, first);
    await persist(channel);
    await say(channel, 2, first);
    await say(channel, 1, second);
    expect(await redis.xlen(keys.channel(channel).log)).toBeLessThan(7);
    expect(repliesIn((await newest(channel)).frames).slice(0, 2)).toEqual([4, 1]);
    await persist(channel);
    expect(repliesIn((await newest(channel)).frames).slice(0, 2)).toEqual([4, 1]);
    await remember(channel, { id: idOf(made), at: { epoch: 1, seq: 1 }, isDeleted: true });
    expect(repliesIn((await newest(channel)).frames).slice(0, 2)).toEqual([4, undefined]);
  });

  it("in an older page are counted as far as they stand in the log, in Postgres and in both", async () => {
    const channel = newChannel();
    await say(channel, 3);
    const [first, second, third] = [idOf(made - 2), idOf(made - 1), idOf(made)];
    await say(channel, 3, first);
    await say(channel, 1, second);
    await persist(channel);
    const [end] = await say(channel, 1, third);
    await say(channel, 1, first);
    const older = await history.backward(channel, end, 50, MB);
    expect(repliesIn(older.frames)).toEqual([4, 1, 1, ...Array.from({ length: 4 })]);
    const [hot] = (await history.backward(channel, end, 1, MB)).frames;
    expect(repliesIn(hot === undefined ? [] : [hot])).toEqual([undefined]);
    await say(channel, 1, idOf(made - 2));
    expect(repliesIn((await history.backward(channel, end, 1, MB)).frames)).toEqual([1]);
  });

  it("that cannot be counted while Postgres is away are left out, and the page is given all the same", async () => {
    const channel = newChannel();
    await say(channel, 2);
    await say(channel, 2, idOf(made));
    await persist(channel);
    const [end] = await say(channel, 1);
    await say(channel, 1, idOf(made - 3));
    past.away = true;
    const page = await history.backward(channel, end, 2, MB);
    expect(page.frames).toHaveLength(2);
    expect(repliesIn(page.frames)).toEqual([undefined, undefined]);
  });

  it("to one message say the same of themselves in both directions, with what happened to them", async () => {
    const channel = newChannel();
    await say(channel, 1);
    const root = idOf(made);
    await say(channel, 3, root);
    const answer = idOf(made - 2);
    const [at] = await say(channel, 2, answer);
    await persist(channel);
    await say(channel, 1, root);
    await remember(channel, { id: answer, at: at ?? ORIGIN, edit: "newer", counts: ["1 👍"] });
    const backward = await history.repliesBefore(root, channel, undefined, 50, MB);
    const forward = await history.repliesAfter(root, channel, ORIGIN, 50, MB);
    expect(forward.frames.map(({ frame }) => frame)).toEqual(backward.frames.map(({ frame }) => frame));
    expect(fieldsOf(backward.frames[0] ?? { position: ORIGIN, frame: "" })).toMatchObject({
      ...{ id: answer, body: "newer", replies: 2 },
      reactions: [{ emoji: "👍", count: 1 }],
    });
  });
});

describe("a page as one user is given it", () => {
  const mark = (channel: string, id: string, fields: Record<string, string>) =>
    redis.hset(keys.channel(channel).marks(id), fields);
  const mineIn = (frames: readonly StoredFrame[]) =>
    frames.map((each) => JSON.stringify(fieldsOf(each)["reactions"] ?? []).match(/"mine":true/g)?.length ?? 0);

  const pagesOf = (channel: string, page: BackwardPage, users: readonly string[]): Promise<BackwardPage[]> =>
    Promise.all(users.map(async (user) => history.mine(channel, page, user, createReading())));

  async function reactedPage() {
    const channel = newChannel();
    const [at] = await say(channel, 2);
    const id = idOf(made);
    await remember(channel, { id, at: at ?? ORIGIN, counts: ["2 👍", "1 🎉"] });
    return { channel, id, page: await newest(channel) };
  }

  it("is everybody's where nobody has reacted, or the user has not", async () => {
    const { channel, id, page } = await reactedPage();
    await mark(channel, id, { "": "w", "👍|ann": "1|1-2", "🎉|ann": "0|1-3" });
    past.asked = 0;
    expect(await history.mine(channel, page, "bob", createReading())).toBe(page);
    expect(past.asked).toBe(0);
    const plain = newChannel();
    await say(plain, 2);
    const untouched = await newest(plain);
    expect(history.mine(plain, untouched, "ann", createReading())).toBe(untouched);
  });

  it("tells what is the user's own, and asks Postgres nothing where Redis has every mark", async () => {
    const { channel, id, page } = await reactedPage();
    await mark(channel, id, { "": "w", "👍|ann": "1|1-2", "🎉|ann": "0|1-3", "👍|bob": "1|1-4", "🎉|bob": "1|1-5" });
    past.asked = 0;
    const users = ["ann", "bob", "eve", "a|b"];
    const pages = await pagesOf(channel, page, users);
    expect(pages.map(({ frames }) => mineIn(frames))).toEqual([
      [0, 1],
      [0, 2],
      [0, 0],
      [0, 0],
    ]);
    expect(past.asked).toBe(0);
  });

  it("is asked of Postgres for many at once where Redis may lack marks, and what Redis has is newer", async () => {
    const { channel, id, page } = await reactedPage();
    await mark(channel, id, { "👍|ann": "0|1-9" });
    past.words.push(
      { id, user: "ann", emoji: "👍", on: true },
      { id, user: "ann", emoji: "🎉", on: true },
      { id, user: "bob", emoji: "👍", on: false },
      { id, user: "eve", emoji: "👍", on: true },
    );
    past.asked = 0;
    const users = ["ann", "bob", "eve"];
    const pages = await pagesOf(channel, page, users);
    expect(pages.map(({ frames }) => mineIn(frames)[1])).toEqual([1, 0, 1]);
    expect(pages[0]?.frames[1]?.frame).toContain('{"emoji":"🎉","count":1,"mine":true}');
    expect(past.asked).toBe(1);
    past.away = true;
    expect(await history.mine(channel, page, "eve", createReading())).toBe(page);
  });
});
