// What a socket and its lane know of each other. Types only: the wire asks its lane, where it has one, before it writes, subscribes
// or passes a signal on; lanes.ts gives and takes lanes.

/** What a slow socket does otherwise than one that keeps up. */
export interface SlowLane {
  readonly isHolding: boolean;
  /** Keeps a frame until the socket takes it. */
  hold(text: string): void;
  /** Whether the socket hears nothing of the topic for now; it hears it once it can. */
  keepsFrom(topic: string): boolean;
  /** Whether this signal is left out. */
  sheds(text: string): boolean;
  /** What is kept, for last words. */
  takeHeld(): string[];
}

/** The part of a socket that is about what it has not taken yet. */
export interface SlowWire {
  /** Undefined for one that keeps up. */
  lane: SlowLane | undefined;
  /** What the layer holds since the kernel would not take it. */
  bufferedBytes(): number;
  /** Whatever its lane says. */
  writeNow(text: string): void;
  /** What waits for the end of the turn goes now, or is kept by its lane. */
  write(): void;
}
