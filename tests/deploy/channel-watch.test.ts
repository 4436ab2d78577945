import { describe, expect, it } from "vitest";
import { watchChannel } from "../../loadtest/k6/members/channel-watch.ts";
import type { Sequenced } from "../../loadtest/k6/members/frame.ts";

// What the load scripts count as a fault, and what they must not: a false alarm would fail a run of a cluster that kept its word.

const LATER_MS = 10_000;

const frame = (seq: number, more: Partial<Sequenced> = {}): Sequenced => ({
  type: "message",
  id: `m${seq}`,
  channel: "lobby",
  epoch: 1,
  seq,
  user: "bob",
  clientId: `k${seq}`,
  ...more,
});

/** A member that joined at position 1-10. */
function joined() {
  const faults: Record<string, number> = {};
  const watch = watchChannel((fault, count) => (faults[fault] = (faults[fault] ?? 0) + count));
  watch.entered({ epoch: 1, seq: 10, recovered: false, messages: [] });
  const live = (...seqs: number[]): void => {
    for (const seq of seqs) watch.live(frame(seq), 0);
  };
  return { faults, watch, live };
}

describe("a member under load", () => {
  it("finds no fault where every position came once, in order", () => {
    const { faults, watch, live } = joined();
    live(11, 12, 13);
    watch.sweep(LATER_MS);
    expect([faults, watch.cursor()]).toEqual([{}, { epoch: 1, seq: 13 }]);
  });

  it("counts each frame that never came as lost, once it can no longer be late", () => {
    const { faults, watch, live } = joined();
    live(11, 14);
    watch.sweep(1);
    expect(faults).toEqual({});
    watch.sweep(LATER_MS);
    expect(faults).toEqual({ lost: 2 });
  });

  it("counts a frame behind a later one as disordered, and not as lost", () => {
    const { faults, watch, live } = joined();
    live(12, 11);
    watch.sweep(LATER_MS);
    expect(faults).toEqual({ disordered: 1 });
  });

  it("counts a frame that came twice, and a message that stands at two positions", () => {
    const { faults, watch, live } = joined();
    live(11, 11);
    watch.live(frame(12, { clientId: "k11" }), 0);
    expect(faults).toEqual({ repeated: 2 });
  });

  it("takes what a new epoch says it follows for no loss, and one that says nothing for one", () => {
    const { faults, watch, live } = joined();
    live(11);
    watch.live(frame(5, { epoch: 2, prev: { epoch: 1, seq: 11 } }), 0);
    watch.live(frame(6, { epoch: 2 }), 0);
    expect(faults).toEqual({});
    watch.live(frame(3, { epoch: 3 }), 0);
    expect(faults).toEqual({ lost: 1 });
  });

  it("merges what came ahead of the reply by position", () => {
    const { faults, watch, live } = joined();
    live(11);
    watch.hold();
    live(13, 14);
    expect(watch.entered({ recovered: true, messages: [frame(12), frame(13)], more: false })).toBeUndefined();
    live(15);
    watch.sweep(LATER_MS);
    expect([faults, watch.cursor()?.seq]).toEqual([{}, 15]);
  });

  it("reads on until no page is left, and finds what a page leaves out", () => {
    const { faults, watch } = joined();
    watch.hold();
    expect(watch.entered({ recovered: true, messages: [frame(11)], more: true })).toEqual({ epoch: 1, seq: 11 });
    expect(watch.isLive()).toBe(false);
    expect(watch.page({ messages: [frame(13)], more: false })).toBeUndefined();
    watch.sweep(LATER_MS);
    expect([faults, watch.isLive()]).toEqual([{ lost: 1 }, true]);
  });

  it("reads what a gap tells, and takes none of it for lost", () => {
    const { faults, watch, live } = joined();
    live(11);
    expect(watch.gap({ from: { epoch: 1, seq: 12 }, to: { epoch: 1, seq: 14 } })).toBe(true);
    live(15);
    watch.page({ messages: [12, 13, 14].map((seq) => frame(seq)), more: false });
    watch.sweep(LATER_MS);
    expect([faults, watch.cursor()?.seq]).toEqual([{}, 15]);
  });

  it("counts what a gap says is gone, once", () => {
    const { faults, watch, live } = joined();
    watch.gap({ from: { epoch: 1, seq: 11 }, to: { epoch: 1, seq: 12 }, lost: true });
    watch.page({ messages: [frame(13)], more: false });
    live(14);
    watch.sweep(LATER_MS);
    expect(faults).toEqual({ lost: 2 });
  });

  it("says when a resume recovered nothing", () => {
    const { faults, watch } = joined();
    watch.hold();
    watch.entered({ epoch: 1, seq: 20, recovered: false, messages: [] });
    expect([faults, watch.cursor()?.seq]).toEqual([{ unrecovered: 1 }, 20]);
  });

  it("holds its own sends to their order", () => {
    const { faults, watch } = joined();
    watch.answered(1, { epoch: 1, seq: 11 });
    watch.answered(3, { epoch: 1, seq: 13 });
    watch.answered(2, { epoch: 1, seq: 12 });
    expect(faults).toEqual({});
    watch.answered(4, { epoch: 1, seq: 9 });
    expect(faults).toEqual({ disordered: 1 });
  });

  it("does not leave before it was told what the server has, and counts what it never was", () => {
    const { faults, watch, live } = joined();
    expect(watch.isSettled()).toBe(false);
    watch.owe([frame(11), frame(12)]);
    live(11);
    expect(watch.isSettled()).toBe(false);
    watch.giveUp();
    expect(faults).toEqual({ lost: 1 });
  });
});
