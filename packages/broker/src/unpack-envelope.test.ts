import { describe, expect, it } from "vitest";
import type { FleetingEnvelope, SequencedEnvelope } from "./envelope.ts";
import { packSignal } from "./pack-signal.ts";
import { packEnvelope, packSeveral, unpackAll } from "./packed-envelope.fixture.ts";

const message: SequencedEnvelope = {
  kind: "sequenced",
  position: { epoch: 1_760_000_000_123, seq: 2 ** 53 - 1 },
  prev: { epoch: 1_750_000_000_000, seq: 41 },
  exclude: "",
  frame: Buffer.from('{"type":"message","body":"wörd"}'),
};
const signal: FleetingEnvelope = { kind: "signal", exclude: "V1StGXR8_Z5jdHi6B-myT", frame: Buffer.from("{}") };
const FLEETING: readonly FleetingEnvelope[] = [
  signal,
  { ...signal, kind: "presence", online: 10_001, mode: "count" },
  { ...signal, kind: "presence", online: 0, mode: "full", exclude: "", frame: Buffer.alloc(0) },
  { ...signal, kind: "typing" },
  { ...signal, kind: "personal", user: "ann|of:the wörld" },
];

describe("an envelope", () => {
  it.each([message, ...FLEETING])("comes back as it was packed: $kind", (envelope) => {
    const [back] = unpackAll(packEnvelope(envelope)) ?? [];
    expect({ ...back, frame: Buffer.from(back?.frame ?? []) }).toEqual(envelope);
  });

  it("is read in the middle of a larger buffer, and its frame is a view of that buffer", () => {
    const packed = packEnvelope(signal);
    const larger = Buffer.concat([Buffer.alloc(7), packed, Buffer.alloc(3)]);
    const [back] = unpackAll(larger.subarray(7, 7 + packed.length)) ?? [];
    expect(back?.exclude).toBe(signal.exclude);
    expect(back?.frame.buffer).toBe(larger.buffer);
    expect(back?.frame.length).toBe(2);
  });

  it("may carry an empty frame", () => {
    expect(unpackAll(packEnvelope({ ...signal, frame: new Uint8Array() }))?.[0]?.frame.length).toBe(0);
  });

  it.each(["signal", "typing"] as const)("is packed here as the scripts would: %s", (kind) => {
    const envelope = { ...signal, kind };
    expect(packSignal(kind, signal.exclude, "{}")).toEqual(Buffer.from(packEnvelope(envelope)));
  });

  it("is refused when a session id does not fit its length byte", () => {
    expect(() => packEnvelope({ ...signal, exclude: "x".repeat(256) })).toThrow(RangeError);
  });
});

describe("envelopes that were packed together", () => {
  const { epoch } = message.position;
  const at = (seq: number, text: string): SequencedEnvelope => ({
    ...message,
    position: { epoch, seq },
    prev: seq === 1 ? message.prev : { epoch, seq: seq - 1 },
    frame: Buffer.from(text),
  });

  it.each([1, 2, 5])("come back in order, each at its own position and after the one before: %i", (count) => {
    const several = Array.from({ length: count }, (_, n) => at(n + 1, `{"body":"wörd ${n}"}`));
    const back = unpackAll(packSeveral(several)) ?? [];
    expect(back.map((each) => ({ ...each, frame: Buffer.from(each.frame) }))).toEqual(several);
  });

  it("are views of the bytes they came in", () => {
    const packed = packSeveral([at(1, "{}"), at(2, "[]")]);
    for (const { frame } of unpackAll(packed) ?? []) expect(frame.buffer).toBe(packed.buffer);
  });
});

describe("bytes that are no envelope", () => {
  const noMode = (): Uint8Array => {
    const bytes = packEnvelope({ ...signal, kind: "presence", online: 3, mode: "full" });
    new DataView(bytes.buffer).setFloat64(10, 3);
    return bytes;
  };
  const altered = (at: number, byte: number): Uint8Array => {
    const bytes = packEnvelope(message);
    bytes[at] = byte;
    return bytes;
  };
  it.each([
    ["nothing", new Uint8Array()],
    ["a cut header", packEnvelope(message).subarray(0, 33)],
    ["an unknown kind", altered(0, 9)],
    ["a session id longer than the rest", altered(1, 255)],
    ["a mode that there is not", noMode()],
    ["a personal one of nobody", packEnvelope(signal).map((byte, n) => (n === 0 ? 6 : byte))],
    ["an infinite epoch", altered(2, 0x7f)],
    ["a negative seq", altered(10, 0xc3)],
  ])("are told apart: %s", (_, bytes) => {
    expect(unpackAll(bytes)).toBeUndefined();
  });
});
