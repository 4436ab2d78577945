// Property: whatever is sent, edited, deleted and reacted to, and however its entries reach Postgres (in what batches, how
// often, in what order, with or without those that a deletion took out), what is stored ends as a simple model says.
import { comparePositions } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import * as fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import type { BatchEntry } from "./batch.ts";
import { batchOf, changeRow, entryOf, EPOCH, messageRow, removedRow } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { renderRow } from "./message-row.ts";
import type { MessageRow } from "./message-row.ts";
import { createMessages } from "./messages.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const messages = createMessages(store);

const RUNS = 40;
const USERS = ["ada", "bob", "eve"];
const EMOJI = ["👍", "🎉", "😀"];

/** What somebody does; `of` picks one of the messages that stand at that time. */
const acts = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("message" as const), of: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("edited" as const), of: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("deleted" as const), of: fc.nat() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        ...{ kind: fc.constant("reaction" as const), of: fc.nat() },
        ...{ user: fc.constantFrom(...USERS), emoji: fc.constantFrom(...EMOJI), standing: fc.boolean() },
      }),
    },
  ),
  { minLength: 1, maxLength: 30 },
);
type Act = typeof acts extends fc.Arbitrary<(infer One)[]> ? One : never;

/** A read: which entries, and how many had been put into the outbox by then, since deletions among those had taken some out. */
const reads = fc.array(fc.record({ from: fc.nat(), count: fc.nat({ max: 8 }), seen: fc.nat() }), { maxLength: 12 });

/** The rows as they are announced, at rising positions, some of them in a second epoch. */
function announced(channel: string, all: readonly Act[], turn: number): MessageRow[] {
  const rows: MessageRow[] = [];
  const standing = new Map<string, MessageRow>();
  for (const [at, act] of all.entries()) {
    const seq = at + 1;
    const before = rows.at(-1);
    const isTurn = at === turn && before !== undefined;
    const link = isTurn ? { prevEpoch: before.epoch, prevSeq: before.seq } : {};
    const over = { epoch: at >= turn ? EPOCH + 7 : EPOCH, ...link };
    const target = [...standing.values()][act.of % Math.max(1, standing.size)];
    if (act.kind === "message" || target === undefined) {
      const mentions = act.of % 3 === 0 ? ["bob", "eve"] : null;
      const replyTo = act.of % 2 === 0 && target !== undefined ? target.id : null;
      const row = messageRow(channel, seq, { ...over, mentions, replyTo, author: USERS[act.of % 3] ?? "" });
      standing.set(row.id, row);
      rows.push(row);
      continue;
    }
    const { id, author } = target;
    if (act.kind === "deleted") standing.delete(id);
    const said =
      act.kind === "reaction"
        ? { author: act.user, emoji: act.emoji, standing: act.standing }
        : { author, body: act.kind === "edited" ? `edit ${seq}` : null };
    rows.push(changeRow(act.kind, channel, seq, id, { ...over, ...said }));
  }
  return rows;
}

/** The outbox once the first `seen` entries had been put there. */
function outboxOf(partition: number, rows: readonly MessageRow[], seen: number): BatchEntry[] {
  const put = rows.slice(0, seen);
  const deleted = new Set(put.flatMap(({ kind, target }) => (kind === "deleted" ? [target] : [])));
  const isTakenOut = ({ kind, id, target }: MessageRow): boolean =>
    (kind === "message" && deleted.has(id)) || (kind === "edited" && deleted.has(target));
  return put.flatMap((row, at) => {
    if (isTakenOut(row)) return [];
    const entry = entryOf(partition, { epoch: EPOCH, number: at + 1 }, row);
    if (row.kind !== "deleted") return [entry];
    const gone = put.filter(
      ({ id, target, kind }) => id === row.target || (kind === "edited" && target === row.target),
    );
    return [{ ...entry, removed: gone.map((each) => removedRow(each, row.at)) }];
  });
}

/** Without what it follows: which row of an epoch says so depends on which of them came first. */
function bare({ frame }: StoredFrame): unknown {
  const { prev: _, ...rest }: Record<string, unknown> = JSON.parse(frame);
  return rest;
}

const positionOf = ({ epoch, seq }: MessageRow): Position => ({ epoch, seq });

