import type { Message, Pending } from "@rookery/client";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { announcement, newerThan } from "./announcer.tsx";
import { hueOf, HUES, initials } from "./faces.ts";
import { createMessageIndex } from "./message-index.ts";
import { createRows } from "./rows.ts";
import type { Row, RowsOf } from "./rows.ts";
import { dayName, dayOf, shortClock } from "./times.ts";

const NOON = new Date(2026, 2, 10, 12).getTime();
const MINUTE = 60_000;

function message(seq: number, more: Partial<Message> = {}): Message {
  const user = more.user ?? "ann";
  const at = NOON + seq * MINUTE;
  const parts = { id: `m${seq}`, clientId: `c${seq}`, user, name: user.toUpperCase(), body: `body ${seq}`, at };
  return { type: "message", channel: "lobby", epoch: 1, seq, ...parts, ...more };
}

const unsent = (clientId: string): Pending => ({ clientId, channel: "lobby", body: "x", status: "sending" });

const of = (messages: readonly Message[], more: Partial<RowsOf> = {}): RowsOf => ({
  ...{ messages, pending: [], hasOlder: false, readUpTo: undefined, me: "me", nowMs: NOON },
  ...more,
});
const rows = (messages: readonly Message[], more: Partial<RowsOf> = {}): readonly Row[] =>
  createRows()(of(messages, more));

/** `day`, `unread`, `m1` for a follower, `M1` for the first of a group. */
function told(made: readonly Row[]): readonly string[] {
  return made.map((row) => {
    if (row.kind !== "message" && row.kind !== "pending") return row.kind;
    const name = row.kind === "message" ? row.key : `p-${row.pending.clientId}`;
    return row.isFirstOfGroup ? name.toUpperCase() : name;
  });
}

