// Contract of the way from an announced frame to a row and back: nothing is lost, nothing is thrown.
import type { MessageEntry } from "@rookery/broker";
import { messageHalves, renderFrame } from "@rookery/protocol";
import { renderRow } from "@rookery/store";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBatchEntry } from "./rows.ts";

const EPOCH = 1_760_000_000_000;
const ID = "V1StGXR8_Z5jdHi6B-myT";

const ordinal = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const position = fc.record({ epoch: ordinal, seq: ordinal });
const text = fc.string({ unit: "grapheme", minLength: 1 });
const parts = fc.record(
  {
    channel: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}$/),
    id: fc.constant(ID),
    clientId: fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/),
    user: text,
    name: fc.string({ unit: "grapheme" }),
    body: text,
    replyTo: fc.constant(ID),
    meta: fc.dictionary(fc.string(), fc.oneof(text, fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }))),
    mentions: fc.array(fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/), { minLength: 1, maxLength: 20 }),
  },
  { requiredKeys: ["channel", "id", "clientId", "user", "name", "body"] },
);

const entry = (channel: string, frame: string, seq = 1): MessageEntry => ({
  kind: "message",
  partition: 3,
  id: { epoch: EPOCH, number: 7 },
  channel,
  position: { epoch: EPOCH, seq },
  frame,
  cumulativeBytes: 100,
});
const faultOf = (channel: string, frame: string): string | undefined => {
  const { row } = toBatchEntry(entry(channel, frame));
  return row.kind === "unreadable" ? row.fault : undefined;
};

describe("an announced message", () => {
  it("becomes a row from which the very same frame can be made again", () => {
    fc.assert(
      fc.property(parts, position, fc.option(position, { nil: undefined }), fc.nat(), (message, at, prev, time) => {
        // An integer-like key moves to the front when JSON is read; so it was when the edge read the client's frame.
        const meta = message.meta === undefined ? undefined : JSON.parse(JSON.stringify(message.meta));
        const frame = renderFrame(messageHalves({ ...message, meta }), { ...at, at: time, prev });
        const { row } = toBatchEntry({
          ...entry(message.channel, frame),
          position: at,
          ...(prev === undefined ? {} : { prev }),
        });
        if (row.kind === "unreadable") throw new Error(row.fault);
        expect(renderRow(row)).toEqual({ position: at, ...(prev === undefined ? {} : { prev }), frame });
      }),
    );
  });

  it("that is not a message, or not of its entry's place, says what is wrong and is not thrown away", () => {
    const halves = messageHalves({ channel: "c", id: ID, clientId: "1", user: "u", name: "U", body: "hi" });
    const frame = renderFrame(halves, { epoch: EPOCH, seq: 1, at: 1 });
    expect(faultOf("c", frame)).toBeUndefined();
    expect(faultOf("d", frame)).toMatch(/another channel/);
    expect(faultOf("c", renderFrame(halves, { epoch: EPOCH, seq: 2, at: 1 }))).toMatch(/another position/);
    expect(faultOf("c", frame.slice(1))).toMatch(/not JSON/);
    expect(faultOf("c", "")).toMatch(/not JSON/);
    expect(faultOf("c", frame.replace('"body":"hi"', '"body":7'))).toMatch(/body/);
    const { row, ...rest } = toBatchEntry(entry("d", frame));
    expect(rest).toEqual({
      partition: 3,
      id: { epoch: EPOCH, number: 7 },
      channel: "d",
      position: { epoch: EPOCH, seq: 1 },
      frame,
    });
    expect(JSON.stringify(row)).not.toContain("hi");
  });
});
