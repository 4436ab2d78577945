import { describe, expect, it } from "vitest";
import { createWatermark } from "./watermark.ts";
import type { Waiting } from "./watermark.ts";

const send = (session: string, channel: string, seq: number, number: number, epoch = 7): Waiting<string> => ({
  session,
  channel,
  position: { epoch, seq },
  id: `${channel}-${seq}`,
  entry: { epoch, number },
});
const told = (reached: { told: readonly Waiting<string>[] }): string[] =>
  reached.told.map((each) => `${each.session}:${each.id}`);

describe("the watermark", () => {
  it("tells each session once per channel, with its furthest position that is committed", () => {
    const watermark = createWatermark<string>();
    watermark.track(3, send("a", "lobby", 1, 10));
    watermark.track(3, send("a", "lobby", 2, 11));
    watermark.track(3, send("b", "lobby", 3, 12));
    watermark.track(3, send("a", "lobby", 4, 13));
    expect(told(watermark.reached(3, { epoch: 7, number: 12 }))).toEqual(["a:lobby-2", "b:lobby-3"]);
    expect(told(watermark.reached(3, { epoch: 7, number: 12 }))).toEqual([]);
    expect(watermark.size()).toBe(1);
  });

  it("never speaks of an entry beyond it, nor of another partition's", () => {
    const watermark = createWatermark<string>();
    watermark.track(3, send("a", "lobby", 1, 10));
    expect(told(watermark.reached(3, { epoch: 7, number: 9 }))).toEqual([]);
    expect(told(watermark.reached(4, { epoch: 7, number: 99 }))).toEqual([]);
  });

  it("settles a send whose watermark overtook its answer", () => {
    const watermark = createWatermark<string>();
    watermark.reached(3, { epoch: 7, number: 20 });
    expect(told(watermark.track(3, send("a", "lobby", 1, 10)))).toEqual(["a:lobby-1"]);
    expect(watermark.size()).toBe(0);
  });

  it("does not vouch for an entry of an earlier partition epoch, which may have been lost with its Redis", () => {
    const watermark = createWatermark<string>();
    watermark.track(3, send("a", "lobby", 1, 10));
    const reached = watermark.reached(3, { epoch: 8, number: 1 });
    expect(reached.told).toEqual([]);
    expect(reached.doubtful.map((each) => each.id)).toEqual(["lobby-1"]);
  });

  it("forgets a closed session", () => {
    const watermark = createWatermark<string>();
    watermark.track(3, send("a", "lobby", 1, 10));
    watermark.track(3, send("b", "lobby", 2, 11));
    watermark.forget("a");
    expect(told(watermark.reached(3, { epoch: 7, number: 11 }))).toEqual(["b:lobby-2"]);
  });
});
