// Contract of the core of `chat`, without a socket: what is entered in which state becomes which frame, and what is told of it.
import { DEFAULT_LIMITS } from "@rookery/protocol";
import type { ClientFrame, ServerFrame } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createChat } from "./chat.ts";
import { message } from "./fake-edge.suite.ts";
import { plainText } from "./plain-text.ts";

interface Later {
  readonly ms: number;
  readonly act: () => void;
}

const TIME = /^\d\d:\d\d:\d\d /;
const ok = (ref: string | undefined, fields: object = {}): ServerFrame => ({ type: "ok", ref: ref ?? "", ...fields });
type Refused = "rate_limited" | "unknown_type" | "forbidden" | "banned";
const refusal = (ref: string | undefined, code: Refused, retryAfterMs = 1000): ServerFrame => {
  const retry = code === "rate_limited" ? "later" : "never";
  const named = ref === undefined ? {} : { ref };
  return {
    type: "error",
    code,
    message: `it is ${code}`,
    retry,
    ...(retry === "later" ? { retryAfterMs } : {}),
    ...named,
  };
};
const welcome = (user = "bob"): ServerFrame => ({
  ...{ type: "welcome", session: "s", user, name: user, node: "n", expiresAt: 0, refreshAt: 0, heartbeatMs: 1 },
  limits: DEFAULT_LIMITS,
});

function rig({ isTyped = true, last = 20 } = {}) {
  const sent: ClientFrame[] = [];
  const told: string[] = [];
  const later: Later[] = [];
  const now = { ms: 0, outcome: "" };
  const chat = createChat({
    ...{ channel: "lobby", last, isTyped, nowMs: () => now.ms },
    happened: (each) => told.push(plainText(each, (id) => chat.scrollback.byId(id)?.number).replace(TIME, "")),
    ended: (outcome) => void (now.outcome = now.outcome === "" ? outcome : "ended twice"),
  });
  const link = {
    send: (frame: ClientFrame) => void sent.push(frame),
    after: (ms: number, act: () => void) => void later.push({ ms, act }),
  };
  const hear = (...frames: readonly ServerFrame[]): void => frames.forEach((frame) => chat.frame(frame, link));
  /** The last frame of this type, which tests answer. */
  const asked = (type: ClientFrame["type"]) => sent.findLast((frame) => frame.type === type);
  const refOf = (type: ClientFrame["type"]) => asked(type)?.ref;
  const join = (facts: object = {}): void => {
    const page = { recovered: true, messages: [], more: false, epoch: 1, seq: 0 };
    const standing = { online: 3, mode: "full", unread: 0, mentions: 0, read: { epoch: 1, seq: 0 } };
    const channel = asked("join");
    hear(
      ok(refOf("join"), {
        channel: channel !== undefined && "channel" in channel ? channel.channel : "",
        ...page,
        ...standing,
        ...facts,
      }),
    );
  };
  const enter = (facts: object = {}): void => {
    hear(welcome());
    join(facts);
  };
  return { chat, sent, told, later, now, hear, asked, refOf, join, enter };
}

const at = { channel: "lobby", epoch: 1, at: 0 };

