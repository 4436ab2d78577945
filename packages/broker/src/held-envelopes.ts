// The envelopes of one channel that wait for a reading, sorted by position. Owned by its relay position.
// States: empty, holding. Beyond a limit it drops all it holds, since the stores have every one of them; whoever owns it
// must remember that positions were seen.
import { comparePositions } from "@rookery/protocol";
import type { SequencedEnvelope } from "./envelope.ts";

export interface HeldLimits {
  readonly heldEnvelopes: number;
  readonly heldBytes: number;
}

export interface HeldEnvelopes {
  readonly count: number;
  /** Frame bytes only. */
  readonly bytes: number;
  /** Keeps them in the order of their positions; one whose position is already held changes nothing. */
  add(envelope: SequencedEnvelope): void;
  first(): SequencedEnvelope | undefined;
  removeFirst(): void;
}

export function createHeldEnvelopes(limits: HeldLimits): HeldEnvelopes {
  let held: SequencedEnvelope[] = [];
  let bytes = 0;
  return {
    get count() {
      return held.length;
    },
    get bytes() {
      return bytes;
    },
    add(envelope) {
      const at = indexFor(envelope, held);
      if (at === undefined) return;
      if (held.length >= limits.heldEnvelopes || bytes + envelope.frame.length > limits.heldBytes) {
        held = [];
        bytes = 0;
        return;
      }
      // A frame is a view of a whole receive buffer, which must not be kept alive for as long as a store is away.
      held.splice(at, 0, { ...envelope, frame: new Uint8Array(envelope.frame) });
      bytes += envelope.frame.length;
    },
    first: () => held[0],
    removeFirst() {
      bytes -= held.shift()?.frame.length ?? 0;
    },
  };
}

/** Where it belongs, or undefined when its position is held already. Almost always the end, so it looks from there. */
function indexFor(envelope: SequencedEnvelope, held: readonly SequencedEnvelope[]): number | undefined {
  for (let at = held.length; at > 0; at -= 1) {
    const before = held[at - 1];
    const order = before === undefined ? 1 : comparePositions(envelope.position, before.position);
    if (order === 0) return undefined;
    if (order > 0) return at;
  }
  return 0;
}
