// What travels through a channel's topic: the finished bytes of one frame and what an edge has to know of them. Shapes only,
// so that whoever judges an envelope knows neither Redis nor its bytes; unpack-envelope.ts reads them.
import type { Mode, Position } from "@rookery/protocol";

/** Finished frame text: as read from a store (string) or as it came through a topic (bytes). */
export type FrameBytes = string | Uint8Array;

/** What every envelope has, whatever the kind. */
interface Carried {
  /** Id of the session that must not get it, or "". */
  readonly exclude: string;
  /** A view of the bytes that came from Redis. */
  readonly frame: Uint8Array;
}

/** A frame with a position: judged by the channel's relay. */
export interface SequencedEnvelope extends Carried {
  readonly kind: "sequenced";
  readonly position: Position;
  /** The position it follows. */
  readonly prev: Position;
}

/**
 * The first frame of an epoch does not follow what it says, but a later position: Postgres has what lies between, though the
 * Redis that numbered the frame had lost it.
 */
export interface Correction {
  /** The position of that frame. */
  readonly first: Position;
  /** What the frame said that it follows; ORIGIN for nothing. */
  readonly former: Position;
  /** What it follows. */
  readonly prev: Position;
}

/** What it tells is read already: the frame is the former prev as it was packed. */
export interface CorrectionEnvelope extends Carried, Correction {
  readonly kind: "correction";
}

/** A fleeting event: handed on as it comes, missed by whoever does not listen. */
export interface SignalEnvelope extends Carried {
  readonly kind: "signal";
}

/**
 * Who came or went, as the scripts of presence tell it. The frame is the finished `joined` or `left`; empty where nobody is
 * named: the mode alone changed, or it is `count`, in which one envelope tells the numbers of all who came and went together.
 */
export interface PresenceEnvelope extends Carried {
  readonly kind: "presence";
  readonly online: number;
  readonly mode: Mode;
}

/** Somebody types or has stopped: the finished `typing` frame, whose end each edge sees to for its own members. */
export interface TypingEnvelope extends Carried {
  readonly kind: "typing";
}

/** A frame for the sessions that one user has in the channel. */
export interface PersonalEnvelope extends Carried {
  readonly kind: "personal";
  readonly user: string;
}

/** What has no position. */
export type FleetingEnvelope = SignalEnvelope | PresenceEnvelope | TypingEnvelope | PersonalEnvelope;

export type Envelope = SequencedEnvelope | CorrectionEnvelope | FleetingEnvelope;
