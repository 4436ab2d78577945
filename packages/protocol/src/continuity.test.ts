import { describe, expect, it } from "vitest";
import { follows, type Link } from "./continuity.ts";
import { ORIGIN, parsePosition, type Position } from "./position.ts";

const at = (text: string): Position => parsePosition(text) ?? ORIGIN;
/** "2-5<1-4" is a frame at 2-5 that says it follows 1-4. */
const link = (text: string): Link => {
  const [position = "", prev] = text.split("<");
  return prev === undefined ? { position: at(position) } : { position: at(position), prev: at(prev) };
};
/** The first frame that does not follow the one before it, and that one: "1-6 after 1-4". */
const hole = (after: string, frames: string): string | undefined => {
  const texts = [after, ...frames.split(" ").filter(Boolean)];
  const positionOf = (text = ""): string => text.split("<")[0] ?? "";
  const n = texts.findIndex((text, index) => index > 0 && !follows(at(positionOf(texts[index - 1])), link(text)));
  return n < 0 ? undefined : `${positionOf(texts[n])} after ${positionOf(texts[n - 1])}`;
};

describe("frames follow each other", () => {
  it.each([
    ["nothing", "1-3", ""],
    ["the next ones of an epoch", "1-3", "1-4 1-5 1-6"],
    ["the first of a channel", "0-0", "7-1 7-2"],
    ["the first of a channel that says so", "0-0", "7-1<0-0"],
    ["a new epoch that counts on", "1-3", "2-4 2-5"],
    ["a new epoch that counts on and says so", "1-3", "2-4<1-3"],
    ["a new epoch that steps back to where it says", "1-9", "3-4<1-9 3-5"],
    ["an epoch's first frame read again with its prev", "2-4", "2-5<2-4"],
    ["two changes of epoch", "1-1", "2-2<1-1 3-3<2-2"],
  ])("%s", (_, after, frames) => {
    expect(hole(after, frames)).toBeUndefined();
  });

  it.each([
    ["a hole", "1-3", "1-4 1-6", "1-6", "1-4"],
    ["a hole at once", "1-3", "1-5", "1-5", "1-3"],
    ["a repeat", "1-3", "1-3", "1-3", "1-3"],
    ["going back", "1-3", "1-4 1-2", "1-2", "1-4"],
    ["an earlier epoch", "2-3", "1-4", "1-4", "2-3"],
    ["an earlier epoch that claims to follow", "2-3", "1-4<2-3", "1-4", "2-3"],
    ["a new epoch that follows less than was read", "1-9", "2-5<1-4", "2-5", "1-9"],
    ["a new epoch that follows more than was read", "1-3", "2-6<1-5", "2-6", "1-3"],
    ["a new epoch with the right seq and another prev", "1-3", "2-4<1-2", "2-4", "1-3"],
    ["a new epoch that jumps without a word", "1-3", "2-9", "2-9", "1-3"],
    ["a channel whose beginning is missing", "0-0", "7-2", "7-2", "0-0"],
  ])("but not over %s", (_, after, frames, where, before) => {
    expect(hole(after, frames)).toBe(`${where} after ${before}`);
  });
});
