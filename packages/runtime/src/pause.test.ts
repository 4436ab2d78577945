import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pause } from "./pause.ts";

describe("a pause", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("lasts as long as it was told, and leaves nothing behind at its signal", async () => {
    const { signal } = new AbortController();
    let isOver = false;
    const paused = pause(100, { signal }).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(99);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await paused;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("ends with its signal, without an error and without a timer", async () => {
    const ending = new AbortController();
    const paused = pause(1e6, { signal: ending.signal });
    ending.abort(new Error("stopped"));
    await expect(paused).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    await expect(pause(1e6, { signal: ending.signal })).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});
