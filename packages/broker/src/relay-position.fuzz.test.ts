// Random schedules against a simple model of one channel: a chain of frames over epochs, some of which step back, a wire
// that loses, repeats and reorders, readings that answer late, page by page, from stores that have lost some frames; and Postgres,
// which turns out to have some of what a failover took, so that the epoch after it follows those.
// What is asked after each step is asserted by Node: vitest's expect would take most of the time.
import { deepEqual, equal, ok } from "node:assert/strict";
import { comparePositions, formatPosition, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { array, assert, constant, constantFrom, nat, oneof, property, record } from "fast-check";
import type { Arbitrary } from "fast-check";
import { expect, inject, it } from "vitest";
import type { Correction } from "./envelope.ts";
import { createRelayPosition } from "./relay-position.ts";
import type { HealingRead, RelayAction, RelayPosition } from "./relay-position.ts";

interface ModelFrame {
  readonly position: Position;
  readonly prev: Position;
  readonly text: string;
}

/** What the stores give when continuity cannot be shown: what lies behind the hole, nothing, or the newest page. */
const MANNERS = ["what is behind", "nothing", "newest page"] as const;
type Manner = (typeof MANNERS)[number];

type Step =
  | {
      readonly step: "publish" | "failover" | "arrive" | "lose" | "repeat" | "vanish" | "correct" | "answer";
      readonly n: number;
    }
  | { readonly step: "snapshot" | "pulse" };

/** The channel as Redis and Postgres know it, and what is on its way to the edge. */
function createChannel() {
  /** One that was corrected stands here once more, with what it follows. */
  const issued: ModelFrame[] = [];
  const unreadable = new Set<string>();
  let chain: ModelFrame[] = [];
  let epoch = 1;
  const wire: (ModelFrame | Correction)[] = [];
  /** What the last failover took, and the first frame of the epoch after it, once there is one. */
  let taken: ModelFrame[] = [];
  let begun: ModelFrame | undefined;
  const restored = new Set<string>();
  let corrections: Correction[] = [];
  const head = (frames = chain): Position => frames.at(-1)?.position ?? ORIGIN;
  const isReadable = (frame: ModelFrame): boolean => !unreadable.has(frame.text);
  return {
    issued,
    wire,
    head,
    /** As the head tells them. */
    corrections: () => corrections,
    isRestored: ({ text }: ModelFrame) => restored.has(text),
    chain: () => chain,
    snapshot: () => [...chain],
    publish() {
      const prev = head();
      const position = { epoch, seq: prev.seq + 1 };
      const frame = { position, prev, text: formatPosition(position) };
      chain.push(frame);
      issued.push(frame);
      wire.push(frame);
      if (begun === undefined && taken.length > 0) begun = frame;
    },
    failover(count: number) {
      const end = Math.max(0, chain.length - count);
      taken = chain.slice(end);
      chain = chain.slice(0, end);
      begun = undefined;
      epoch += 1;
    },
    /** Postgres had some of what was taken: they stand in the chain again, and the epoch follows them. */
    correct(n: number) {
      const first = begun;
      if (first === undefined) return;
      const kept = taken.slice(0, 1 + (n % taken.length));
      const prev = kept.at(-1)?.position ?? ORIGIN;
      const at = chain.findIndex(({ text }) => text === first.text);
      const corrected = { ...first, prev };
      issued.push(corrected);
      chain = [...chain.slice(0, at), ...kept, corrected, ...chain.slice(at + 1)];
      for (const { text } of kept) restored.add(text);
      const correction = { first: first.position, former: first.prev, prev };
      corrections = [...corrections, correction].slice(-4);
      wire.push(correction);
      [taken, begun] = [[], undefined];
    },
    /** An epoch's first frame stays readable: without it nobody can know what was taken back. */
    vanish(n: number) {
      const frame = chain[n % Math.max(1, chain.length)];
      if (frame !== undefined && frame.prev.epoch === frame.position.epoch) unreadable.add(frame.text);
    },
    isGone: (frame: ModelFrame) => !isReadable(frame) || !chain.includes(frame),
    /** What both stores answer to a reading of `frames`. */
    read(frames: readonly ModelFrame[], after: Position, limit: number, manner: Manner): HealingRead {
      const rest = frames.filter((frame) => comparePositions(frame.position, after) > 0);
      const [first] = rest;
      const at = head([...frames]);
      const recovered =
        first === undefined ? samePosition(after, at) : samePosition(first.prev, after) && isReadable(first);
      const steps = first !== undefined && comparePositions(first.prev, after) < 0 ? { stepsBackTo: first.prev } : {};
      if (!recovered && manner === "newest page") {
        const readable = frames.filter(isReadable);
        const page = readable.slice(-limit);
        return { frames: page.map(asStored), more: page.length < readable.length, recovered, head: at, ...steps };
      }
      const behind = rest.slice(manner === "nothing" && first !== undefined && !isReadable(first) ? rest.length : 0);
      const start = Math.max(0, behind.findIndex(isReadable));
      const end = behind.findIndex((frame, index) => index > start && !isReadable(frame));
      const page = behind.slice(start, Math.min(start + limit, end < 0 ? behind.length : end)).filter(isReadable);
      return { frames: page.map(asStored), more: start + page.length < behind.length, recovered, head: at };
    },
  };
}

/** A stored frame says what it follows only where that is of another epoch. */
function asStored({ position, prev, text }: ModelFrame): StoredFrame {
  const isFirst = prev.epoch !== position.epoch && !samePosition(prev, ORIGIN);
  return isFirst ? { position, frame: text, prev } : { position, frame: text };
}

type Channel = ReturnType<typeof createChannel>;

/** Follows the actions as a client would and fails at the first that is not explained. */
function createClient(channel: Channel, manner: Manner) {
  const seen = new Set<string>();
  let view: Position[] = [];
  let gaps: { after: Position; to: Position }[] = [];
  let at: Position = ORIGIN;
  const deliver = (position: Position, text: string): void => {
    equal(text, formatPosition(position));
    ok(!seen.has(text), `${text} is delivered twice`);
    seen.add(text);
    const follows = channel.issued.some((one) => one.text === text && samePosition(one.prev, at));
    ok(follows, `${text} is delivered after ${formatPosition(at)}`);
    view.push(position);
    at = position;
  };
  const skip = (from: Position, to: Position): void => {
    // Below where the client stands: what it was not given, and can read.
    if (comparePositions(to, at) < 0) {
      const after = { epoch: from.epoch, seq: from.seq - 1 };
      const within = channel.issued.filter((one) => isWithin(one.position, after, to));
      ok(within.some(channel.isRestored), `nothing was put right up to ${formatPosition(to)}`);
      gaps.push({ after, to });
      return;
    }
    deepEqual(from, { epoch: at.epoch, seq: at.seq + 1 });
    ok(comparePositions(to, at) > 0);
    const within = channel.issued.filter((one) => isWithin(one.position, at, to));
    const isNeeded = manner === "newest page" || within.some((one) => channel.isGone(one) || channel.isRestored(one));
    ok(isNeeded, `nothing is missing up to ${formatPosition(to)}`);
    gaps.push({ after: at, to });
    at = to;
  };
  const takeBack = (from: Position, to: Position): void => {
    const back = { epoch: from.epoch, seq: from.seq - 1 };
    deepEqual(to, at);
    ok(comparePositions(back, at) < 0);
    for (const one of view) if (comparePositions(one, back) > 0) seen.delete(formatPosition(one));
    view = view.filter((one) => comparePositions(one, back) <= 0);
    gaps = gaps.filter((gap) => comparePositions(gap.after, back) < 0);
    at = back;
  };
  return {
    /** Whoever reads what a gap names finds by what the first frame of an epoch follows what was taken back before it. */
    view() {
      const read = channel.chain().filter(({ position }) => gaps.some((gap) => isWithin(position, gap.after, gap.to)));
      const isBack = (one: Position): boolean =>
        read.some(({ prev, position }) => isWithin(one, prev, position) && !samePosition(one, position));
      return view.filter((one) => !isBack(one));
    },
    explains: (position: Position) =>
      view.some((one) => samePosition(one, position)) || gaps.some((gap) => isWithin(position, gap.after, gap.to)),
    /** Returns what has to be read, if anything. */
    follow(actions: readonly RelayAction[]): Position | undefined {
      for (const [index, action] of actions.entries()) {
        if (action.kind === "deliver") deliver(action.position, Buffer.from(action.frame).toString());
        else if (action.kind === "gap") (action.lost ? takeBack : skip)(action.from, action.to);
        else {
          equal(index, actions.length - 1);
          return action.after;
        }
      }
      return undefined;
    },
  };
}

function isWithin(position: Position, after: Position, to: Position): boolean {
  return comparePositions(position, after) > 0 && comparePositions(position, to) <= 0;
}

function envelopeOf(frame: ModelFrame) {
  return { kind: "sequenced", exclude: "", ...frame, frame: Buffer.from(frame.text) } as const;
}

/** One edge that listens to the channel, with room for very few held envelopes. */
function createScene(manner: Manner) {
  const channel = createChannel();
  const client = createClient(channel, manner);
  const relay: RelayPosition = createRelayPosition(ORIGIN, { heldEnvelopes: 4, heldBytes: 14 });
  let shown: Position = ORIGIN;
  let reading: { after: Position; frames?: ModelFrame[] } | undefined;
  const follow = (actions: readonly RelayAction[]): void => {
    const after = client.follow(actions);
    ok(after === undefined || reading === undefined, "two readings at once");
    if (after !== undefined) reading = { after };
    equal(relay.state, reading === undefined ? "live" : "healing");
    ok(relay.heldCount <= 4);
    ok(relay.heldBytes <= 14);
  };
  /** With `headIsLate` the head is read some time after the frames, which may be told only of a reading without a hole. */
  const answer = (limit: number, headIsLate: boolean): void => {
    if (reading === undefined) return;
    const { after, frames = channel.snapshot() } = reading;
    reading = undefined;
    const read = channel.read(frames, after, limit, manner);
    follow(relay.healed(headIsLate && read.recovered ? { ...read, head: channel.head() } : read));
    const isBehind = comparePositions(relay.position, shown) < 0;
    const isShownStill = channel.chain().some(isShown);
    ok(!(relay.state === "live" && isBehind && isShownStill), "it forgets what it was shown");
  };
  /** What was taken and put back may have been forgotten while it was gone. */
  const isShown = (frame: ModelFrame): boolean => samePosition(frame.position, shown) && !channel.isRestored(frame);
  const show = (position: Position): void => {
    if (comparePositions(position, shown) > 0) shown = position;
  };
  const take = (n: number, keep: boolean): ModelFrame | Correction | undefined => {
    const index = n % Math.max(1, channel.wire.length);
    return keep ? channel.wire[index] : channel.wire.splice(index, 1)[0];
  };
  const feed = (frame: ModelFrame | Correction | undefined): void => {
    if (frame === undefined) return;
    if ("first" in frame) {
      follow(relay.corrected(frame));
      return;
    }
    show(frame.position);
    follow(relay.feed(envelopeOf(frame)));
  };
  const steps = {
    publish: (n: number) => Array.from({ length: 1 + (n % 4) }, () => channel.publish()),
    failover: (n: number) => channel.failover(n % 5),
    arrive: (n: number) => feed(take(n % 3, false)),
    lose: (n: number) => take(n, false),
    repeat: (n: number) => feed(take(n, true)),
    vanish: (n: number) => channel.vanish(n),
    correct: (n: number) => channel.correct(n),
    answer: (n: number) => answer(1 + (n % 5), n > 20),
    snapshot: () => {
      if (reading !== undefined) reading.frames ??= channel.snapshot();
    },
    pulse() {
      show(channel.head());
      for (const correction of channel.corrections()) follow(relay.corrected(correction));
      follow(relay.head(channel.head()));
    },
  };
  const untilLive = (): void => {
    for (let round = 0; relay.state === "healing"; round += 1) {
      ok(round < 400, "the healing does not end");
      answer(3, false);
    }
  };
  return { channel, client, relay, steps, untilLive };
}

const nth = nat({ max: 40 });
const anyStep: Arbitrary<Step> = oneof(
  { weight: 5, arbitrary: record({ step: constant("publish" as const), n: nth }) },
  { weight: 7, arbitrary: record({ step: constant("arrive" as const), n: nth }) },
  { weight: 3, arbitrary: record({ step: constantFrom("lose" as const, "repeat" as const), n: nth }) },
  { weight: 4, arbitrary: record({ step: constant("answer" as const), n: nth }) },
  { weight: 2, arbitrary: record({ step: constantFrom("failover" as const, "vanish" as const), n: nth }) },
  { weight: 2, arbitrary: record({ step: constant("correct" as const), n: nth }) },
  { weight: 6, arbitrary: record({ step: constantFrom("snapshot" as const, "pulse" as const) }) },
);

it("every schedule delivers or explains each frame of the channel once, in order, and catches up", () => {
  assert(
    property(array(anyStep, { maxLength: 80, size: "max" }), constantFrom(...MANNERS), (schedule, manner) => {
      const { channel, client, relay, steps, untilLive } = createScene(manner);
      for (const one of schedule) steps[one.step]("n" in one ? one.n : 0);
      // The last word of a failover is the first frame after it; its own envelope is lost like all that is still under way.
      channel.publish();
      channel.wire.length = 0;
      untilLive();
      steps.pulse();
      untilLive();
      expect(relay.position).toEqual(channel.head());
      expect(relay.heldCount).toBe(0);
      expect(channel.chain().filter((frame) => !client.explains(frame.position))).toEqual([]);
      const truth = new Set(channel.chain().map((frame) => frame.text));
      expect(client.view().filter((position) => !truth.has(formatPosition(position)))).toEqual([]);
    }),
    { numRuns: 500 * inject("fuzzTimes") },
  );
});
