// Reads what scripts of Redis pack (struct.pack) into a channel's topic: a fixed header, then one finished frame, or several
// that follow each other. Called once for every announcement by every edge that listens. It never parses or copies a frame.
import type { Position } from "@rookery/protocol";
import type { Envelope } from "./envelope.ts";

/** The first byte of an envelope. `publish.lua` writes the same numbers. */
export const KIND_BYTES = { sequenced: 1, signal: 2 } as const satisfies Record<Envelope["kind"], number>;
/**
 * As `sequenced`, with the header of the first; each further frame stands behind a line feed, which no frame holds, one
 * position on.
 */
export const SEVERAL_BYTE = 3;
/** The newest kind that this build reads, see NodeRecord.envelopes: kinds only grow. */
export const NEWEST_ENVELOPE: number = SEVERAL_BYTE;
/** kind u8, length of exclude u8, then epoch, seq, prev epoch and prev seq as big-endian doubles. */
export const HEADER_BYTES = 34;

const KIND_OF_BYTE: readonly (Envelope["kind"] | undefined)[] = [undefined, "sequenced", "signal", "sequenced"];
const LINE_FEED = 10;
const decoder = new TextDecoder();

/**
 * Hands over each envelope, in order; every `frame` is a view of `bytes`. Answers false, having handed over none, for anything
 * that is no envelope: too short, an unknown kind (a newer node's), a position that is no pair of whole numbers below 2^53.
 */
export function unpackEnvelopes(bytes: Uint8Array, hand: (envelope: Envelope) => void): boolean {
  const length = bytes.length;
  if (length < HEADER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const byte = view.getUint8(0);
  const kind = KIND_OF_BYTE[byte];
  const start = HEADER_BYTES + view.getUint8(1);
  if (kind === undefined || length < start) return false;
  const position = readPair(view, 2);
  const prev = readPair(view, 18);
  if (position === undefined || prev === undefined) return false;
  const exclude = start === HEADER_BYTES ? "" : decoder.decode(bytes.subarray(HEADER_BYTES, start));
  if (byte === SEVERAL_BYTE) handSeveral({ position, prev, exclude }, bytes.subarray(start), hand);
  else hand({ kind, position, prev, exclude, frame: bytes.subarray(start) });
  return true;
}

function handSeveral(
  { position, prev, exclude }: Pick<Envelope, "position" | "prev" | "exclude">,
  frames: Uint8Array,
  hand: (envelope: Envelope) => void,
): void {
  for (let from = 0; from <= frames.length;) {
    const feed = frames.indexOf(LINE_FEED, from);
    const to = feed < 0 ? frames.length : feed;
    hand({ kind: "sequenced", position, prev, exclude, frame: frames.subarray(from, to) });
    prev = position;
    position = { epoch: position.epoch, seq: position.seq + 1 };
    from = to + 1;
  }
}

function readPair(view: DataView, at: number): Position | undefined {
  const epoch = view.getFloat64(at);
  const seq = view.getFloat64(at + 8);
  return isCount(epoch) && isCount(seq) ? { epoch, seq } : undefined;
}

function isCount(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}