/** What is to be stored in the end. */
function modelOf(rows: readonly MessageRow[]) {
  const deletions = new Map(rows.flatMap((row) => (row.kind === "deleted" ? [[row.target, row.at] as const] : [])));
  const shown = rows.map((row) => {
    if (row.kind === "edited") return deletions.has(row.target) ? { ...row, body: null } : row;
    if (row.kind !== "message") return row;
    const deletedAt = deletions.get(row.id) ?? null;
    if (deletedAt !== null) return removedRow(row, deletedAt);
    const edit = rows.findLast(({ kind, target }) => kind === "edited" && target === row.id);
    return { ...row, body: edit?.body ?? row.body };
  });
  const reactions = new Map<string, MessageRow>();
  for (const row of rows) {
    if (row.kind === "reaction" && !deletions.has(row.target))
      reactions.set(`${row.target}|${row.author}|${row.emoji}`, row);
  }
  const mentions = shown.flatMap(({ mentions: users, author, seq }) =>
    (users ?? []).filter((user) => user !== author).map((user) => `${seq} ${user}`),
  );
  const since = shown
    .filter(({ kind }) => kind === "message")
    .map(({ id, deletedAt }) => {
      const edit =
        deletedAt === null ? rows.findLast(({ kind, target }) => kind === "edited" && target === id) : undefined;
      const said = rows.filter((row) => row.kind === "reaction" && row.target === id && deletedAt === null);
      const everPut = new Set(said.flatMap(({ emoji, standing }) => (standing === true ? [emoji] : [])));
      const counts = [...everPut].map((emoji) => ({
        emoji,
        count: USERS.filter((user) => reactions.get(`${id}|${user}|${emoji}`)?.standing === true).length,
      }));
      const replies = shown.filter(({ replyTo, deletedAt: gone }) => replyTo === id && gone === null).length;
      const found = {
        ...(edit === undefined ? {} : { edited: { position: positionOf(edit), at: edit.at, body: edit.body } }),
        ...(deletedAt === null ? {} : { deleted: true }),
        ...(counts.some(({ count }) => count > 0) ? { reactions: counts.filter(({ count }) => count > 0) } : {}),
        ...(replies === 0 ? {} : { replies }),
      };
      return Object.keys(found).length === 0 ? undefined : { id, ...found };
    });
  return { frames: shown.map((row) => renderRow(row)), reactions: [...reactions.values()], mentions, since };
}

let runs = 0;

it("what is stored of a channel ends as what was said in it, however it came", async () => {
  await fc.assert(
    fc.asyncProperty(acts, reads, fc.nat({ max: 40 }), async (all, asked, turn) => {
      runs += 1;
      const channel = `model-${runs}`;
      const rows = announced(channel, all, turn);
      const whole = { from: 0, count: rows.length, seen: rows.length };
      for (const { from, count, seen } of [...asked, whole]) {
        const entries = outboxOf(runs, rows, 1 + (seen % rows.length || rows.length - 1));
        const start = from % Math.max(1, entries.length);
        const batch = batchOf(entries.slice(start, start + Math.max(1, count)));
        expect(await saveBatch(store, batch)).toMatchObject({
          kind: "saved",
          quarantined: 0,
          deadLetters: [],
          unstored: [],
        });
      }

      const model = modelOf(rows);
      expect((await messages.after(channel, { epoch: 0, seq: 0 }, 100)).map(bare)).toEqual(model.frames.map(bare));
      const [page = []] = await messages.stretchesBefore([{ channel, from: undefined, most: 100, bytes: 1_000_000 }]);
      expect(page.map(({ since }) => since).toReversed()).toEqual(model.since);
      const said = await sql`select target, user_id, emoji, standing, epoch::float8 as epoch, seq::float8 as seq
        from reactions where channel = ${channel} order by epoch, seq`;
      expect(said.map((row) => ({ ...row }))).toEqual(
        model.reactions
          .toSorted((a, b) => comparePositions(positionOf(a), positionOf(b)))
          .map(({ target, author, emoji, standing, epoch, seq }) => ({
            ...{ target, user_id: author, emoji, standing, epoch, seq },
          })),
      );
      const mentioned = await sql`select seq, user_id from mentions where channel = ${channel}`;
      expect(mentioned.map((row) => `${String(row["seq"])} ${String(row["user_id"])}`).toSorted()).toEqual(
        model.mentions.toSorted(),
      );
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});