describe("what is entered", () => {
  it("waits for the channel, goes out one after the other, and each under a key of its own", () => {
    const { chat, sent, hear, enter, refOf } = rig();
    chat.line("one");
    chat.line("two");
    expect([sent.length, chat.backlog()]).toEqual([0, 3]);
    enter();
    expect(sent.filter(({ type }) => type === "send")).toMatchObject([{ channel: "lobby", body: "one" }]);
    hear(ok(refOf("send"), { id: "a", epoch: 1, seq: 1 }));
    const sends = sent.filter(({ type }) => type === "send");
    expect(sends).toMatchObject([{ body: "one" }, { body: "two" }]);
    expect(new Set(sends.map((frame) => "clientId" in frame && frame.clientId)).size).toBe(2);
  });

  it("goes out again on the next connection as it was, after the channel is joined where it was left", () => {
    const { chat, sent, hear, join, enter, asked } = rig();
    enter({ messages: [message(1)], seq: 1 });
    chat.line("one");
    chat.lost(1006);
    expect(chat.connection()).toBe("away");
    hear(welcome());
    expect(asked("join")).toMatchObject({ after: { epoch: 1, seq: 1 } });
    expect(sent.filter(({ type }) => type === "send")).toHaveLength(1);
    join({ seq: 1 });
    const [first, second, ...more] = sent.filter(({ type }) => type === "send");
    expect([second, more]).toEqual([first, []]);
  });

  it("over a rate is waited with as told, and said once", () => {
    const { chat, sent, told, later, hear, enter, refOf } = rig();
    enter();
    chat.line("one");
    hear(refusal(refOf("send"), "rate_limited", 70));
    expect([told, later.at(-1)?.ms]).toEqual([["* rate_limited: it is rate_limited; it is sent again"], 70]);
    later.at(-1)?.act();
    expect(sent.filter(({ type }) => type === "send")).toHaveLength(2);
  });

  it("names messages by their number, or means the one that is nearest", () => {
    const { chat, hear, enter, asked, refOf } = rig();
    enter({ messages: [message(1), message(2, { user: "bob" }), message(3)], seq: 3 });
    const become = (line: string, type: ClientFrame["type"]): unknown => {
      chat.line(line);
      const frame = asked(type);
      hear(ok(refOf(type), {}));
      return frame;
    };
    expect(become("/edit new", "edit")).toMatchObject({ id: "m2", body: "new" });
    expect(become("/edit #1 theirs", "edit")).toMatchObject({ id: "m1", body: "theirs" });
    expect(become("/reply yes", "send")).toMatchObject({ replyTo: "m3", body: "yes" });
    expect(become("/react 👍", "react")).toMatchObject({ id: "m3", emoji: "👍", on: true });
    hear({ type: "reaction", ...at, seq: 4, id: "m3", user: "bob", emoji: "👍", on: true });
    expect(become("/react 👍", "react")).toMatchObject({ id: "m3", on: false });
    expect(become("/delete", "delete")).toMatchObject({ id: "m2" });
  });

  it("means by one's last message also one that was taken and has not been shown yet", () => {
    const { chat, told, later, hear, enter, asked, refOf } = rig();
    enter({ messages: [message(1, { user: "bob" })], seq: 1 });
    chat.line("mine");
    chat.line("/delete");
    hear(ok(refOf("send"), { id: "taken", epoch: 1, seq: 2 }));
    expect(asked("delete")).toBeUndefined();
    later.at(-1)?.act();
    expect(asked("delete")).toMatchObject({ id: "taken" });
    hear(ok(refOf("delete")));
    chat.line("/delete #9");
    expect(told.at(-1)).toBe("* there is no message #9 here");
  });

  it("waits with what is done to a message for what was done before to come back", () => {
    const { chat, hear, enter, asked, refOf } = rig();
    enter({ messages: [message(1)], seq: 1 });
    chat.line("/react 👍");
    chat.line("/react 👍");
    hear(ok(refOf("react"), { id: "m1", epoch: 1, seq: 2 }));
    expect(asked("react")).toMatchObject({ on: true });
    hear({ type: "reaction", ...at, seq: 2, id: "m1", user: "bob", emoji: "👍", on: true });
    expect(asked("react")).toMatchObject({ on: false });
  });

  it("that is refused is told in words, and the next is done", () => {
    const { chat, told, hear, enter, asked, refOf } = rig();
    enter({ messages: [message(1)], seq: 1 });
    chat.line("/edit #1 x");
    chat.line("/nonsense");
    chat.line("after");
    hear(refusal(refOf("edit"), "forbidden"));
    expect(told.slice(1)).toEqual([expect.stringContaining("no such command"), "* forbidden: it is forbidden"]);
    expect(asked("send")).toMatchObject({ body: "after" });
  });
});

