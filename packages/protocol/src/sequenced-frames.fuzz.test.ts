// Property of the table of sequenced frames: whatever they hold, text -> fields -> text is the same text.
import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { deletedHalves, editedHalves, messageHalves, reactionHalves, renderFrame } from "./encode.ts";
import { parseSequencedFrame, renderSequencedFrame } from "./sequenced-frames.ts";

const id = "V1StGXR8_Z5jdHi6B-myT";

describe("reading a sequenced frame back", () => {
  it("and rendering it gives the same text, whatever the fields hold", () => {
    const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });
    const ordinal = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    const stamps = fc.record(
      { epoch: ordinal, seq: ordinal, at: ordinal, prev: fc.record({ epoch: ordinal, seq: ordinal }) },
      { requiredKeys: ["epoch", "seq", "at"] },
    );
    const person = { channel: fc.constant("c"), id: fc.constant(id), user: words };
    const meta = fc.dictionary(words, fc.oneof(words, fc.boolean(), fc.integer()), {
      maxKeys: 3,
      noNullPrototype: true,
    });
    const folded = {
      editedAt: ordinal,
      reactions: fc.array(fc.record({ emoji: words, count: fc.nat(), mine: fc.boolean() }), {
        minLength: 1,
        maxLength: 3,
      }),
      replies: fc.integer({ min: 1, max: 1000 }),
    };
    const needed = { ...person, clientId: fc.constant("k1"), name: words };
    const requiredKeys = ["channel", "id", "user", "clientId", "name"] as const;
    const halves = fc.oneof(
      fc
        .record(
          { ...needed, body: words, replyTo: fc.constant(id), meta, ...folded },
          { requiredKeys: [...requiredKeys, "body"] },
        )
        .map(messageHalves),
      fc.record(needed).map((parts) => messageHalves({ ...parts, deleted: true })),
      fc.record({ ...person, body: words }, { requiredKeys: ["channel", "id", "user"] }).map(editedHalves),
      fc.record(person).map(deletedHalves),
      fc.record({ ...person, emoji: words, on: fc.boolean() }).map(reactionHalves),
    );
    fc.assert(
      fc.property(halves, stamps, (drawn, stamped) => {
        const frame = renderFrame(drawn, stamped);
        expect(renderSequencedFrame(parseSequencedFrame(frame))).toBe(frame);
      }),
      { numRuns: 100 * inject("fuzzTimes") },
    );
  });
});
