import { describe, expect, it } from "vitest";
import { message } from "./fake-edge.suite.ts";
import { createScrollback } from "./scrollback.ts";
import type { Item } from "./scrollback.ts";

const at = { channel: "lobby", epoch: 1, seq: 9, at: 0 };
const edited = (id: string, body?: string) =>
  ({ type: "edited", ...at, id, user: "alice", ...(body ? { body } : {}) }) as const;
const deleted = (id: string) => ({ type: "deleted", ...at, id, user: "alice" }) as const;
const reaction = (id: string, user: string, emoji: string, on: boolean) =>
  ({ type: "reaction", ...at, id, user, emoji, on }) as const;

const numbers = (items: readonly Item[]): unknown[] =>
  items.map((item) => (item.kind === "said" ? item.said.number : item.kind));

describe("a message that is kept", () => {
  it("has a number, is for those it names, and tells what had happened to it before", () => {
    const scrollback = createScrollback();
    const folded = { editedAt: 5, replies: 2, reactions: [{ emoji: "👍", count: 3, mine: true }] };
    const said = scrollback.add(message(1, { mentions: ["bob"], ...folded }), "bob");
    expect(said).toMatchObject({ number: 1, isForMe: true, isEdited: true, replies: 2 });
    expect([...said.reactions]).toEqual([["👍", { count: 3, mine: true }]]);
    expect(scrollback.add(message(2, { deleted: true }), "bob").body).toBeUndefined();
    expect(scrollback.numbered(1)).toBe(said);
    expect(scrollback.byId("m1")).toBe(said);
  });

  it("is edited and deleted for good: an edit that comes after changes nothing", () => {
    const scrollback = createScrollback();
    const said = scrollback.add(message(1), "bob");
    scrollback.react(reaction("m1", "eve", "👍", true), "bob");
    expect(scrollback.edit(edited("m1", "new"))).toMatchObject({ body: "new", isEdited: true });
    scrollback.remove(deleted("m1"));
    expect([said.body, said.reactions.size]).toEqual([undefined, 0]);
    scrollback.edit(edited("m1", "back"));
    scrollback.react(reaction("m1", "eve", "👍", true), "bob");
    expect([said.body, said.reactions.size]).toEqual([undefined, 0]);
  });

  it("counts reactions, and knows one's own", () => {
    const scrollback = createScrollback();
    const said = scrollback.add(message(1), "bob");
    for (const user of ["bob", "eve"]) scrollback.react(reaction("m1", user, "👍", true), "bob");
    expect(said.reactions.get("👍")).toEqual({ count: 2, mine: true });
    scrollback.react(reaction("m1", "bob", "👍", false), "bob");
    expect(said.reactions.get("👍")).toEqual({ count: 1, mine: false });
    scrollback.react(reaction("m1", "eve", "👍", false), "bob");
    expect(said.reactions.size).toBe(0);
    for (let n = 0; n < 60; n += 1) scrollback.react(reaction("m1", "eve", `e${n}`, true), "bob");
    expect(said.reactions.size).toBe(50);
  });

  it("counts the answers to it, and what is not kept is nobody's", () => {
    const scrollback = createScrollback();
    const said = scrollback.add(message(1), "bob");
    scrollback.add(message(2, { replyTo: "m1" }), "bob");
    expect(said.replies).toBe(1);
    expect([scrollback.edit(edited("m9", "x")), scrollback.remove(deleted("m9"))]).toEqual([undefined, undefined]);
  });
});

describe("the scrollback", () => {
  it("keeps the newest, whose numbers go on", () => {
    const scrollback = createScrollback(3);
    for (let seq = 1; seq <= 4; seq += 1) scrollback.add(message(seq), "bob");
    scrollback.note("something");
    expect([numbers(scrollback.items()), scrollback.total()]).toEqual([[3, 4, "note"], 5]);
    expect(scrollback.numbered(2)).toBeUndefined();
    expect(scrollback.byId("m2")).toBeUndefined();
  });

  it("finds the newest that stands, by position", () => {
    const scrollback = createScrollback();
    for (const seq of [1, 3, 2]) scrollback.add(message(seq), "bob");
    const newest = () => scrollback.newest(({ user }) => user === "alice")?.id;
    expect(newest()).toBe("m3");
    scrollback.remove(deleted("m3"));
    expect(newest()).toBe("m2");
    expect(scrollback.newest(({ user }) => user === "bob")).toBeUndefined();
  });

  it("that has forgotten shows what was said, and finds none of it", () => {
    const scrollback = createScrollback();
    scrollback.add(message(1), "bob");
    scrollback.forget();
    expect(scrollback.items()).toHaveLength(1);
    expect(scrollback.numbered(1)).toBeUndefined();
  });
});
