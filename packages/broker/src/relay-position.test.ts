import { ORIGIN } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import type { SequencedEnvelope } from "./envelope.ts";
import { createRelayPosition } from "./relay-position.ts";

const at = (epoch: number, seq: number): Position => ({ epoch, seq });
const envelope = (position: Position, prev: Position = at(position.epoch, position.seq - 1)): SequencedEnvelope => ({
  kind: "sequenced",
  position,
  prev,
  exclude: "",
  frame: Buffer.from(`frame ${position.epoch}-${position.seq}`),
});
const stored = (position: Position, prev?: Position): StoredFrame => ({
  position,
  frame: `frame ${position.epoch}-${position.seq}`,
  ...(prev === undefined ? {} : { prev }),
});
const delivered = (epoch: number, seq: number) =>
  expect.objectContaining({ kind: "deliver", position: at(epoch, seq) });
const roomy = { heldEnvelopes: 100, heldBytes: 100_000 };
const none = { frames: [], more: false, recovered: true } as const;

describe("a relay position that is live", () => {
  it("delivers what follows and drops what is behind", () => {
    const relay = createRelayPosition(at(1, 4), roomy);
    expect(relay.feed(envelope(at(1, 5)))).toEqual([delivered(1, 5)]);
    expect(relay.feed(envelope(at(1, 5)))).toEqual([]);
    expect(relay.feed(envelope(at(1, 2)))).toEqual([]);
    expect(relay.position).toEqual(at(1, 5));
  });

  it("starts an empty channel at its first message", () => {
    expect(createRelayPosition(ORIGIN, roomy).feed(envelope(at(7, 1), ORIGIN))).toEqual([delivered(7, 1)]);
  });

  it("goes on into an epoch that follows its position, without a word", () => {
    const relay = createRelayPosition(at(1, 5), roomy);
    expect(relay.feed(envelope(at(2, 6), at(1, 5)))).toEqual([delivered(2, 6)]);
  });

  it("tells what a failover took back before it goes on from there", () => {
    const relay = createRelayPosition(at(1, 10), roomy);
    expect(relay.feed(envelope(at(2, 8), at(1, 7)))).toEqual([
      { kind: "gap", from: at(1, 8), to: at(1, 10), lost: true },
      delivered(2, 8),
    ]);
  });

  it("ignores a head it has reached and heals towards one it has not", () => {
    const relay = createRelayPosition(at(1, 5), roomy);
    expect(relay.head(at(1, 5))).toEqual([]);
    expect(relay.head(at(1, 6))).toEqual([{ kind: "heal", after: at(1, 5) }]);
    expect(relay.head(at(1, 7))).toEqual([]);
  });
});

