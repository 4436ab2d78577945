// Where one channel stands on one edge, and what to do with each envelope that arrives. Called by the edge's relay only.
// Pure: knows no clock, socket or Redis; reading a hole is asked for by an action and answered through healed().
// States: live (every envelope is judged at once) and healing (a reading is under way, every envelope is held).
// Must never deliver a position twice, go back within an epoch, or pass over a frame without a gap.
import { comparePositions, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { sameCorrection } from "./correction.ts";
import type { Correction, FrameBytes, SequencedEnvelope } from "./envelope.ts";
import { createHeldEnvelopes } from "./held-envelopes.ts";
import type { HeldEnvelopes, HeldLimits } from "./held-envelopes.ts";

/**
 * What the caller has to do, in the given order. `heal` is always the last of its answer. `gap` names both ends
 * inclusive; `lost` says that what was delivered there has been taken back by a failover. One that is not lost may lie below the
 * position, where Postgres turned out to have more than was delivered.
 */
export type RelayAction =
  | { readonly kind: "deliver"; readonly position: Position; readonly frame: FrameBytes }
  | { readonly kind: "heal"; readonly after: Position }
  | { readonly kind: "gap"; readonly from: Position; readonly to: Position; readonly lost: boolean };

/**
 * The answer of both stores to one `heal`, as history's forward() gives it: frames after the position, ascending, and the
 * head they were read under. When continuity could not be shown (not `recovered`), `frames` may as well be the newest
 * page: each frame is judged by what it follows, and whatever lies before it is told as a gap.
 */
export interface HealingRead {
  readonly frames: readonly StoredFrame[];
  readonly more: boolean;
  readonly recovered: boolean;
  readonly head: Position;
  /** What the first frame beyond the position follows, if that lies before the position: the rest was taken back. */
  readonly stepsBackTo?: Position;
}

/**
 * Where one channel stands. At most one reading may be under way: it begins after its `heal` was returned, is repeated by the
 * caller while a store is away, and is answered once.
 */
export interface RelayPosition {
  /** The last position delivered or explained by a gap. */
  readonly position: Position;
  readonly state: "live" | "healing";
  readonly heldCount: number;
  readonly heldBytes: number;
  feed(envelope: SequencedEnvelope): readonly RelayAction[];
  /** A pulse or a renewed subscription saw this head. At or below the position it means nothing. */
  head(seen: Position): readonly RelayAction[];
  /**
   * Postgres has more before an epoch than its first frame said. Whoever is past that frame without it is told a gap, below the
   * position; to whoever is not, the frame will follow what it really follows. A repeat means nothing.
   */
  corrected(correction: Correction): readonly RelayAction[];
  /** Answers the last `heal`. Without one it is ignored. */
  healed(read: HealingRead): readonly RelayAction[];
}

const NOTHING: readonly RelayAction[] = [];
/** As correct.lua keeps them. */
const MOST_CORRECTIONS = 4;

/**
 * Starts live at `start`, which is the head read after the subscription was acknowledged; `known` are the corrections that this
 * head told: whoever reads from here on reads by them.
 */
export function createRelayPosition(
  start: Position,
  limits: HeldLimits,
  known: readonly Correction[] = [],
): RelayPosition {
  return new ChannelPosition(start, limits, known);
}

/** A class, because an edge holds one for every subscribed channel. */
class ChannelPosition implements RelayPosition {
  #position: Position;
  #state: "live" | "healing" = "live";
  readonly #limits: HeldLimits;
  /** Made by the first envelope that has to wait. */
  #held: HeldEnvelopes | undefined;
  /** The highest position anybody has shown. Above `#asked` after a reading means that another one is needed. */
  #known: Position;
  /** What was known when the reading under way was asked for: a hole up to here that it does not fill is out of reach. */
  #asked: Position;
  /** The newest corrections that are known, as many as a head tells. */
  #corrections: readonly Correction[];
  /** The last epoch that was entered here, and what its first frame was said to follow. */
  #entered: { readonly first: Position; readonly prev: Position } | undefined;

  constructor(start: Position, limits: HeldLimits, known: readonly Correction[]) {
    this.#corrections = known;
    this.#position = start;
    this.#known = start;
    this.#asked = start;
    this.#limits = limits;
  }

  get position(): Position {
    return this.#position;
  }

  get state(): "live" | "healing" {
    return this.#state;
  }

  get heldCount(): number {
    return this.#held?.count ?? 0;
  }

  get heldBytes(): number {
    return this.#held?.bytes ?? 0;
  }

  feed(envelope: SequencedEnvelope): readonly RelayAction[] {
    if (comparePositions(envelope.position, this.#position) <= 0) return NOTHING;
    const prev = this.#truePrev(envelope.position, envelope.prev);
    if (this.#state === "live" && comparePositions(prev, this.#position) <= 0) {
      const actions: RelayAction[] = [];
      this.#goOn(envelope.position, prev, envelope.frame, actions);
      return actions;
    }
    this.#held ??= createHeldEnvelopes(this.#limits);
    this.#held.add(envelope);
    this.#learn(envelope.position);
    return this.#state === "live" ? [this.#ask()] : NOTHING;
  }

  head(seen: Position): readonly RelayAction[] {
    if (comparePositions(seen, this.#position) <= 0) return NOTHING;
    this.#learn(seen);
    return this.#state === "live" ? [this.#ask()] : NOTHING;
  }

  corrected(correction: Correction): readonly RelayAction[] {
    if (this.#corrections.some((known) => sameCorrection(known, correction))) return NOTHING;
    this.#corrections = [...this.#corrections, correction].slice(-MOST_CORRECTIONS);
    const { first, former, prev } = correction;
    if (comparePositions(this.#position, first) < 0) return NOTHING;
    const entered = this.#entered;
    // It was read back, from where it was put right already.
    if (entered !== undefined && samePosition(entered.first, first) && comparePositions(entered.prev, prev) >= 0)
      return NOTHING;
    return [{ kind: "gap", from: successor(former), to: prev, lost: false }];
  }

  healed(read: HealingRead): readonly RelayAction[] {
    if (this.#state === "live") return NOTHING;
    const actions: RelayAction[] = [];
    const before = this.#position;
    if (read.stepsBackTo !== undefined) this.#takeBack(read.stepsBackTo, actions);
    for (const frame of read.frames) this.#goOn(frame.position, followed(frame), frame.frame, actions);
    this.#learn(read.head);
    const advanced = comparePositions(this.#position, before) > 0;
    // A page that promises more and brings nothing would be asked for again without end.
    const isPage = read.more && advanced;
    if (!isPage && this.#deliverHeld(read, actions) && !this.#sawMore()) this.#goLive();
    else actions.push(this.#ask());
    return actions;
  }

  /**
   * Gives out what is held and follows. The hole at the end of the reading is passed over with a gap when the stores have
   * answered for it; returns false at any other, of which the reading says nothing.
   */
  #deliverHeld(read: HealingRead, actions: RelayAction[]): boolean {
    const end = this.#position;
    for (let next = this.#held?.first(); next !== undefined; next = this.#held?.first()) {
      const prev = this.#truePrev(next.position, next.prev);
      if (comparePositions(prev, this.#position) > 0 && !this.#isAnswered(prev, end, read)) return false;
      this.#held?.removeFirst();
      this.#goOn(next.position, next.prev, next.frame, actions);
    }
    if (comparePositions(read.head, this.#position) <= 0) return true;
    if (!this.#isAnswered(read.head, end, read)) return false;
    this.#skip(read.head, actions);
    return true;
  }

  /** Whether something beyond the position was shown while the reading was under way, and is held no more. */
  #sawMore(): boolean {
    return comparePositions(this.#known, this.#asked) > 0 && comparePositions(this.#known, this.#position) > 0;
  }

  /** Whether a reading that ended at `end` proves that nobody has what lies from there to `upTo`. */
  #isAnswered(upTo: Position, end: Position, read: HealingRead): boolean {
    if (!samePosition(end, this.#position)) return false;
    return comparePositions(upTo, this.#asked) <= 0 || (!read.recovered && comparePositions(upTo, read.head) <= 0);
  }

  /** Judges one frame by the position it follows and delivers it, unless it is already behind. */
  #goOn(position: Position, prev: Position, frame: FrameBytes, actions: RelayAction[]): void {
    if (comparePositions(position, this.#position) <= 0) return;
    const follows = this.#truePrev(position, prev);
    if (comparePositions(follows, this.#position) > 0) this.#skip(follows, actions);
    else this.#takeBack(follows, actions);
    if (follows.epoch !== position.epoch) this.#entered = { first: position, prev: follows };
    this.#position = position;
    actions.push({ kind: "deliver", position, frame });
  }

  /** What a frame follows, by all that is known. */
  #truePrev(position: Position, prev: Position): Position {
    let follows = prev;
    for (const { first, prev: corrected } of this.#corrections) {
      if (samePosition(first, position) && comparePositions(corrected, follows) > 0) follows = corrected;
    }
    return follows;
  }

  /** A new epoch goes on from before our position: its master never had what we delivered beyond `prev`. */
  #takeBack(prev: Position, actions: RelayAction[]): void {
    if (comparePositions(prev, this.#position) >= 0) return;
    actions.push({ kind: "gap", from: successor(prev), to: this.#position, lost: true });
    this.#position = prev;
  }

  #skip(to: Position, actions: RelayAction[]): void {
    actions.push({ kind: "gap", from: successor(this.#position), to, lost: false });
    this.#position = to;
  }

  #learn(seen: Position): void {
    if (comparePositions(seen, this.#known) > 0) this.#known = seen;
  }

  #ask(): RelayAction {
    this.#state = "healing";
    this.#asked = this.#known;
    return { kind: "heal", after: this.#position };
  }

  #goLive(): void {
    this.#state = "live";
    // What was announced beyond the head that the stores now show has been taken back: it is known no more.
    this.#known = this.#position;
    this.#asked = this.#position;
    this.#held = undefined;
  }
}

function successor(position: Position): Position {
  return { epoch: position.epoch, seq: position.seq + 1 };
}

/** What a stored frame follows: only the first of an epoch says so, every other one follows its neighbour. */
function followed(frame: StoredFrame): Position {
  if (frame.prev !== undefined) return frame.prev;
  return frame.position.seq === 1 ? ORIGIN : { epoch: frame.position.epoch, seq: frame.position.seq - 1 };
}
