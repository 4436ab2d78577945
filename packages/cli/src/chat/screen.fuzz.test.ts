// Property of the screen: whatever others write, no line is wider than the terminal, none carries a control character, and only
// messages begin like one.
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { anyCharacter } from "../../../../tests/any-character.ts";
import { message } from "./fake-edge.suite.ts";
import { widthOf } from "./grapheme-width.ts";
import { drawScreen } from "./screen.ts";
import { createScrollback } from "./scrollback.ts";

const RUNS = 60 * inject("fuzzTimes");
const HIDDEN = new RegExp(String.raw`[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]`, "v");

const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 80 }),
  fc.string({ unit: fc.constantFrom("漢", "👩‍👩‍👧", "e\u0301", " ", "\n", "\t", "a", "\u001b", "\u202e"), maxLength: 120 }),
);

it("a screen of any text keeps to its width, hides nothing and lets nobody speak as another", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ user: text, name: text, body: text, emoji: text }), { maxLength: 8 }),
      fc.integer({ min: 10, max: 100 }),
      fc.integer({ min: 1, max: 30 }),
      text,
      (sayings, columns, rows, input) => {
        const scrollback = createScrollback();
        for (const [seq, { emoji, ...saying }] of sayings.entries()) {
          const reactions = [{ emoji, count: 1, mine: false }];
          scrollback.add(message(seq, { at: 0, ...saying, reactions }), "me");
        }
        const { lines, cursorColumn } = drawScreen(
          {
            ...{ items: scrollback.items(), below: 0, channel: "lobby", connection: "joined", backlog: 0 },
            crowd: { online: 3, mode: "full" },
            typists: sayings.map(({ user, name }) => ({ user, name })),
            ...{ input, cursor: Math.floor(input.length / 2), numberOf: () => undefined },
          },
          { columns, rows },
        );
        expect(lines).toHaveLength(rows);
        expect(cursorColumn).toBeLessThan(columns);
        expect(lines.filter((line) => widthOf(line.text) > columns || HIDDEN.test(line.text))).toEqual([]);
        const heads = lines.slice(0, -3).filter((line) => /^\d\d:\d\d /.test(line.text));
        expect(heads.length).toBeLessThanOrEqual(sayings.length);
      },
    ),
    { numRuns: RUNS },
  );
});
