// What an application draws: messages with all that has happened to them, who is there, who types, what is unread.
import type { SequencedFrame } from "@rookery/protocol/wire";
import { describe, expect, it } from "vitest";
import { createStateFold } from "./channel-state.ts";
import type { StateFold } from "./channel-state.ts";
import { createFakeClock, joinedOf, messageOf } from "./fake-world.fixture.ts";

const clock = createFakeClock();

interface Scene extends StateFold {
  readonly after: (...frames: SequencedFrame[]) => Scene;
}

function start(): Scene {
  const fold = createStateFold({ me: () => "ann", nowMs: clock.nowMs, phase: () => "live", pending: () => [] });
  fold.tell({ read: { epoch: 0, seq: 0 }, unread: 0, mentions: 0 });
  const scene: Scene = {
    ...fold,
    after(...frames) {
      frames.forEach(fold.next);
      fold.changed();
      return scene;
    },
  };
  return scene;
}

const about = (seq: number, id: string, user = "bob") => ({ channel: "lobby", epoch: 1, seq, at: seq, id, user });
const edit = (seq: number, id: string, body?: string): SequencedFrame => ({
  ...{ type: "edited", ...about(seq, id) },
  ...(body !== undefined && { body }),
});
const remove = (seq: number, id: string): SequencedFrame => ({ type: "deleted", ...about(seq, id) });
const react = (seq: number, id: string, emoji: string, on: boolean, user?: string): SequencedFrame => ({
  ...{ type: "reaction", ...about(seq, id, user), emoji, on },
});

describe("the messages of a channel", () => {
  it("ascend by position, whichever came first, each once", () => {
    const scene = start().after(messageOf(5), messageOf(3), messageOf(4, { epoch: 2 }), messageOf(5));
    expect(scene.state().messages.map(({ epoch, seq }) => `${epoch}-${seq}`)).toEqual(["1-3", "1-5", "2-4"]);
  });

  it("have their newest text, and stay as they are where an edit has none or comes behind a newer one", () => {
    const scene = start().after(messageOf(1), edit(4, "m1", "newest"), edit(3, "m1", "older"), edit(5, "m1"));
    expect(scene.state().messages).toMatchObject([{ body: "newest", editedAt: 4 }]);
  });

  it("keep their position without a text once they are deleted, and are not edited or reacted to any more", () => {
    const full = messageOf(1, { meta: { a: 1 }, mentions: ["ann"] });
    const scene = start().after(
      full,
      react(2, "m1", "👍", true),
      remove(3, "m1"),
      edit(4, "m1", "x"),
      react(5, "m1", "🎉", true),
    );
    const { body: _, meta: __, mentions: ___, ...rest } = full;
    expect(scene.state().messages).toEqual([{ ...rest, deleted: true }]);
  });

  it("count reactions, and know this user's", () => {
    const scene = start().after(
      ...[
        messageOf(1),
        react(2, "m1", "👍", true),
        react(3, "m1", "🎉", true, "ann"),
        react(4, "m1", "👍", true, "ann"),
      ],
      ...[react(5, "m1", "👍", false), react(6, "nobody's", "👍", true)],
    );
    const both = [
      { emoji: "👍", count: 1, mine: true },
      { emoji: "🎉", count: 1, mine: true },
    ];
    expect(scene.state().messages[0]?.reactions).toEqual(both);
    scene.after(react(7, "m1", "👍", false, "ann"));
    expect(scene.state().messages[0]?.reactions).toEqual([both[1]]);
  });

  it("count the answers that stand, also of a deleted one", () => {
    const answer = (seq: number) => messageOf(seq, { replyTo: "m1" });
    const scene = start().after(messageOf(1), answer(2), remove(3, "m1"), answer(4), remove(5, "m2"), remove(6, "m2"));
    expect(scene.state().messages[0]).toMatchObject({ deleted: true, replies: 1 });
  });

  it("take a page from before them as it is, and know whether there is more", () => {
    const scene = start().after(messageOf(5));
    scene.page([messageOf(3, { editedAt: 9 }), messageOf(5, { body: "stale" })], true);
    scene.changed();
    expect(scene.state()).toMatchObject({ messages: [{ seq: 3, editedAt: 9 }, { body: "body 5" }], hasOlder: true });
  });

  it("are ten thousand at most while nobody scrolls back: of more, the oldest go, and may be brought again", () => {
    const scene = start();
    scene.page([], false);
    scene.after(...Array.from({ length: 10_001 }, (_, n) => messageOf(n + 1)));
    const { messages, hasOlder } = scene.state();
    expect([messages.length, messages[0]?.seq, messages.at(-1)?.seq, hasOlder]).toEqual([9_000, 1_002, 10_001, true]);
  });

  it("are the same object until one of them is another", () => {
    const scene = start().after(messageOf(1));
    const { messages } = scene.state();
    expect(scene.state()).toBe(scene.state());
    scene.tell({ online: 3 });
    scene.changed();
    expect(scene.state()).toMatchObject({ online: 3 });
    expect(scene.state().messages).toBe(messages);
    scene.after(edit(2, "m1", "x"));
    expect(scene.state().messages).not.toBe(messages);
  });
});

