// Where one channel stands on one edge, and what to do with each envelope that arrives. Called by the edge's relay only.
// Pure: knows no clock, socket or Redis; reading a hole is asked for by an action and answered through healed().
// States: live (every envelope is judged at once) and healing (a reading is under way, every envelope is held).
// Must never deliver a position twice, go back within an epoch, or pass over a frame without a gap.
import { comparePositions, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { FrameBytes, SequencedEnvelope } from "./envelope.ts";
import { createHeldEnvelopes } from "./held-envelopes.ts";
import type { HeldEnvelopes, HeldLimits } from "./held-envelopes.ts";

/**
 * What the caller has to do, in the given order. `heal` is always the last of its answer. `gap` names both ends
 * inclusive; `lost` says that what was delivered there has been taken back by a failover.
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
  /** Answers the last `heal`. Without one it is ignored. */
  healed(read: HealingRead): readonly RelayAction[];
}

const NOTHING: readonly RelayAction[] = [];

/** Starts live at `start`, which is the head read after the subscription was acknowledged. */
export function createRelayPosition(start: Position, limits: HeldLimits): RelayPosition {
  return new ChannelPosition(start, limits);
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

  constructor(start: Position, limits: HeldLimits) {
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
    if (this.#state === "live" && comparePositions(envelope.prev, this.#position) <= 0) {
      const actions: RelayAction[] = [];
      this.#goOn(envelope.position, envelope.prev, envelope.frame, actions);
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
      if (comparePositions(next.prev, this.#position) > 0 && !this.#isAnswered(next.prev, end, read)) return false;
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
    if (comparePositions(prev, this.#position) > 0) this.#skip(prev, actions);
    else this.#takeBack(prev, actions);
    this.#position = position;
    actions.push({ kind: "deliver", position, frame });
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
