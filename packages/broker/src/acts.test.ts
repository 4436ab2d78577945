import { describe, expect, it } from "vitest";
import { readActs, readMark } from "./acts.ts";

const message = { p: "7-3", u: "ann", c: "c1", n: "Ann", t: 5 };
const text = (told: object, ...counts: string[]): string => [JSON.stringify(told), "7-9", ...counts].join("\n");

describe("what Redis remembers of a message", () => {
  it("tells its newest edit and its reactions in the order in which they were put", () => {
    const edited = { e: "7-8", a: 6, b: "two\nlines", ...message };
    expect(readActs("m", text(edited, "2 👍", "1 👩‍🚀"))).toEqual({
      ...{ id: "m", edited: { position: { epoch: 7, seq: 8 }, at: 6, body: "two\nlines" } },
      reactions: [
        { emoji: "👍", count: 2 },
        { emoji: "👩‍🚀", count: 1 },
      ],
    });
  });

  it("tells nothing of one to which nothing has happened that still stands", () => {
    expect(readActs("m", text(message))).toEqual({ id: "m" });
  });

  it("tells of a deleted one that alone", () => {
    expect(readActs("m", text({ d: "7-9", ...message }))).toEqual({ id: "m", deleted: true });
  });

  it.each(["", "{", "[]", '{"p":1}', text({ ...message, b: 4 }), text(message, "x 👍")])(
    "is a fault where no script of ours wrote it: %j",
    (odd) => {
      expect(() => readActs("m", odd)).toThrow(/malformed/);
    },
  );
});

describe("a user's last word on an emoji", () => {
  it("says whether it stands, and where it was said", () => {
    expect(readMark("1|7-4")).toEqual({ on: true, position: { epoch: 7, seq: 4 } });
    expect(readMark("0|7-4")).toEqual({ on: false, position: { epoch: 7, seq: 4 } });
  });

  it("is unknown where Redis has none", () => {
    for (const none of [null, undefined, "", "w"]) expect(readMark(none)).toBeUndefined();
  });
});
