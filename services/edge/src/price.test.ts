import { createReading } from "@rookery/broker";
import { describe, expect, it } from "vitest";
import { priceOfChannels, priceOfMembers, priceOfReading } from "./price.ts";

const read = (bytes: number, entries: number) => Object.assign(createReading(), { bytes, entries });

describe("the price of a command beyond its frame", () => {
  it("is nothing for a single page, from whichever tier", () => {
    expect(priceOfReading(read(0, 0))).toBe(0);
    expect(priceOfReading(read(65_536 + 200 * 64, 401))).toBe(0);
    expect(priceOfChannels(1)).toBe(0);
  });

  it("follows bytes and looks, less what was paid before", () => {
    expect(priceOfReading(read(600_000, 100))).toBe(4);
    expect(priceOfReading(read(0, 4_096))).toBe(7);
    expect(priceOfReading(read(600_000, 100), 3)).toBe(1);
    expect(priceOfReading(read(600_000, 100), 9)).toBe(0);
  });

  it("is a hundredth of the members that are told", () => {
    expect([0, 100, 101, 1000].map(priceOfMembers)).toEqual([0, 0, 1, 9]);
  });

  it("is a tenth of the channels of one join, which leaves a returning client most of its burst", () => {
    expect([10, 11, 100].map(priceOfChannels)).toEqual([0, 1, 9]);
  });
});
