// Envelopes as bytes and back, for tests of what listens to topics: the product leaves most packing to Lua. Only tests use it.
import { MODES } from "@rookery/protocol";
import type { Envelope, SequencedEnvelope } from "./envelope.ts";
import { HEADER_BYTES, KIND_BYTES, SEVERAL_BYTE, unpackEnvelopes } from "./unpack-envelope.ts";

const encoder = new TextEncoder();

/** @throws RangeError when `exclude` is longer than 255 bytes. */
export function packEnvelope(envelope: Envelope): Uint8Array {
  const text = envelope.kind === "personal" ? `${envelope.exclude}|${envelope.user}` : envelope.exclude;
  const exclude = encoder.encode(text);
  if (exclude.length > 255) throw new RangeError("exclude is longer than 255 bytes");
  const bytes = new Uint8Array(HEADER_BYTES + exclude.length + envelope.frame.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, KIND_BYTES[envelope.kind]);
  view.setUint8(1, exclude.length);
  for (const [n, double] of doublesOf(envelope).entries()) view.setFloat64(2 + 8 * n, double);
  bytes.set(exclude, HEADER_BYTES);
  bytes.set(envelope.frame, HEADER_BYTES + exclude.length);
  return bytes;
}

function doublesOf(envelope: Envelope): number[] {
  if (envelope.kind === "presence") return [envelope.online, MODES.indexOf(envelope.mode)];
  if (envelope.kind !== "sequenced" && envelope.kind !== "correction") return [];
  const position = envelope.kind === "sequenced" ? envelope.position : envelope.first;
  const { prev } = envelope;
  return [position.epoch, position.seq, prev.epoch, prev.seq];
}

/** Envelopes that follow each other, in one: the header of the first, then the frames of all. */
export function packSeveral(envelopes: readonly SequencedEnvelope[]): Uint8Array {
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

/** Those of them that have a position. */
export function unpackSequenced(bytes: Uint8Array): SequencedEnvelope[] {
  return (unpackAll(bytes) ?? []).flatMap((envelope) => (envelope.kind === "sequenced" ? [envelope] : []));
}
