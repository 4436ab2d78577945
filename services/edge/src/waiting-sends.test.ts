import type { Watermark } from "@rookery/broker";
import { describe, expect, it } from "vitest";
import { createWaitingSends } from "./waiting-sends.ts";
import type { Waiting } from "./waiting-sends.ts";

const send = (session: string, channel: string, seq: number, number: number, epoch = 7): Waiting<string> => ({
  session,
  channel,
  position: { epoch, seq },
  id: `${channel}-${seq}`,
  entry: { epoch, number },
});
const upTo = (number: number, epoch = 7, unstored = 0): Watermark => ({ upTo: { epoch, number }, unstored });
const told = (reached: { told: readonly Waiting<string>[] }): string[] =>
  reached.told.map((each) => `${each.session}:${each.id}`);

describe("sends that wait for Postgres", () => {
  it("are told to each session once per channel, with its furthest position that is saved", () => {
    const sends = createWaitingSends<string>();
    sends.track(3, send("a", "lobby", 1, 10));
    sends.track(3, send("a", "lobby", 2, 11));
    sends.track(3, send("b", "lobby", 3, 12));
    sends.track(3, send("a", "lobby", 4, 13));
    expect(told(sends.reached(3, upTo(12)))).toEqual(["a:lobby-2", "b:lobby-3"]);
    expect(told(sends.reached(3, upTo(12)))).toEqual([]);
    expect(sends.size()).toBe(1);
  });

  it("are not told beyond the watermark, nor by another partition's", () => {
    const sends = createWaitingSends<string>();
    sends.track(3, send("a", "lobby", 1, 10));
    expect(told(sends.reached(3, upTo(9)))).toEqual([]);
    expect(told(sends.reached(4, upTo(99)))).toEqual([]);
  });

  it("are told at once when the watermark overtook the answer", () => {
    const sends = createWaitingSends<string>();
    sends.reached(3, upTo(20));
    expect(told(sends.track(3, send("a", "lobby", 1, 10)))).toEqual(["a:lobby-1"]);
    expect(sends.size()).toBe(0);
  });

  it("are doubtful under a later partition epoch, since their Redis may have lost them", () => {
    const sends = createWaitingSends<string>();
    sends.track(3, send("a", "lobby", 1, 10));
    const reached = sends.reached(3, upTo(1, 8));
    expect(reached.told).toEqual([]);
    expect(reached.doubtful.map((each) => each.id)).toEqual(["lobby-1"]);
  });

  it("are forgotten with their session", () => {
    const sends = createWaitingSends<string>();
    sends.track(3, send("a", "lobby", 1, 10));
    sends.track(3, send("b", "lobby", 2, 11));
    sends.forget("a");
    expect(told(sends.reached(3, upTo(11)))).toEqual(["b:lobby-2"]);
  });

  it("are doubtful up to the watermark that tells of entries which became no rows, and no further", () => {
    const sends = createWaitingSends<string>();
    sends.track(3, send("a", "lobby", 1, 10));
    sends.track(3, send("b", "lobby", 2, 11));
    sends.track(3, send("a", "lobby", 3, 12));
    const reached = sends.reached(3, upTo(11, 7, 1));
    expect([told(reached), reached.doubtful.map(({ id }) => id)]).toEqual([[], ["lobby-1", "lobby-2"]]);
    // Its answer came after the watermark that has doubts about it.
    expect(sends.track(3, send("b", "lobby", 2, 11)).doubtful.map(({ id }) => id)).toEqual(["lobby-2"]);
    expect(told(sends.reached(3, upTo(12, 7, 1)))).toEqual(["a:lobby-3"]);
  });
});
