import { describe, expect, it } from "vitest";
import { cleanName, displayName, findMentions, isChannelId, isClientId, isMessageId, isUserId } from "./ids.ts";

describe("ids", () => {
  it.each(["a", "9", "general", "dm:V1StGXR8_Z5jdHi6B-myT", "a.b:c_d-e", "A".repeat(64)])(
    "%j names a channel",
    (text) => {
      expect(isChannelId(text)).toBe(true);
    },
  );

  it.each(["", ".a", ":a", "_a", "-a", "a b", "a|b", "a\n", "é", "a".repeat(65), "{p1}"])(
    "%j names no channel",
    (text) => {
      expect(isChannelId(text)).toBe(false);
    },
  );

  it("a clientId is 1 to 64 of A-Za-z0-9_-, without a bar, which separates parts of keys", () => {
    expect(["a", "_-", "k".repeat(64)].every(isClientId)).toBe(true);
    expect(["", "a|b", "a.b", "a b", "k".repeat(65), "ä"].some(isClientId)).toBe(false);
  });

  it("a message id has exactly 21 characters", () => {
    expect(isMessageId("V1StGXR8_Z5jdHi6B-myT")).toBe(true);
    expect(["V1StGXR8_Z5jdHi6B-my", "V1StGXR8_Z5jdHi6B-myTT", "V1StGXR8.Z5jdHi6B-myT"].some(isMessageId)).toBe(false);
  });

  it.each(["a", "user|with|bars", "O'Neil <b>", "ünïcödé", "a b", "é".repeat(64), "x".repeat(128), "a\u200cb", "👩‍👧"])(
    "%j names a user",
    (text) => {
      expect(isUserId(text)).toBe(true);
    },
  );

  it.each([
    "",
    " a",
    "a ",
    "a\n",
    "\u00a0a",
    "a\u0000b",
    "a\tb",
    "\u0085",
    "\ud800",
    "é".repeat(65),
    "x".repeat(129),
    "a\u202eb",
    "\u2066a",
    "\u200b",
    "\u200d\ufeff",
    "\u3164",
    "\u0301",
    7,
    null,
    undefined,
  ])("%j names no user", (value) => {
    expect(isUserId(value)).toBe(false);
  });
});

describe("names", () => {
  it.each([
    ["Ann", "Ann"],
    ["Ann B. Lee!", "Ann B. Lee!"],
    ["Ann  Lee ", "Ann Lee"],
    ["  Ann \n\t Lee ", "Ann Lee"],
    ["A\u0000n\u001bn\u0085", "Ann"],
    ["\u202eAnn\u2066", "Ann"],
    ["e\u0301", "é"],
    ["a\ud800b", "ab"],
    ["\u0007", ""],
    ["\u200b\u2060\u200d", ""],
    ["\u3164", ""],
    ["\u0301", ""],
    [`${"\u200d".repeat(64)}Ann`, ""],
    [`a${"\u0300".repeat(40)}b`, `à${"\u0300".repeat(29)}b`],
    [`a${"\u0344".repeat(40)}`, `ä\u0301${"\u0308\u0301".repeat(14)}\u0308`],
    [`a${"\u0300".repeat(100_000)}${"\u0323".repeat(100_000)}`, `à${"\u0300".repeat(29)}`],
    [`${" ".repeat(100_000)}Ann`, ""],
    ["😀".repeat(70), "😀".repeat(64)],
    [`${"x".repeat(63)} y`, "x".repeat(63)],
  ])("%j is shown as %j", (name, shown) => {
    expect(cleanName(name)).toBe(shown);
    expect(displayName(name, "u-1")).toBe(shown === "" ? "u-1" : shown);
  });

  it.each([undefined, null, 7, { first: "Ann" }, " \u0000\u202e ", "\u200b\u200d"])(
    "%j leaves the user id to show",
    (given) => {
      expect(displayName(given, "u-1")).toBe("u-1");
    },
  );

  it("a user id that stands in for a name is cut as a name is", () => {
    expect(displayName(undefined, "x".repeat(128))).toBe("x".repeat(64));
  });
});

describe("mentions", () => {
  it.each<[string, string[]]>([
    ["nobody here", []],
    ["@ann", ["ann"]],
    ["hi @ann, @bob! and (@c-d_e.f)", ["ann", "bob", "c-d_e.f"]],
    ["thanks @ann.", ["ann"]],
    ["well @ann...", ["ann"]],
    ["@...", []],
    ["mail me@example.com", []],
    ["é@ann 5@ann _@ann", []],
    ["@@ann", []],
    ["@ann @bob @ann", ["ann", "bob"]],
    ["line\n@ann", ["ann"]],
    ["“@ann”", ["ann"]],
    ["@ann@bob", ["ann"]],
    ["@ännchen", []],
    [`@${"a".repeat(64)}`, ["a".repeat(64)]],
    [`@${"a".repeat(65)}`, []],
  ])("in %j are %j", (body, found) => {
    expect(findMentions(body)).toEqual(found);
  });

  it("are at most 20, the first ones", () => {
    const users = Array.from({ length: 25 }, (_, i) => `u${i}`);
    expect(findMentions(users.map((user) => `@${user}`).join(" "))).toEqual(users.slice(0, 20));
  });
});
