// Contract of what follows a loss: every crowd is read once, some time after the last of it, and again where it was refused.
import type { Crowd } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createCrowdComparison } from "./crowd-comparison.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CROWD: Crowd = { online: 7, mode: "full" };

function rig(readCrowd: (channel: string) => Promise<Crowd> = () => Promise.resolve(CROWD)) {
  const read: string[] = [];
  const saw: string[] = [];
  const faults: unknown[] = [];
  const empty = new Set<string>();
  const comparison = createCrowdComparison({
    readCrowd(channel) {
      read.push(channel);
      return readCrowd(channel);
    },
    hasMembers: (channel) => !empty.has(channel),
    saw: (channel, { online }) => void saw.push(`${channel} ${online}`),
    fault: (error) => void faults.push(error),
  });
  return { comparison, read, saw, faults, empty };
}

it("crowds are read once when all has settled, but those of channels that nobody is in any more", async () => {
  const { comparison, read, saw, empty } = rig();
  comparison.restored(["lobby", "attic"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(read).toEqual([]);
  comparison.restored(["lobby", "yard"]);
  empty.add("attic");
  await vi.advanceTimersByTimeAsync(10_000);
  expect([read, saw]).toEqual([
    ["lobby", "yard"],
    ["lobby 7", "yard 7"],
  ]);
});

it("a crowd that cannot be read is asked for again until it can, and what nobody expects is told once", async () => {
  let refusals = 3;
  const { comparison, read, saw, faults } = rig((channel) => {
    if (channel !== "attic" || (refusals -= 1) < 0) return Promise.resolve(CROWD);
    return Promise.reject(refusals === 1 ? new Error("odd") : new ChatError("unavailable", "away"));
  });
  comparison.restored(["lobby", "attic"]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(saw).toEqual(["lobby 7", "attic 7"]);
  expect(read.filter((channel) => channel === "lobby")).toHaveLength(1);
  expect(faults).toEqual([new Error("odd")]);
});

it("nothing is read any more once it is closed", async () => {
  const { comparison, read } = rig();
  comparison.restored(["lobby"]);
  comparison.close();
  comparison.restored(["attic"]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect([read, vi.getTimerCount()]).toEqual([[], 0]);
});
