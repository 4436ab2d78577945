// Contract of the order in which pieces of a refused batch are tried: all entries, in their order, by few statements.
import { array, assert, integer, nat, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { createBisection } from "./bisection.ts";

/** As the long way tries one alone. */
const ALONE = 6;

interface Run {
  /** Of good entries and bad ones, in the order in which they were done with. */
  readonly done: readonly number[];
  readonly buried: readonly number[];
  readonly statements: number;
}

function run(entries: number, bad: ReadonlySet<number>): Run {
  const pieces = createBisection(entries);
  const [done, buried]: [number[], number[]] = [[], []];
  // The whole, which was refused.
  let statements = 1;
  for (let piece = pieces.next(); piece !== undefined; piece = pieces.next()) {
    const { from, to } = piece;
    const all = Array.from({ length: to - from }, (_, n) => from + n);
    const isRefused = all.some((n) => bad.has(n));
    statements += isRefused && all.length === 1 ? ALONE : 1;
    if (isRefused && all.length > 1) {
      pieces.refused();
      continue;
    }
    done.push(...all);
    if (isRefused) buried.push(from);
    if (isRefused) pieces.buried();
    else pieces.taken();
  }
  return { done, buried, statements };
}

describe("a batch that was refused", () => {
  it("is gone through once and in order, and what is refused is buried, wherever and however much it is", () => {
    assert(
      property(integer({ min: 1, max: 200 }), array(nat(199), { maxLength: 40 }), (entries, some) => {
        const bad = new Set(some.map((n) => n % entries));
        if (bad.size === 0) bad.add(entries - 1);
        const { done, buried, statements } = run(entries, bad);
        expect(done).toEqual(Array.from({ length: entries }, (_, n) => n));
        expect(buried).toEqual([...bad].toSorted((a, b) => a - b));
        expect(statements).toBeLessThanOrEqual(2 + bad.size * (ALONE + 2 * Math.ceil(Math.log2(entries) + 1)));
        // However many there are: no more than a tree of halves has knots.
        expect(statements).toBeLessThanOrEqual(3 * entries + bad.size * ALONE + 12);
      }),
    );
  });

  it("costs at most 25 statements where one of a thousand is refused, wherever it stands", () => {
    const costs = Array.from({ length: 1_000 }, (_, n) => run(1_000, new Set([n])).statements);
    expect(Math.max(...costs)).toBeLessThanOrEqual(25);
  });

  it("says which piece is next as often as it is asked", () => {
    const pieces = createBisection(8);
    expect(pieces.next()).toMatchObject({ from: 0, to: 4 });
    expect(pieces.next()).toMatchObject({ from: 0, to: 4 });
    pieces.taken();
    expect(pieces.next()).toMatchObject({ from: 4, to: 6 });
  });
});