describe("what is told", () => {
  it("is the history, the first that is unread, and who is there", () => {
    const { chat, told, enter } = rig();
    const messages = [message(1), message(2, { user: "bob" }), message(3), message(4)];
    enter({ messages, seq: 4, unread: 2, read: { epoch: 1, seq: 1 } });
    expect(told).toEqual([
      "#1 alice: text 1",
      '#2 bob "alice": text 2',
      "* 2 unread from here on",
      "#3 alice: text 3",
      "#4 alice: text 4",
    ]);
    expect(chat.talk()?.crowd()).toEqual({ online: 3, mode: "full" });
  });

  it("is every change of a message, also of one that is not kept", () => {
    const { told, hear, enter } = rig({ last: 1 });
    enter({ messages: [message(1)], seq: 1 });
    hear(
      { type: "edited", ...at, seq: 2, id: "m1", user: "alice", body: "new\u001b[2J" },
      { type: "reaction", ...at, seq: 3, id: "m1", user: "eve", emoji: "👍", on: true },
      { type: "deleted", ...at, seq: 4, id: "m0", user: "alice" },
      { type: "reaction", ...at, seq: 5, id: "m1", user: "eve", emoji: "👍", on: false },
    );
    expect(told.slice(1)).toEqual([
      String.raw`* alice edited #1: new\u{1b}[2J`,
      "* eve put 👍 on #1",
      "* alice deleted an older message",
      "* eve took 👍 from #1",
    ]);
  });

  it("is who comes, goes and writes, but not oneself, and not of other channels", () => {
    const { chat, told, hear, enter } = rig();
    enter();
    const typing = { type: "typing", channel: "lobby", on: true, ttlMs: 6000 } as const;
    hear(
      { type: "joined", channel: "lobby", user: "eve", name: "eve", online: 4 },
      { type: "joined", channel: "other", user: "eve", name: "eve", online: 9 },
      { ...typing, user: "eve", name: "eve" },
      { ...typing, user: "bob", name: "bob" },
    );
    expect(told).toEqual(["* eve joined (4 here)"]);
    expect(chat.talk()?.typists()).toEqual([{ user: "eve", name: "eve" }]);
    hear(message(1, { user: "eve" }));
    expect(chat.talk()?.typists()).toEqual([]);
    chat.lost(4000);
    expect(chat.talk()?.crowd()?.online).toBe(4);
  });

  it("of an edge that does not know a type yet is told once, and it is not asked again", () => {
    const { chat, sent, told, now, hear, enter } = rig();
    enter({ messages: [message(1)], seq: 1 });
    chat.writing("h");
    chat.shown();
    hear(refusal("typing", "unknown_type"), refusal("read", "unknown_type"), refusal("typing", "unknown_type"));
    expect(told.slice(1)).toEqual(["* this edge does not know `typing` yet", "* this edge does not know `read` yet"]);
    const before = sent.length;
    now.ms = 10_000;
    hear(message(2));
    chat.writing("he");
    chat.shown();
    expect(sent).toHaveLength(before);
  });
});

describe("what is told to the edge by itself", () => {
  it("is how far the user has seen, forward and once a second", () => {
    const { chat, sent, later, now, hear, enter } = rig();
    enter({ messages: [message(1)], seq: 1 });
    chat.shown();
    hear(message(2), message(3));
    chat.shown();
    chat.shown();
    const reads = () => sent.filter(({ type }) => type === "read");
    expect(reads()).toMatchObject([{ seq: 1 }]);
    now.ms = 1000;
    later.at(-1)?.act();
    expect(reads()).toMatchObject([{ seq: 1 }, { seq: 3 }]);
    expect(later).toHaveLength(1);
  });

  it("is that the user writes, until the line is sent or emptied", () => {
    const { chat, sent, hear, enter, refOf } = rig();
    enter();
    chat.writing("h");
    chat.writing("hi");
    chat.line("hi");
    hear(ok(refOf("send"), { id: "a", epoch: 1, seq: 1 }));
    chat.writing("");
    chat.writing("x");
    chat.writing("");
    expect(sent.flatMap((frame) => (frame.type === "typing" ? [frame.on] : []))).toEqual([true, true, false]);
  });
});

