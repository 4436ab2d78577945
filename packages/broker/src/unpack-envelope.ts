// Reads what scripts of Redis pack (struct.pack) into a channel's topic: a fixed header, then one finished frame, or several
// that follow each other. Called once for every announcement by every edge that listens. It never parses or copies a frame.
import { MODES } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Envelope, FleetingEnvelope } from "./envelope.ts";

/**
 * The first byte of an envelope. Scripts and pack-signal.ts write the same numbers. 3 is as `sequenced`, see SEVERAL_BYTE.
 * A build that does not know a kind drops it, so those of signals are sent without asking who reads them.
 */
export const KIND_BYTES = {
  sequenced: 1,
  signal: 2,
  presence: 4,
  typing: 5,
  personal: 6,
  correction: 7,
} as const satisfies Record<Envelope["kind"], number>;
/**
 * As `sequenced`, with the header of the first; each further frame stands behind a line feed, which no frame holds, one
 * position on.
 */
export const SEVERAL_BYTE = 3;
/** The newest kind of envelope with positions that this build reads, see NodeRecord.envelopes: kinds only grow. */
export const NEWEST_ENVELOPE: number = KIND_BYTES.correction;
/**
 * kind u8, length of exclude u8, then four big-endian doubles: epoch, seq, prev epoch and prev seq of a sequenced one and of a
 * `correction`, behind which stand two more, the former prev; online and the mode's index in MODES of `presence`, zeros otherwise.
 * Then exclude, which of `personal` is `<session>|<user>`.
 */
export const HEADER_BYTES = 34;

/** Two doubles behind the header of a correction. */
const FORMER_BYTES = 16;

const LINE_FEED = 10;
const decoder = new TextDecoder();

interface Header {
  readonly view: DataView;
  readonly exclude: string;
  readonly frame: Uint8Array;
}

/** Undefined where the header does not fit its kind. */
type ReadFleeting = (header: Header) => FleetingEnvelope | undefined;

const FLEETING: Readonly<Record<number, ReadFleeting>> = {
  [KIND_BYTES.signal]: ({ exclude, frame }) => ({ kind: "signal", exclude, frame }),
  [KIND_BYTES.presence]({ view, exclude, frame }) {
    const online = view.getFloat64(2);
    const mode = MODES[view.getFloat64(10)];
    return isCount(online) && mode !== undefined ? { kind: "presence", online, mode, exclude, frame } : undefined;
  },
  [KIND_BYTES.typing]: ({ exclude, frame }) => ({ kind: "typing", exclude, frame }),
  [KIND_BYTES.personal]({ exclude, frame }) {
    const bar = exclude.indexOf("|");
    if (bar < 0) return undefined;
    return { kind: "personal", exclude: exclude.slice(0, bar), user: exclude.slice(bar + 1), frame };
  },
};

/**
 * Hands over each envelope, in order; every `frame` is a view of `bytes`. Answers false, having handed over none, for anything
 * that is no envelope: too short, an unknown kind (a newer node's), a position that is no pair of whole numbers below 2^53.
 */
export function unpackEnvelopes(bytes: Uint8Array, hand: (envelope: Envelope) => void): boolean {
  const length = bytes.length;
  if (length < HEADER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const byte = view.getUint8(0);
  const start = HEADER_BYTES + view.getUint8(1);
  if (length < start) return false;
  const exclude = start === HEADER_BYTES ? "" : decoder.decode(bytes.subarray(HEADER_BYTES, start));
  const frame = bytes.subarray(start);
  if (byte === KIND_BYTES.correction) return handCorrection(view, exclude, frame, hand);
  if (byte !== KIND_BYTES.sequenced && byte !== SEVERAL_BYTE) {
    const envelope = FLEETING[byte]?.({ view, exclude, frame });
    if (envelope !== undefined) hand(envelope);
    return envelope !== undefined;
  }
  const position = readPair(view, 2);
  const prev = readPair(view, 18);
  if (position === undefined || prev === undefined) return false;
  if (byte === SEVERAL_BYTE) handSeveral(position, prev, exclude, frame, hand);
  else hand({ kind: "sequenced", position, prev, exclude, frame });
  return true;
}

function handCorrection(
  view: DataView,
  exclude: string,
  frame: Uint8Array,
  hand: (envelope: Envelope) => void,
): boolean {
  if (frame.length < FORMER_BYTES) return false;
  const behind = new DataView(frame.buffer, frame.byteOffset, FORMER_BYTES);
  const [first, prev, former] = [readPair(view, 2), readPair(view, 18), readPair(behind, 0)];
  if (first === undefined || prev === undefined || former === undefined) return false;
  hand({ kind: "correction", first, former, prev, exclude, frame });
  return true;
}

function handSeveral(
  position: Position,
  prev: Position,
  exclude: string,
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
