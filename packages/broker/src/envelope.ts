// What travels through a channel's topic: a fixed header and the finished bytes of one frame.
// Packed by the publish script (struct.pack) and, for signals, by an edge; unpacked once by every edge that listens.
// Never parses or copies the frame: it is handed on as a view of the bytes that came from Redis.
import type { Position } from "@rookery/protocol";

/** Finished frame text: as read from a store (string) or as it came through a topic (bytes). */
export type FrameBytes = string | Uint8Array;

/** The first byte of an envelope. `publish.lua` writes the same numbers. */
export const ENVELOPE_KINDS = { sequenced: 1, signal: 2 } as const;
export type EnvelopeKind = keyof typeof ENVELOPE_KINDS;

/**
 * One message of a channel's topic. `position` and `prev` (the position it follows) are `{0,0}` for a signal; `exclude`
 * is the id of the session that must not get it, or "".
 */
export interface Envelope {
  readonly kind: EnvelopeKind;
  readonly position: Position;
  readonly prev: Position;
  readonly exclude: string;
  readonly frame: Uint8Array;
}

/** kind u8, length of exclude u8, then epoch, seq, prev epoch and prev seq as big-endian doubles. */
const HEADER_BYTES = 34;
const KIND_OF_BYTE: readonly (EnvelopeKind | undefined)[] = [undefined, "sequenced", "signal"];

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** @throws RangeError when `exclude` is longer than 255 bytes. */
export function packEnvelope(envelope: Envelope): Uint8Array {
  const exclude = encoder.encode(envelope.exclude);
  if (exclude.length > 255) throw new RangeError("exclude is longer than 255 bytes");
  const bytes = new Uint8Array(HEADER_BYTES + exclude.length + envelope.frame.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, ENVELOPE_KINDS[envelope.kind]);
  view.setUint8(1, exclude.length);
  view.setFloat64(2, envelope.position.epoch);
  view.setFloat64(10, envelope.position.seq);
  view.setFloat64(18, envelope.prev.epoch);
  view.setFloat64(26, envelope.prev.seq);
  bytes.set(exclude, HEADER_BYTES);
  bytes.set(envelope.frame, HEADER_BYTES + exclude.length);
  return bytes;
}

/**
 * Reads the header; `frame` is a view of `bytes`. Returns undefined for anything that is no envelope: too short, an
 * unknown kind (a newer node's), a position that is no pair of whole numbers below 2^53.
 */
export function unpackEnvelope(bytes: Uint8Array): Envelope | undefined {
  const length = bytes.length;
  if (length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const kind = KIND_OF_BYTE[view.getUint8(0)];
  const start = HEADER_BYTES + view.getUint8(1);
  if (kind === undefined || length < start) return undefined;
  const epoch = view.getFloat64(2);
  const seq = view.getFloat64(10);
  const prevEpoch = view.getFloat64(18);
  const prevSeq = view.getFloat64(26);
  if (!isCount(epoch) || !isCount(seq) || !isCount(prevEpoch) || !isCount(prevSeq)) return undefined;
  return {
    kind,
    position: { epoch, seq },
    prev: { epoch: prevEpoch, seq: prevSeq },
    exclude: start === HEADER_BYTES ? "" : decoder.decode(bytes.subarray(HEADER_BYTES, start)),
    frame: bytes.subarray(start),
  };
}

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}
