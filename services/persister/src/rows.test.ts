// Contract of the way from an announced frame to a row and back: nothing is lost, nothing is thrown.
import type { ChangeEntry, DeletedEntry, MessageEntry } from "@rookery/broker";
import { deletedHalves, editedHalves, messageHalves, reactionHalves, renderFrame } from "@rookery/protocol";
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
        if (row.kind === "unreadable" || row.kind === "audit") throw new Error("no message");
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

describe("an announced change", () => {
  const change = (kind: "edited" | "reaction", frame: string): ChangeEntry => ({ ...entry("c", frame), kind });
  const gone = { kind: "message", id: ID, user: "ada", clientId: "c1", name: "Ada", at: 3 } as const;
  const deletion = (frame: string, removed: DeletedEntry["removed"]): DeletedEntry => ({
    ...entry("c", frame),
    ...{ kind: "deleted", removed },
  });
  const about = { channel: "c", id: ID, user: "ada" };
  const stamp = { epoch: EPOCH, seq: 1, at: 9 };

  it("becomes a row from which the very same frame can be made again", () => {
    const kinds = fc.oneof(
      fc.record({ kind: fc.constant("edited" as const), body: fc.option(text, { nil: undefined }) }),
      fc.record({ kind: fc.constant("deleted" as const) }),
      fc.record({ kind: fc.constant("reaction" as const), emoji: text, on: fc.boolean() }),
    );
    fc.assert(
      fc.property(
        kinds,
        parts,
        position,
        fc.option(position, { nil: undefined }),
        (what, { channel, user }, at, prev) => {
          const named = { channel, id: ID, user };
          const halves = {
            edited: () => editedHalves({ ...named, ...what }),
            deleted: () => deletedHalves(named),
            reaction: () => reactionHalves({ ...named, emoji: "", on: false, ...what }),
          }[what.kind]();
          const frame = renderFrame(halves, { ...at, at: 9, prev });
          const base = { ...entry(channel, frame), position: at, ...(prev === undefined ? {} : { prev }) };
          const { row } = toBatchEntry(
            what.kind === "deleted"
              ? { ...base, kind: what.kind, removed: [{ ...gone, position: at }] }
              : { ...base, kind: what.kind },
          );
          if (row.kind === "unreadable" || row.kind === "audit") throw new Error("no message");
          expect(row).toMatchObject({ kind: what.kind, id: `@${at.epoch}-${at.seq}`, target: ID });
          expect(renderRow(row)).toEqual({ position: at, ...(prev === undefined ? {} : { prev }), frame });
        },
      ),
    );
  });

  it("that is none of its entry's kind says what is wrong", () => {
    const edited = renderFrame(editedHalves({ ...about, body: "hi" }), stamp);
    const faultIn = (changed: ChangeEntry): string => {
      const { row } = toBatchEntry(changed);
      return row.kind === "unreadable" ? row.fault : "";
    };
    expect(faultIn(change("edited", edited))).toBe("");
    expect(faultIn(change("reaction", edited))).toMatch(/another type/);
    expect(faultIn(change("edited", edited.replace('"c"', '"d"')))).toMatch(/another channel/);
    expect(faultIn(change("edited", edited.replace('"seq":1', '"seq":2')))).toMatch(/another position/);
    expect(faultIn(change("edited", edited.replace('"body":"hi"', '"body":7')))).toMatch(/body/);
    expect(faultIn(change("edited", "{}"))).not.toBe("");
  });

  it("that is a deletion leaves rows where it took entries out, which say what a reader of the log is told", () => {
    const frame = renderFrame(deletedHalves(about), { ...stamp, seq: 1 });
    const prev = { epoch: EPOCH - 1, seq: 4 };
    const edit = { kind: "edited", id: ID, user: "ada", at: 5, position: { epoch: EPOCH, seq: 8 } } as const;
    const message = { ...gone, position: { epoch: EPOCH, seq: 7 }, prev, replyTo: ID };
    const { removed = [] } = toBatchEntry(deletion(frame, [message, edit]));
    const head = messageHalves({ ...about, clientId: "c1", name: "Ada", replyTo: ID, deleted: true });
    expect(removed.map(renderRow)).toEqual([
      { position: message.position, prev, frame: renderFrame(head, { ...message.position, at: 3, prev }) },
      { position: edit.position, frame: renderFrame(editedHalves(about), { ...edit.position, at: 5 }) },
    ]);
    expect(removed.map(({ deletedAt }) => deletedAt)).toEqual([9, null]);
  });
});
