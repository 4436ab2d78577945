// Contract of what sockets that are behind have missed: too much is harmless, too little a hole.
import { expect, it } from "vitest";
import { createMissed } from "./missed.ts";
import type { Stand } from "./missed.ts";

const at = (seq: number, epoch = 7) => ({ epoch, seq });
const stand = (from: number, to = from, isLost = false): Stand => ({
  channel: "a",
  from: at(from),
  to: at(to),
  isLost,
});
const gap = (from: number, to: number) => ({ from: at(from), to: at(to), isLost: false });

it("begins with the first frame of the turn in which a socket fell behind", () => {
  const missed = createMissed();
  missed.published(stand(1));
  missed.roundOver();
  for (const seq of [2, 3]) missed.published(stand(seq));
  const from = missed.begin("a");
  missed.published(stand(4));
  expect(missed.gaps("a", from)).toEqual([gap(2, 4)]);
});

it("is nothing of a channel in which nothing was published meanwhile, whatever its relay has heard", () => {
  const missed = createMissed();
  missed.published(stand(1));
  missed.roundOver();
  const from = missed.begin("a");
  expect(missed.gaps("a", from)).toEqual([]);
  missed.published(stand(2));
  expect(missed.gaps("a", from)).toEqual([gap(2, 2)]);
});

it("is each socket's own, and begins behind what was published when others were behind already", () => {
  const missed = createMissed();
  const first = missed.begin("a");
  missed.published(stand(5));
  missed.roundOver();
  const second = missed.begin("a");
  expect(missed.gaps("a", second)).toEqual([]);
  missed.published(stand(6));
  expect(missed.gaps("a", first)).toEqual([gap(5, 6)]);
  expect(missed.gaps("a", second)).toEqual([gap(6, 6)]);
});

it("counts gaps that relays tell as what they stand for, and repeats what was taken back", () => {
  const missed = createMissed();
  const from = missed.begin("a");
  missed.published(stand(2, 5));
  missed.published(stand(4, 5, true));
  missed.published({ channel: "a", from: at(4, 8), to: at(4, 8), isLost: false });
  expect(missed.gaps("a", from)).toMatchObject([
    { from: at(4), to: at(5), isLost: true },
    { from: at(2), to: at(4, 8), isLost: false },
  ]);
});

it("does not end with a gap that lies before, which is told apart", () => {
  const missed = createMissed();
  const from = missed.begin("a");
  missed.published(stand(5));
  missed.published(stand(2, 3));
  expect(missed.gaps("a", from)).toMatchObject([gap(2, 3), gap(5, 5)]);
});

it("is given back with the last socket", () => {
  const missed = createMissed();
  missed.begin("a");
  missed.begin("a");
  missed.published(stand(1));
  missed.end("a");
  expect(missed.countIn("a")).toBe(1);
  missed.end("a");
  expect(missed.countIn("a")).toBe(0);
  missed.roundOver();
  expect(missed.gaps("a", missed.begin("a"))).toEqual([]);
});
