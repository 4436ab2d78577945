import { expect, it } from "vitest";
import { createChannelState, hold, release, take, takeNewest } from "./client-channel.ts";
import type { ChannelState } from "./client-channel.ts";
import type { Frame } from "./client-frame.ts";

const OLD = 1_000;
const NEW = 2_000;

const message = (epoch: number, seq: number, prev?: { epoch: number; seq: number }): Frame => ({
  ...{ type: "message", channel: "a", id: `${epoch}-${seq}`, epoch, seq },
  ...(prev === undefined ? {} : { prev }),
});
const lost = (from: number, to: number): Frame => ({
  ...{ type: "gap", channel: "a", lost: true },
  ...{ from: { epoch: OLD, seq: from }, to: { epoch: OLD, seq: to } },
});
const standingAt = (seq: number): ChannelState => {
  const state = createChannelState();
  takeNewest(state, [], { epoch: OLD, seq });
  return state;
};

it("what was lost beyond where a client stands may be followed by what follows the lost, and by what takes its positions", () => {
  for (const next of [message(NEW, 51, { epoch: OLD, seq: 50 }), message(OLD, 58)]) {
    const state = standingAt(50);
    hold(state);
    take(state, lost(51, 57));
    take(state, next);
    release(state);
    expect(state.problems).toEqual([]);
    expect(state.cursor).toEqual({ epoch: next.epoch, seq: next.seq });
  }
});

it("a loss explains no hole before it, and none behind what came after it", () => {
  const before = standingAt(40);
  take(before, lost(51, 57));
  take(before, message(NEW, 51, { epoch: OLD, seq: 50 }));
  expect(before.problems).toHaveLength(1);

  const behind = standingAt(50);
  take(behind, lost(51, 57));
  take(behind, message(OLD, 58));
  take(behind, message(NEW, 51, { epoch: OLD, seq: 50 }));
  expect(behind.problems).toHaveLength(1);
});

it("a client that stood among the lost goes on from before them alone", () => {
  const state = standingAt(55);
  take(state, lost(51, 57));
  expect(state.cursor).toEqual({ epoch: OLD, seq: 50 });
  take(state, message(NEW, 51, { epoch: OLD, seq: 50 }));
  expect(state.problems).toEqual([]);
});