describe("rows", () => {
  it("begin with the channel, or with what is not loaded", () => {
    expect(told(rows([message(1)]))).toEqual(["beginning", "day", "M1"]);
    expect(told(rows([message(1)], { hasOlder: true }))).toEqual(["older", "day", "M1"]);
  });

  it("group what one person writes within five minutes of the last", () => {
    const at = (minutes: number): number => NOON + minutes * MINUTE;
    const made = rows([
      message(1, { at: at(0) }),
      message(2, { at: at(5) }),
      message(3, { at: at(10) + 1 }),
      message(4, { at: at(11), user: "bob" }),
      message(5, { at: at(12) }),
    ]);
    expect(told(made)).toEqual(["beginning", "day", "M1", "m2", "M3", "M4", "M5"]);
  });

  it("have a line for each day, and a new group behind it", () => {
    const midnight = new Date(2026, 2, 11).getTime();
    const made = rows([
      message(1, { at: midnight - 1 }),
      message(2, { at: midnight }),
      message(3, { at: midnight + 1 }),
    ]);
    expect(told(made)).toEqual(["beginning", "day", "M1", "day", "M2", "m3"]);
  });

  it("have one line before the first message of others that is new", () => {
    const messages = [message(1), message(2), message(3, { user: "me" }), message(4), message(5)];
    const made = (seq: number): readonly string[] => told(rows(messages, { readUpTo: { epoch: 1, seq } }));
    expect(made(1)).toEqual(["beginning", "day", "M1", "unread", "M2", "M3", "M4", "m5"]);
    expect(made(2)).toEqual(["beginning", "day", "M1", "m2", "M3", "unread", "M4", "m5"]);
    expect(made(5)).not.toContain("unread");
    expect(made(0)).toEqual(["beginning", "day", "unread", "M1", "m2", "M3", "M4", "m5"]);
  });

  it("have no line of what is new where it is not loaded, nor for what was deleted", () => {
    const readUpTo = { epoch: 1, seq: 3 };
    expect(told(rows([message(5), message(6)], { readUpTo, hasOlder: true }))).not.toContain("unread");
    expect(told(rows([message(3), message(4, { deleted: true })], { readUpTo }))).not.toContain("unread");
  });

  it("end with what is being sent, in the group of what this user wrote last", () => {
    const pending = [unsent("a"), unsent("b")];
    const mine = message(0, { user: "me" });
    expect(told(rows([mine], { pending })).slice(-3)).toEqual(["M0", "p-a", "p-b"]);
    expect(told(rows([mine], { pending, nowMs: NOON + 6 * MINUTE })).slice(-3)).toEqual(["M0", "P-A", "p-b"]);
    expect(told(rows([message(0)], { pending })).slice(-3)).toEqual(["M0", "P-A", "p-b"]);
  });

  it("are the same objects while their messages and their groups are", () => {
    const make = createRows();
    const [first, second, third] = [message(1), message(2), message(3)];
    const before = make(of([first, second]));
    const kept = (now: readonly Row[]): readonly string[] =>
      now.filter((row) => before.includes(row)).map(({ key }) => key);
    expect(kept(createRows()(of([first, second])))).toEqual(["beginning"]);
    expect(kept(make(of([first, second, third])))).toEqual(["beginning", "day m1", "m1", "m2"]);
    const after = make(of([message(0), first, second, third]));
    expect(told(after)).toEqual(["beginning", "day", "M0", "m1", "m2", "m3"]);
    expect(kept(after)).toEqual(["beginning", "m2"]);
  });

  it("made of what changed are those that are made of everything", () => {
    const any = fc.record({
      seqs: fc
        .uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 12 })
        .map((seqs) => seqs.toSorted((a, b) => a - b)),
      edited: fc.integer({ min: 1, max: 40 }),
      hasOlder: fc.boolean(),
      read: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
    });
    const all = Array.from({ length: 41 }, (_, n) =>
      message(n, { at: NOON + n * 47 * MINUTE, user: n % 3 ? "ann" : "me" }),
    );
    fc.assert(
      fc.property(fc.array(any, { minLength: 2, maxLength: 6 }), (steps) => {
        const make = createRows();
        for (const { seqs, edited, hasOlder, read } of steps) {
          const messages = seqs
            .flatMap((seq) => all[seq] ?? [])
            .map((each) => (each.seq === edited ? { ...each } : each));
          const more = { hasOlder, readUpTo: read === undefined ? undefined : { epoch: 1, seq: read } };
          expect(make(of(messages, more))).toEqual(rows(messages, more));
        }
      }),
    );
  });

  it("have keys of which each is there once", () => {
    const messages = Array.from({ length: 50 }, (_, n) => message(n * 500));
    const keys = rows(messages, { pending: [unsent("a")], readUpTo: { epoch: 1, seq: 3 } }).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("the index of messages", () => {
  const index = createMessageIndex();
  const follow = (...messages: Message[]): void => index.follow({ messages, present: [{ user: "p", name: "Pat" }] });
  const [one, two, three] = [message(1), message(2, { user: "bob" }), message(3)];

  it.each<[string, readonly Message[]]>([
    ["appended to", [one, two, three]],
    ["put before", [message(0), one, two]],
    ["both at once", [message(0), one, two, three]],
    ["changed", [one, { ...two, body: "edited" }]],
    ["cut at its beginning", [two, three]],
    ["cut and appended to", [two, three, message(4), message(5)]],
    ["another channel's", [message(1, { channel: "other", id: "x" })]],
    ["emptied", []],
  ])("knows a list that was %s", (_, next) => {
    follow(one, two);
    follow(...next);
    expect(next.map(({ id }) => index.message(id))).toEqual(next);
  });

  it("names those who wrote and those who are here, and nobody else", () => {
    follow(one, two);
    expect(["ann", "bob", "p", "nobody"].map(index.nameOf)).toEqual(["ANN", "BOB", "Pat", undefined]);
    expect(index.message(undefined)).toBeUndefined();
  });
});

describe("times", () => {
  it("name today and yesterday, and other days by their date", () => {
    const yesterday = new Date(2026, 2, 9, 23, 59).getTime();
    expect([NOON, yesterday].map((at) => dayName(at, NOON))).toEqual(["Today", "Yesterday"]);
    expect(dayName(yesterday - 24 * 60 * MINUTE, NOON)).toMatch(/8/);
    expect(dayName(new Date(2024, 5, 1).getTime(), NOON)).toMatch(/2024/);
  });

  it("know a day from its midnight to the next", () => {
    const { fromMs, toMs } = dayOf(NOON);
    expect([new Date(fromMs).getHours(), new Date(toMs).getHours(), new Date(toMs).getDate()]).toEqual([0, 0, 11]);
  });

  it("leave out the half of the day where there is little room", () => {
    expect(shortClock(NOON)).toMatch(/^12.00$/);
  });
});

describe("a face", () => {
  it.each([
    ["Ann Baker", "AB"],
    ["ann", "A"],
    ["ann.b-c", "AC"],
    ["Дмитрий", "Д"],
    ["(ops) 7", "O7"],
    ["🦊", "🦊"],
    ["👩‍🚀 ann", "A"],
    ["éa", "É"],
  ])("of %s has %s", (name, letters) => {
    expect(initials(name)).toBe(letters);
  });

  it("has the same colour for the same user, and all colours are used", () => {
    const hues = Array.from({ length: 200 }, (_, n) => hueOf(`guest-${n}`));
    expect(new Set(hues).size).toBe(HUES);
    expect(hueOf("ann")).toBe(hueOf("ann"));
  });
});

describe("what is announced", () => {
  it("is who said what, or how many", () => {
    expect(announcement([message(1)])).toBe("ANN: body 1");
    expect(announcement([message(1), message(2)])).toBe("2 new messages");
  });

  it("is what is newer than what was there, not what was brought from before", () => {
    expect(newerThan([message(1), message(2), message(3)], message(2)).map(({ seq }) => seq)).toEqual([3]);
    expect(newerThan([message(1)], message(2))).toEqual([]);
    expect(newerThan([message(1)], undefined)).toHaveLength(1);
  });
});