describe("a channel", () => {
  it("is left for the next one, in which old numbers mean nothing", () => {
    const { chat, sent, told, enter, join, asked } = rig();
    enter({ messages: [message(1)], seq: 1 });
    chat.line("/join other");
    expect(sent.slice(-2)).toMatchObject([
      { type: "leave", channel: "lobby" },
      { type: "join", channel: "other" },
    ]);
    chat.line("hello");
    expect(asked("send")).toBeUndefined();
    join();
    expect(asked("send")).toMatchObject({ channel: "other", body: "hello" });
    chat.line("/delete #1");
    expect(chat.connection()).toBe("joined");
    expect(told).toContain("* on to other");
  });

  it("that lets nobody in leaves a person without a channel, and ends a pipe", () => {
    const person = rig();
    person.hear(welcome());
    person.hear(refusal(person.refOf("join"), "banned"));
    expect(person.told.slice(-2)).toEqual(["* banned: it is banned", "* you are in no channel; /join one"]);
    person.chat.line("hello");
    expect(person.told.at(-1)).toBe("* you are in no channel; /join one");
    person.chat.line("/join other");
    person.join();
    expect([person.chat.connection(), person.now.outcome]).toEqual(["joined", ""]);
    const pipe = rig({ isTyped: false });
    pipe.hear(welcome());
    pipe.hear(refusal(pipe.refOf("join"), "banned"));
    expect(pipe.now.outcome).toBe("failed");
  });

  it("from which one is removed, or that one leaves, takes no more lines", () => {
    const { chat, told, hear, enter, refOf } = rig();
    enter();
    chat.line("/leave");
    hear(ok(refOf("leave")));
    expect([told.at(-1), chat.talk()]).toEqual(["* you left lobby; /join another one", undefined]);
    const removed = rig();
    removed.enter();
    removed.chat.line("under way");
    removed.hear({ type: "removed", channel: "lobby", code: "kicked" });
    expect(removed.told).toContain("* not done: no longer in lobby");
    expect(removed.chat.backlog()).toBe(0);
  });
});

describe("the end", () => {
  it("of a pipe comes once everything is acknowledged and one's own last message was printed", () => {
    const { chat, now, later, hear, enter, refOf } = rig({ isTyped: false });
    chat.line("one");
    chat.line("/quit");
    enter();
    expect(now.outcome).toBe("");
    hear(ok(refOf("send"), { id: "a", epoch: 1, seq: 1 }));
    expect([now.outcome, later.length]).toEqual(["", 1]);
    hear(message(1, { user: "bob" }));
    expect(now.outcome).toBe("done");
  });

  it("that a person asks for is no failure, whatever was refused before", () => {
    const { chat, told, now, enter } = rig();
    enter();
    chat.line("/edit #99 better");
    expect(told.at(-1)).toContain("no message #99");
    chat.line("/quit");
    expect(now.outcome).toBe("done");
  });

  it("of a pipe without a line comes after the history", () => {
    const { chat, told, now, hear, join } = rig({ isTyped: false });
    chat.finish();
    hear(welcome());
    expect(now.outcome).toBe("");
    join({ messages: [message(1)], seq: 1 });
    expect([told, now.outcome]).toEqual([["#1 alice: text 1"], "done"]);
  });

  it("tells by its outcome whether something was refused", () => {
    const { chat, now, hear, enter, refOf } = rig({ isTyped: false });
    enter();
    chat.line("/edit #1 x");
    chat.line("one");
    chat.finish();
    hear(refusal(refOf("send"), "forbidden"));
    expect(now.outcome).toBe("failed");
  });

  it("of a person comes at once", () => {
    const { chat, now } = rig();
    chat.line("waiting");
    chat.line("/quit");
    expect(now.outcome).toBe("done");
  });
});
