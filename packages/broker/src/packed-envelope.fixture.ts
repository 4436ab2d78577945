// Envelopes as bytes and back, for tests of what listens to topics: the product leaves packing to Lua. Only tests use it.
import type { Envelope } from "./envelope.ts";
import { HEADER_BYTES, KIND_BYTES, SEVERAL_BYTE, unpackEnvelopes } from "./unpack-envelope.ts";

const encoder = new TextEncoder();

/** @throws RangeError when `exclude` is longer than 255 bytes. */
export function packEnvelope(envelope: Envelope): Uint8Array {
  const exclude = encoder.encode(envelope.exclude);
  if (exclude.length > 255) throw new RangeError("exclude is longer than 255 bytes");
  const bytes = new Uint8Array(HEADER_BYTES + exclude.length + envelope.frame.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, KIND_BYTES[envelope.kind]);
  view.setUint8(1, exclude.length);
  view.setFloat64(2, envelope.position.epoch);
  view.setFloat64(10, envelope.position.seq);
  view.setFloat64(18, envelope.prev.epoch);
  view.setFloat64(26, envelope.prev.seq);
  bytes.set(exclude, HEADER_BYTES);
  bytes.set(envelope.frame, HEADER_BYTES + exclude.length);
  return bytes;
}

/** Envelopes that follow each other, in one: the header of the first, then the frames of all. */
export function packSeveral(envelopes: readonly Envelope[]): Uint8Array {
  const [first] = envelopes;
  if (first === undefined) throw new RangeError("no envelopes");
  const frames = envelopes.map(({ frame }) => Buffer.from(frame).toString()).join("\n");
  const bytes = packEnvelope({ ...first, frame: encoder.encode(frames) });
  bytes[0] = SEVERAL_BYTE;
  return bytes;
}

/** All that the bytes hold; undefined for bytes that are no envelope. */
export function unpackAll(bytes: Uint8Array): Envelope[] | undefined {
  const envelopes: Envelope[] = [];
  return unpackEnvelopes(bytes, (envelope) => envelopes.push(envelope)) ? envelopes : undefined;
}