describe("a relay position that is healing", () => {
  it("holds what is beyond a hole, and delivers it behind the frames that were read", () => {
    const relay = createRelayPosition(at(1, 1), roomy);
    expect(relay.feed(envelope(at(1, 4)))).toEqual([{ kind: "heal", after: at(1, 1) }]);
    expect(relay.feed(envelope(at(1, 5)))).toEqual([]);
    expect(relay.feed(envelope(at(1, 5)))).toEqual([]);
    expect([relay.state, relay.heldCount, relay.heldBytes]).toEqual(["healing", 2, 18]);
    const read = { ...none, frames: [stored(at(1, 2)), stored(at(1, 3))], head: at(1, 4) };
    expect(relay.healed(read)).toEqual([delivered(1, 2), delivered(1, 3), delivered(1, 4), delivered(1, 5)]);
    expect([relay.state, relay.heldCount, relay.heldBytes]).toEqual(["live", 0, 0]);
  });

  it("keeps no receive buffer alive", () => {
    const relay = createRelayPosition(at(1, 1), roomy);
    const whole = Buffer.from("0123456789");
    relay.feed({ ...envelope(at(1, 3)), frame: whole.subarray(2, 4) });
    whole.fill("x");
    expect(relay.healed({ ...none, frames: [stored(at(1, 2))], head: at(1, 3) })[1]).toEqual({
      kind: "deliver",
      position: at(1, 3),
      frame: new Uint8Array(Buffer.from("23")),
    });
  });

  it("asks for the next page from where the last one ended", () => {
    const relay = createRelayPosition(at(1, 1), roomy);
    relay.head(at(1, 3));
    const page = { frames: [stored(at(1, 2))], more: true, recovered: true, head: at(1, 3) };
    expect(relay.healed(page)).toEqual([delivered(1, 2), { kind: "heal", after: at(1, 2) }]);
  });

  it("reads again when a hole opened after the reading had begun", () => {
    const relay = createRelayPosition(at(1, 1), roomy);
    relay.feed(envelope(at(1, 3)));
    relay.feed(envelope(at(1, 6)));
    expect(relay.healed({ ...none, frames: [stored(at(1, 2)), stored(at(1, 3))], head: at(1, 3) })).toEqual([
      delivered(1, 2),
      delivered(1, 3),
      { kind: "heal", after: at(1, 3) },
    ]);
  });

  it("passes with a gap over what neither store has, and goes on at what it holds", () => {
    const relay = createRelayPosition(at(1, 1), roomy);
    relay.feed(envelope(at(1, 4)));
    expect(relay.healed({ ...none, recovered: false, head: at(1, 4) })).toEqual([
      { kind: "gap", from: at(1, 2), to: at(1, 3), lost: false },
      delivered(1, 4),
    ]);
  });

  it("passes with a gap to the head when continuity cannot be shown", () => {
    const relay = createRelayPosition(at(1, 1), roomy);
    relay.head(at(3, 9));
    expect(relay.healed({ ...none, recovered: false, head: at(3, 9) })).toEqual([
      { kind: "gap", from: at(1, 2), to: at(3, 9), lost: false },
    ]);
    expect([relay.position, relay.state]).toEqual([at(3, 9), "live"]);
  });

  it("does not ask for ever for a head that the stores name but do not have", () => {
    const relay = createRelayPosition(at(1, 1), roomy);
    relay.head(at(1, 2));
    expect(relay.healed({ ...none, head: at(1, 5) })).toEqual([{ kind: "heal", after: at(1, 1) }]);
    expect(relay.healed({ ...none, head: at(1, 5) })).toEqual([
      { kind: "gap", from: at(1, 2), to: at(1, 5), lost: false },
    ]);
    expect(relay.state).toBe("live");
  });

  it("tells what was taken back when the reading shows the step of a new epoch", () => {
    const relay = createRelayPosition(at(1, 10), roomy);
    relay.head(at(2, 8));
    const read = { frames: [stored(at(2, 8), at(1, 7))], more: false, recovered: false, head: at(2, 8) };
    expect(relay.healed(read)).toEqual([{ kind: "gap", from: at(1, 8), to: at(1, 10), lost: true }, delivered(2, 8)]);
  });

  it("tells what was taken back also when only the newest page could be read", () => {
    const relay = createRelayPosition(at(1, 10), roomy);
    relay.head(at(2, 90));
    const newest = { frames: [stored(at(2, 89)), stored(at(2, 90))], more: true, recovered: false, head: at(2, 90) };
    expect(relay.healed({ ...newest, stepsBackTo: at(1, 7) })).toEqual([
      { kind: "gap", from: at(1, 8), to: at(1, 10), lost: true },
      { kind: "gap", from: at(1, 8), to: at(2, 88), lost: false },
      delivered(2, 89),
      delivered(2, 90),
      { kind: "heal", after: at(2, 90) },
    ]);
  });

  it.each([
    ["too many", { heldEnvelopes: 2, heldBytes: 100_000 }],
    ["too large", { heldEnvelopes: 100, heldBytes: 20 }],
  ])("drops all it holds when it becomes %s, and reads that too", (_, limits) => {
    const relay = createRelayPosition(at(1, 1), limits);
    for (const seq of [3, 4, 5]) relay.feed(envelope(at(1, seq)));
    expect([relay.heldCount, relay.heldBytes]).toEqual([0, 0]);
    const early = { ...none, frames: [stored(at(1, 2)), stored(at(1, 3))], head: at(1, 3) };
    expect(relay.healed(early).at(-1)).toEqual({ kind: "heal", after: at(1, 3) });
    const late = { ...none, frames: [stored(at(1, 4)), stored(at(1, 5))], head: at(1, 5) };
    expect(relay.healed(late)).toEqual([delivered(1, 4), delivered(1, 5)]);
    expect(relay.state).toBe("live");
  });

  it("forgets an announced head that a failover took back", () => {
    const relay = createRelayPosition(at(1, 5), roomy);
    relay.head(at(1, 9));
    expect(relay.healed({ ...none, frames: [stored(at(1, 6))], head: at(1, 6) })).toEqual([delivered(1, 6)]);
    expect(relay.state).toBe("live");
    expect(relay.feed(envelope(at(2, 7), at(1, 6)))).toEqual([delivered(2, 7)]);
  });
});

