// Which of a user's sessions have to go, and the order by which one is told.
import { describe, expect, it } from "vitest";
import type { KnownSession } from "./presence.ts";
import { packReplaced, parseReplaced } from "./replaced-session.ts";
import { surplusOf } from "./session-cap.ts";

const session = (id: string, since: number): KnownSession => ({
  ...{ session: id, node: `node of ${id}`, since },
  ...{ address: "", client: "", name: "" },
});

describe("of a user's sessions", () => {
  const three = [session("b", 2), session("c", 3), session("a", 1)];

  it("as many of the oldest have to go as there are too many", () => {
    const gone = (cap: number): string[] => surplusOf(three, cap, "c").map((each) => each.session);
    expect([gone(4), gone(3), gone(2), gone(1)]).toEqual([[], [], ["a"], ["a", "b"]]);
  });

  it("the one that came last never has to, whatever its node's clock says", () => {
    expect(surplusOf(three, 2, "a").map((each) => each.session)).toEqual(["b"]);
    expect(surplusOf(three, 0, "a").map((each) => each.session)).toEqual(["b", "c"]);
  });

  it("of the same age the same one goes, whoever asks", () => {
    const twins = [session("y", 1), session("x", 1), session("z", 2)];
    expect(surplusOf(twins, 2, "z")).toEqual(surplusOf(twins.toReversed(), 2, "z"));
  });
});

describe("the order to end a session", () => {
  it("is read as it was written, and nothing else is", () => {
    expect(parseReplaced(packReplaced("V1StGXR8_Z5jdHi6B-myT"))).toBe("V1StGXR8_Z5jdHi6B-myT");
    for (const text of ["", "{}", '{"replaced":""}', '{"replaced":"a","more":1}', '{"other":"a"}'])
      expect(parseReplaced(text)).toBeUndefined();
  });
});
