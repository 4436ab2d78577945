import { expect, test } from "vitest";
import { createFollower } from "./follower.ts";

const P = 3;
const at = (number: number, epoch = 100) => ({ epoch, number });
const shown = (number: number, epoch = 100, serving = "one") => ({ control: at(number, epoch), serving });

function following(number: number) {
  const follower = createFollower();
  follower.compared(P, shown(number));
  return follower;
}

test("what is announced in a partition that nobody watches is acted upon, and none of it remembered", () => {
  const follower = createFollower();
  expect(follower.announced(P, at(9))).toBe("act");
  follower.acted(P, at(9));
  expect(follower.actedUpTo(P)).toBeUndefined();
});

test("the number of the first look is where following begins: what stood before it is read, not acted upon", () => {
  const follower = createFollower();
  expect(follower.compared(P, shown(5))).toBe("began");
  expect(follower.announced(P, at(5))).toBe("known");
  expect(follower.announced(P, at(6))).toBe("act");
});

test("a number that comes twice is known", () => {
  const follower = following(5);
  follower.acted(P, at(6));
  expect(follower.announced(P, at(6))).toBe("known");
  expect(follower.announced(P, at(7))).toBe("act");
});

test("a number beyond the next shows that one is missing", () => {
  expect(following(5).announced(P, at(7))).toBe("missing");
});

test("a look with a higher number than was acted upon shows a lost message, though nothing came after it", () => {
  const follower = following(5);
  expect(follower.compared(P, shown(5))).toBe("current");
  expect(follower.compared(P, shown(6))).toBe("missing");
});

test("a topic that was quicker than a look is no trouble", () => {
  const follower = following(5);
  follower.acted(P, at(6));
  expect(follower.compared(P, shown(5))).toBe("current");
});

test("the very first change of a partition follows nothing", () => {
  const follower = createFollower();
  follower.compared(P, shown(0, 0));
  expect(follower.announced(P, at(1, 200))).toBe("act");
});

test("a number of another server is missing what the log may not have any more", () => {
  expect(following(5).announced(P, at(1, 200))).toBe("missing");
});

test("another server that answers is believed nothing of the one before, even where the number is the same", () => {
  const follower = following(5);
  expect(follower.compared(P, shown(5, 100, "two"))).toBe("anew");
  follower.readAnew(P, shown(4, 100, "two"));
  expect(follower.compared(P, shown(4, 100, "two"))).toBe("current");
  expect(follower.announced(P, at(5))).toBe("act");
});

test("what cannot be told any more is read anew with the next look, and nothing is acted upon before", () => {
  const follower = following(5);
  follower.lost(P);
  expect(follower.announced(P, at(9))).toBe("known");
  expect(follower.compared(P, shown(9))).toBe("anew");
  follower.readAnew(P, shown(9));
  expect(follower.announced(P, at(10))).toBe("act");
});

test("a partition that is watched again begins again", () => {
  const follower = following(5);
  follower.unwatched(P);
  expect(follower.announced(P, at(50))).toBe("act");
  expect(follower.compared(P, shown(60))).toBe("began");
});
