// Reads what scripts of Redis pack (struct.pack) into a channel's topic: a fixed header, then one finished frame. Called once
// for every message by every edge that listens. It never parses or copies the frame.
import type { Envelope } from "./envelope.ts";

/** The first byte of an envelope. `publish.lua` writes the same numbers. */
export const KIND_BYTES = { sequenced: 1, signal: 2 } as const satisfies Record<Envelope["kind"], number>;
/** kind u8, length of exclude u8, then epoch, seq, prev epoch and prev seq as big-endian doubles. */
export const HEADER_BYTES = 34;

const KIND_OF_BYTE: readonly (Envelope["kind"] | undefined)[] = [undefined, "sequenced", "signal"];
const decoder = new TextDecoder();

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
