import { describe, expect, it } from "vitest";
import { messageOf } from "./io.ts";

const refused = (address: string): Error => new Error(`connect ECONNREFUSED ${address}`);

describe("the text of an error", () => {
  it.each([
    ["its message", new Error("no"), "no"],
    ["what was thrown in place of one", "no", "no"],
    [
      "its cause behind it",
      new TypeError("fetch failed", { cause: refused("::1:1") }),
      "fetch failed: connect ECONNREFUSED ::1:1",
    ],
    ["its cause once", new Error("not so: no", { cause: new Error("no") }), "not so: no"],
    [
      "all of a list without a text of its own",
      new AggregateError([refused("::1:1"), refused("127.0.0.1:1")]),
      "connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1",
    ],
    ["never nothing", new RangeError(), "RangeError"],
  ])("is %s", (_what, error, text) => {
    expect(messageOf(error)).toBe(text);
  });
});
