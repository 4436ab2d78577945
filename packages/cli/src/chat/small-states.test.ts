// What `chat` keeps beside the messages: who writes, whether to tell that one writes, how far one has read, who is there.
import { describe, expect, it } from "vitest";
import { crowdAfter, crowdStatus, crowdWords } from "./crowd-words.ts";
import { createReadMark } from "./read-mark.ts";
import { createTypists } from "./typists.ts";
import { createWriting } from "./writing.ts";

describe("typists", () => {
  const typing = (user: string, on = true, ttlMs = 6000) =>
    ({ type: "typing", channel: "lobby", user, name: user.toUpperCase(), on, ttlMs }) as const;

  it("stop when it is said, and by themselves after the time that was given", () => {
    const typists = createTypists();
    typists.tell(typing("ann"), 0);
    typists.tell(typing("bob", true, 100), 0);
    expect(typists.now(99)).toEqual([
      { user: "ann", name: "ANN" },
      { user: "bob", name: "BOB" },
    ]);
    expect(typists.now(100).map(({ user }) => user)).toEqual(["ann"]);
    typists.tell(typing("ann", true), 5000);
    expect(typists.now(10_999)).toHaveLength(1);
    typists.tell(typing("ann", false), 10_999);
    expect(typists.now(10_999)).toEqual([]);
  });

  it("are no more than a screen could show", () => {
    const typists = createTypists();
    for (let n = 0; n < 500; n += 1) typists.tell(typing(`u${n}`), 0);
    expect(typists.now(0)).toHaveLength(100);
    typists.clear();
    expect(typists.now(0)).toEqual([]);
  });
});

describe("that one writes", () => {
  it("is told while it goes on, now and then, and once that it is over", () => {
    let nowMs = 0;
    const writing = createWriting(() => nowMs);
    const told = [writing.now("h"), writing.now("he")];
    nowMs = 2999;
    told.push(writing.now("hel"));
    nowMs = 3000;
    told.push(writing.now("hell"), writing.now(""), writing.now(""));
    expect(told).toEqual([true, undefined, undefined, true, false, undefined]);
  });

  it("is not told of commands, nor of what was sent meanwhile", () => {
    const writing = createWriting(() => 0);
    expect([writing.now("/who"), writing.now("//x")]).toEqual([undefined, true]);
    writing.over();
    expect(writing.now("")).toBeUndefined();
  });
});

describe("what was read", () => {
  const at = (seq: number) => ({ epoch: 1, seq });

  it("is told forward only, at most once a second, and not what others have told", () => {
    const mark = createReadMark();
    expect([mark.take(0), mark.dueInMs(0)]).toEqual([undefined, undefined]);
    mark.shown(at(3));
    expect(mark.take(0)).toEqual(at(3));
    mark.shown(at(2));
    expect(mark.dueInMs(10)).toBeUndefined();
    mark.shown(at(5));
    expect([mark.take(999), mark.dueInMs(999), mark.take(1000)]).toEqual([undefined, 1, at(5)]);
    mark.shown(at(6));
    mark.known(at(7));
    expect([mark.take(9000), mark.covers(at(7)), mark.covers(at(8))]).toEqual([undefined, true, false]);
  });

  it("is told again when the connection on which it was told is gone and it did not get there", () => {
    const mark = createReadMark();
    mark.shown(at(3));
    mark.take(0);
    mark.confirmed(at(1));
    expect(mark.take(5000)).toEqual(at(3));
  });
});

describe("a crowd", () => {
  const bob = { user: "bob", name: "Bob\u001b[2J" };
  const before = { online: 3, mode: "full" } as const;
  const presence = { type: "presence", channel: "lobby", online: 120 } as const;

  it("is told by name, and no name reaches the terminal as it came", () => {
    const joined = { type: "joined", channel: "lobby", ...bob, online: 4 } as const;
    expect(crowdWords(joined, before)).toBe(String.raw`bob "Bob\u{1b}[2J" joined (4 here)`);
    expect(crowdAfter(joined, before)).toEqual({ online: 4, mode: "full" });
    expect(crowdWords({ ...joined, type: "left", name: "bob" }, undefined)).toBe("bob left (4 here)");
  });

  it("in digests is told together, with a change of how it is told", () => {
    const people = { joined: [{ user: "a", name: "a" }], left: [{ user: "b", name: "b" }] };
    const digest = { ...presence, mode: "digest" as const, ...people };
    expect(crowdWords(digest, before)).toBe(
      "a joined; b left; who comes and goes is told together, once a second (120 here)",
    );
    expect(crowdWords(digest, { online: 1, mode: "digest" })).toBe("a joined; b left (120 here)");
    expect(crowdStatus(crowdAfter(digest, before))).toBe("120 here, digest");
    expect(crowdStatus(before)).toBe("3 here");
  });

  it("of which only the number changes is told by the status alone", () => {
    expect(crowdWords({ ...presence, mode: "count" }, { online: 5, mode: "count" })).toBeUndefined();
  });
});
