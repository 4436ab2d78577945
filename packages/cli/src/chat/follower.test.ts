import type { MessageFrame, ServerFrame } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createFollower } from "./follower.ts";
import type { Follower } from "./follower.ts";

const message = (seq: number, epoch = 1, channel = "lobby"): MessageFrame => ({
  type: "message",
  channel,
  epoch,
  seq,
  at: 0,
  id: `m${epoch}-${seq}`,
  clientId: `c${seq}`,
  user: "u",
  name: "u",
  body: `text ${seq}`,
});

const joined = (seq: number, more: boolean, messages: readonly MessageFrame[], recovered = true): ServerFrame => {
  const frame = { type: "ok", ref: "join", channel: "lobby", epoch: 1, seq, recovered, messages, more } as const;
  return frame;
};
const page = (more: boolean, ...messages: readonly MessageFrame[]): ServerFrame => {
  const frame = { type: "ok", ref: "history", channel: "lobby", messages, more } as const;
  return frame;
};
const gap = (from: number, to: number): ServerFrame =>
  ({ type: "gap", channel: "lobby", from: { epoch: 1, seq: from }, to: { epoch: 1, seq: to } }) as const;

/** What is shown by position, what is asked for by its `after`, everything else by its name. */
const feed = (follower: Follower, ...frames: readonly ServerFrame[]): (number | string)[] =>
  frames.flatMap((frame) =>
    follower.feed(frame).map((step) => {
      if (step.kind === "show") return step.frame.seq;
      if (step.kind !== "ask" || step.frame.type !== "history") return step.kind;
      return `after ${step.frame.after?.seq}`;
    }),
  );

describe("following a channel", () => {
  it("shows live messages only, unless older ones are wanted", () => {
    const old = [message(1), message(2), message(3)];
    expect(feed(createFollower("lobby", 0), joined(3, true, old), message(4))).toEqual([4]);
    expect(feed(createFollower("lobby", 2), joined(3, true, old), message(4))).toEqual([2, 3, 4]);
  });

  it("holds what comes before the reply and shows each position once", () => {
    const follower = createFollower("lobby", 0);
    follower.open();
    expect(feed(follower, message(3), message(4), message(4), joined(3, false, []), message(5))).toEqual([4, 5]);
  });

  it("resumes after its last position, page by page, with live messages held meanwhile", () => {
    const follower = createFollower("lobby", 0);
    feed(follower, joined(3, false, []), message(4));
    expect(follower.open()).toMatchObject({ type: "join", after: { epoch: 1, seq: 4 } });
    const steps = feed(
      follower,
      message(9),
      joined(8, true, [message(5), message(6)]),
      page(false, message(7), message(8)),
    );
    expect(steps).toEqual([5, 6, "after 6", 7, 8, 9]);
  });

  it("fetches what a gap skipped, from its own last position", () => {
    const follower = createFollower("lobby", 0);
    feed(follower, joined(3, false, []));
    const steps = feed(follower, gap(4, 6), message(7), page(false, message(4), message(5), message(6)), message(8));
    expect(steps).toEqual(["after 3", 4, 5, 6, 7, 8]);
  });

  it("asks again when a gap is told while a page is on its way", () => {
    const follower = createFollower("lobby", 0);
    feed(follower, joined(3, false, []));
    const steps = feed(
      follower,
      gap(4, 4),
      gap(6, 6),
      message(7),
      page(false, message(4), message(5)),
      page(false, message(6)),
    );
    expect(steps).toEqual(["after 3", 4, 5, "after 5", 6, 7]);
  });

  it("says so when continuity cannot be shown, and goes on from the head", () => {
    const follower = createFollower("lobby", 0);
    feed(follower, joined(3, false, []));
    follower.open();
    expect(feed(follower, joined(900, true, [message(899), message(900)], false), message(901))).toEqual([
      "say",
      899,
      900,
      901,
    ]);
  });

  it("leaves other channels alone", () => {
    const follower = createFollower("lobby", 0);
    expect(feed(follower, joined(0, false, []), message(1, 1, "other"))).toEqual([]);
  });

  it("ends on a refusal for good and on removal, waits on one that passes", () => {
    const refused = { type: "error", ref: "join", code: "banned", message: "banned", retry: "never" } as const;
    const later = { type: "error", ref: "join", code: "unavailable", message: "away", retry: "later" } as const;
    const removed = { type: "removed", channel: "lobby", code: "kicked" } as const;
    expect(feed(createFollower("lobby", 0), refused)).toEqual(["end"]);
    expect(feed(createFollower("lobby", 0), removed)).toEqual(["end"]);
    expect(feed(createFollower("lobby", 0), later)).toEqual(["wait"]);
  });
});
