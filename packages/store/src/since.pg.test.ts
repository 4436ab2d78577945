// Contract of what is told of a message beside its frame: in pages that are read backward, and of one that is found by its id.
import type { Position } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchOf, changeRow, entriesOf, EPOCH, messageId, messageRow, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import type { MessageRow } from "./message-row.ts";
import { createMessages } from "./messages.ts";
import { saveBatch } from "./save-batch.ts";

const { url } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const messages = createMessages(store);

const CHANNEL = "since";
const at = (seq: number) => ({ epoch: EPOCH, seq });
const idOf = (seq: number): string => messageId(`${CHANNEL}-${EPOCH}-${seq}`);
const [edited, deleted, liked] = [1, 2, 3].map(idOf);
const say = (seq: number, user: string, emoji: string, standing: boolean): MessageRow =>
  changeRow("reaction", CHANNEL, seq, liked ?? "", { author: user, emoji, standing });
const newestFirst = async () => (await messages.stretchesBefore([stretch]))[0] ?? [];
const stretch = { channel: CHANNEL, from: undefined, most: 50, bytes: 1_000_000 };

beforeAll(async () => {
  const rows = [
    ...rowsOf(CHANNEL, 4, { replyTo: messageId("elsewhere") }),
    changeRow("edited", CHANNEL, 5, edited ?? "", { body: "once" }),
    changeRow("edited", CHANNEL, 6, edited ?? "", { body: "twice" }),
    say(7, "ada", "👍", true),
    say(8, "bob", "🎉", true),
    say(9, "ada", "👍", false),
    say(10, "eve", "👍", true),
    say(11, "eve", "😀", true),
    say(12, "eve", "😀", false),
    say(13, "eve", "🎉", true),
    messageRow(CHANNEL, 14, { replyTo: liked ?? "" }),
    messageRow(CHANNEL, 15, { replyTo: liked ?? "" }),
    messageRow(CHANNEL, 16, { replyTo: deleted ?? "" }),
    changeRow("deleted", CHANNEL, 17, idOf(15)),
    changeRow("deleted", CHANNEL, 18, deleted ?? "", { author: "moderator" }),
  ];
  await saveBatch(store, batchOf(entriesOf(1, rows)));
});

describe("a page that is read backward", () => {
  it("holds messages alone, each with its newest text and with what happened to it, if anything did", async () => {
    const frames = await newestFirst();
    expect(frames.map(({ position }) => position.seq)).toEqual([16, 15, 14, 4, 3, 2, 1]);
    const since = new Map(frames.map((frame) => [frame.position.seq, frame.since]));
    expect(since.get(1)).toEqual({ id: edited, edited: { position: at(6), at: EPOCH + 6, body: "twice" } });
    expect(since.get(2)).toEqual({ id: deleted, deleted: true, replies: 1 });
    // Who was first to put 👍 has taken it back, and others have put it meanwhile.
    const reactions = [
      { emoji: "👍", count: 1 },
      { emoji: "🎉", count: 2 },
    ];
    expect(since.get(3)).toEqual({ id: liked, reactions, replies: 1 });
    expect(since.get(15)).toEqual({ id: idOf(15), deleted: true });
    for (const seq of [4, 14, 16]) expect(since.get(seq)).toBeUndefined();
    expect(JSON.parse(frames.at(-1)?.frame ?? "")).toMatchObject({ body: "twice" });
  });

  it("of the answers to one message tells the same, both ways", async () => {
    const whole = await newestFirst();
    const answers = await messages.repliesBefore(stretch, messageId("elsewhere"));
    expect(answers).toEqual(whole.slice(3));
    expect(await messages.repliesAfter({ ...stretch, from: at(0) }, messageId("elsewhere"))).toEqual(
      answers.toReversed(),
    );
  });

  it("counts answers as far as it is asked to, also of the answers to one message", async () => {
    const replies = async (answers: Position | undefined) =>
      ((await messages.stretchesBefore([{ ...stretch, answers }]))[0] ?? []).flatMap(
        ({ since }) => since?.replies ?? [],
      );
    expect(await replies(undefined)).toEqual([1, 1]);
    expect(await replies(at(16))).toEqual([1]);
    expect(await replies(at(14))).toEqual([]);
    const [answer] = await messages.repliesBefore({ ...stretch, answers: at(14), from: at(4) }, messageId("elsewhere"));
    expect(answer?.since).toMatchObject({ id: liked });
    expect(answer?.since).not.toHaveProperty("replies");
  });

  it("and one that is read forward says nothing of it: the frames that follow do", async () => {
    for (const frame of await messages.after(CHANNEL, at(0), 50)) expect(frame).not.toHaveProperty("since");
  });
});

describe("a message that is found by its id", () => {
  it("comes with where it was changed last, the counts of its emoji and the user's own last words", async () => {
    const written = { user: "ada", name: "Ada", replyTo: messageId("elsewhere") };
    expect(await messages.find(CHANNEL, edited ?? "", "ada")).toEqual({
      ...{ ...written, position: at(1), clientId: "c1", at: EPOCH + 1, body: "twice", edited: at(6) },
      ...{ reactions: [], own: [] },
    });
    expect(await messages.find(CHANNEL, deleted ?? "", "ada")).toEqual({
      ...{ ...written, position: at(2), clientId: "c2", at: EPOCH + 2, deleted: at(18), reactions: [], own: [] },
    });
    const found = await messages.find(CHANNEL, liked ?? "", "eve");
    expect(found).toMatchObject({ body: "message 3", reactions: [{ emoji: "👍", count: 1 }, { emoji: "🎉" }] });
    expect(found?.own.toSorted((a, b) => a.position.seq - b.position.seq)).toEqual([
      { emoji: "👍", on: true, position: at(10) },
      { emoji: "😀", on: false, position: at(12) },
      { emoji: "🎉", on: true, position: at(13) },
    ]);
  });

  it("is no change and none of another channel, and one that never could be stored is a deleted one", async () => {
    expect(await messages.find("other", edited ?? "", "ada")).toBeUndefined();
    expect(await messages.find(CHANNEL, `@${EPOCH}-5`, "ada")).toBeUndefined();
    const refused = messageRow("refused", 1, { body: "\u0000" });
    await saveBatch(store, batchOf(entriesOf(2, [refused])));
    expect(await messages.find("refused", refused.id, "ada")).toMatchObject({ deleted: at(1), position: at(1) });
  });
});

describe("of several messages", () => {
  it("the users' last words are told, and how many answer each", async () => {
    const ids = [edited ?? "", liked ?? "", deleted ?? "", "never", liked ?? ""];
    expect(await messages.ownReactions(CHANNEL, [liked ?? "", "never"], ["ada", "bob", "nobody"])).toEqual([
      { id: liked, user: "ada", emoji: "👍", on: false },
      { id: liked, user: "bob", emoji: "🎉", on: true },
    ]);
    expect(await messages.repliesCount(CHANNEL, ids)).toEqual(
      new Map([
        [liked, 1],
        [deleted, 1],
      ]),
    );
    expect(await messages.repliesCount(CHANNEL, ids, at(16))).toEqual(new Map([[liked, 1]]));
  });

  it("answers are counted up to a thousand", async () => {
    const many = Array.from({ length: 1_001 }, (_, n) => messageRow("many", n + 1, { replyTo: liked ?? "" }));
    await saveBatch(store, batchOf(entriesOf(2, many)));
    expect(await messages.repliesCount("many", [liked ?? ""])).toEqual(new Map([[liked, 1_000]]));
  });
});
