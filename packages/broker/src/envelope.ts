// What travels through a channel's topic: the finished bytes of one frame and what an edge has to know of them. Shapes only,
// so that whoever judges an envelope knows neither Redis nor its bytes; unpack-envelope.ts reads them.
import type { Position } from "@rookery/protocol";

/** Finished frame text: as read from a store (string) or as it came through a topic (bytes). */
export type FrameBytes = string | Uint8Array;

/** What the header holds, whatever the kind. */
interface Carried {
  /** The frame's own; `{0,0}` for a signal. */
  readonly position: Position;
  /** The position it follows; `{0,0}` for a signal. */
  readonly prev: Position;
  /** Id of the session that must not get it, or "". */
  readonly exclude: string;
  /** A view of the bytes that came from Redis. */
  readonly frame: Uint8Array;
}

/** A frame with a position: judged by the channel's relay. */
export interface SequencedEnvelope extends Carried {
  readonly kind: "sequenced";
}

/** A fleeting event: handed on as it comes, missed by whoever does not listen. */
export interface SignalEnvelope extends Carried {
  readonly kind: "signal";
}

export type Envelope = SequencedEnvelope | SignalEnvelope;
