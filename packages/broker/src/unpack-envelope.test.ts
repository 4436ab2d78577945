import { ORIGIN } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import type { Envelope } from "./envelope.ts";
import { packEnvelope } from "./packed-envelope.fixture.ts";
import { unpackEnvelope } from "./unpack-envelope.ts";

const message: Envelope = {
  kind: "sequenced",
  position: { epoch: 1_760_000_000_123, seq: 2 ** 53 - 1 },
  prev: { epoch: 1_750_000_000_000, seq: 41 },
  exclude: "",
  frame: Buffer.from('{"type":"message","body":"wörd"}'),
};
const signal: Envelope = {
  kind: "signal",
  position: ORIGIN,
  prev: ORIGIN,
  exclude: "V1StGXR8_Z5jdHi6B-myT",
  frame: Buffer.from("{}"),
};

describe("an envelope", () => {
  it.each([message, signal])("comes back as it was packed: $kind", (envelope) => {
    const back = unpackEnvelope(packEnvelope(envelope));
    expect({ ...back, frame: Buffer.from(back?.frame ?? []) }).toEqual(envelope);
  });

  it("is read in the middle of a larger buffer, and its frame is a view of that buffer", () => {
    const packed = packEnvelope(signal);
    const larger = Buffer.concat([Buffer.alloc(7), packed, Buffer.alloc(3)]);
    const back = unpackEnvelope(larger.subarray(7, 7 + packed.length));
    expect(back?.exclude).toBe(signal.exclude);
    expect(back?.frame.buffer).toBe(larger.buffer);
    expect(back?.frame.length).toBe(2);
  });

  it("may carry an empty frame", () => {
    expect(unpackEnvelope(packEnvelope({ ...signal, frame: new Uint8Array() }))?.frame.length).toBe(0);
  });

  it("is refused when a session id does not fit its length byte", () => {
    expect(() => packEnvelope({ ...signal, exclude: "x".repeat(256) })).toThrow(RangeError);
  });
});

describe("bytes that are no envelope", () => {
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
    ["an infinite epoch", altered(2, 0x7f)],
    ["a negative seq", altered(10, 0xc3)],
  ])("are told apart: %s", (_, bytes) => {
    expect(unpackEnvelope(bytes)).toBeUndefined();
  });
});