it("an answer nobody asked for changes nothing", () => {
  const relay = createRelayPosition(at(1, 5), roomy);
  expect(relay.healed({ ...none, recovered: false, head: at(1, 9) })).toEqual([]);
  expect(relay.position).toEqual(at(1, 5));
});

describe("an epoch of which Postgres knows better what it follows", () => {
  const correction = { first: at(2, 8), former: at(1, 7), prev: at(1, 10) };
  const gap = { kind: "gap", from: at(1, 8), to: at(1, 10), lost: false };

  it("is told as a gap below to whoever is past its first frame, once, and changes nothing else", () => {
    const relay = createRelayPosition(at(1, 7), roomy);
    relay.feed(envelope(at(2, 8), at(1, 7)));
    relay.feed(envelope(at(2, 9)));
    expect(relay.corrected(correction)).toEqual([gap]);
    expect(relay.corrected(correction)).toEqual([]);
    expect(relay.feed(envelope(at(2, 10)))).toEqual([delivered(2, 10)]);
  });

  it("is told again, where more of it turns up", () => {
    const relay = createRelayPosition(at(2, 9), roomy);
    expect(relay.corrected(correction)).toEqual([gap]);
    const more = { first: at(2, 8), former: at(1, 7), prev: at(1, 12) };
    expect(relay.corrected(more)).toEqual([{ ...gap, to: at(1, 12) }]);
    expect(relay.corrected(correction)).toEqual([]);
  });

  it("is no news to whoever read its first frame where it stands now, or began to follow after it", () => {
    const relay = createRelayPosition(at(1, 9), roomy);
    relay.head(at(2, 8));
    expect(relay.healed({ ...none, frames: [stored(at(1, 10)), stored(at(2, 8), at(1, 10))], head: at(2, 8) })).toEqual(
      [delivered(1, 10), delivered(2, 8)],
    );
    expect(relay.corrected(correction)).toEqual([]);
    expect(createRelayPosition(at(2, 8), roomy, [correction]).corrected(correction)).toEqual([]);
  });

  it("is followed by whoever comes to its first frame later, whatever that says", () => {
    const relay = createRelayPosition(at(1, 7), roomy);
    expect(relay.corrected(correction)).toEqual([]);
    expect(relay.feed(envelope(at(2, 8), at(1, 7)))).toEqual([{ kind: "heal", after: at(1, 7) }]);
    const frames = [at(1, 8), at(1, 9), at(1, 10)].map((each) => stored(each));
    expect(relay.healed({ ...none, frames: [...frames, stored(at(2, 8), at(1, 10))], head: at(2, 8) })).toEqual([
      ...[delivered(1, 8), delivered(1, 9), delivered(1, 10)],
      delivered(2, 8),
    ]);
    const there = createRelayPosition(at(1, 10), roomy);
    there.corrected(correction);
    expect(there.feed(envelope(at(2, 8), at(1, 7)))).toEqual([delivered(2, 8)]);
  });
});