describe("what is unread", () => {
  it("grows by what others say and goes back with what they delete, up to a hundred", () => {
    const scene = start().after(messageOf(1, { mentions: ["ann"] }), messageOf(2, { user: "ann" }), messageOf(3));
    expect(scene.state()).toMatchObject({ unread: 2, mentions: 1 });
    scene.after(remove(4, "m1"));
    expect(scene.state()).toMatchObject({ unread: 1, mentions: 0 });
    scene.after(...Array.from({ length: 120 }, (_, n) => messageOf(n + 5)));
    expect(scene.state().unread).toBe(100);
  });

  it("is not counted again for what the edge has counted at the join", () => {
    const scene = start();
    const { read, unread, mentions } = { ...joinedOf("lobby"), read: { epoch: 0, seq: 0 }, unread: 3, mentions: 0 };
    scene.tell({ read, unread, mentions }, { epoch: 1, seq: 3 });
    scene.after(messageOf(1), messageOf(2), messageOf(3), messageOf(4));
    expect(scene.state().unread).toBe(4);
  });

  it("is unknown where the edge could not say", () => {
    const scene = start();
    scene.tell({ unread: undefined, mentions: undefined });
    expect(scene.after(messageOf(1)).state().unread).toBeUndefined();
  });
});

describe("who is there", () => {
  it("comes and goes by name, until there are too many for that", () => {
    const scene = start();
    const bob = { user: "bob", name: "Bob" };
    scene.hear({ type: "joined", channel: "lobby", ...bob, online: 2 });
    scene.hear({
      type: "presence",
      channel: "lobby",
      online: 150,
      mode: "digest",
      joined: [{ user: "eve", name: "Eve" }],
    });
    scene.changed();
    expect(scene.state()).toMatchObject({ online: 150, mode: "digest", present: [bob, { user: "eve" }] });
    scene.hear({
      type: "presence",
      channel: "lobby",
      online: 149,
      mode: "digest",
      left: [{ user: "eve", name: "Eve" }],
    });
    scene.hear({ type: "left", channel: "lobby", ...bob, online: 148 });
    scene.changed();
    expect(scene.state()).toMatchObject({ online: 148, present: [] });
    scene.present([bob]);
    scene.hear({ type: "presence", channel: "lobby", online: 2_000, mode: "count" });
    scene.changed();
    expect(scene.state()).toMatchObject({ online: 2_000, mode: "count", present: [] });
  });

  it("types until they stop, say it, leave, are lost, or are not heard of any more", async () => {
    const scene = start();
    const typing = (user: string, on = true) =>
      scene.hear({ type: "typing", channel: "lobby", user, name: user, on, ttlMs: on ? 6_000 : 0 });
    const typists = (): string[] => (scene.changed(), scene.state().typing.map(({ user }) => user));
    for (const user of ["ann", "bob", "cat", "dan", "eve"]) typing(user);
    expect(typists()).toEqual(["bob", "cat", "dan", "eve"]);
    typing("bob", false);
    scene.after(messageOf(1, { user: "cat" }));
    scene.hear({ type: "left", channel: "lobby", user: "dan", name: "dan", online: 1 });
    expect(typists()).toEqual(["eve"]);
    await clock.pass(6_000);
    expect(typists()).toEqual([]);
    typing("eve");
    scene.present(undefined);
    expect(typists()).toEqual([]);
  });

  it("may do what the newest word on rights says", () => {
    const scene = start();
    scene.hear({ type: "rights", channel: "lobby", role: "member", can: ["read"], mutedUntil: 9 });
    scene.hear({ type: "rights", channel: "lobby", role: "moderator", can: ["read", "moderate"] });
    scene.changed();
    expect(scene.state()).toMatchObject({ role: "moderator", can: ["read", "moderate"], mutedUntil: undefined });
  });
});
