// Contract of the gate: what is under way together stays within its capacity, and the line moves in order.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGate } from "./gate.ts";

const OPTIONS = { capacity: 10, mostWaiting: 3, mostWaitMs: 1_000 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Work that is done when it is told so, and which of it has begun. */
function createWorks(options = OPTIONS) {
  const gate = createGate(options);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const outcomes: string[] = [];
  const start = (name: string, size: number): void => {
    const work = (): Promise<void> =>
      new Promise((resolve) => {
        begun.push(name);
        ends.set(name, resolve);
      });
    gate.through(size, work).then(
      () => outcomes.push(`${name} done`),
      (error: { code?: string }) => outcomes.push(`${name} ${error.code ?? ""}`),
    );
  };
  return { start, begun, outcomes, end: (name: string) => ends.get(name)?.() };
}

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe("a gate", () => {
  it("lets through what fits, and the rest in order as room is made", async () => {
    const { start, begun, end } = createWorks();
    start("a", 6);
    start("b", 4);
    start("c", 5);
    start("d", 1);
    expect(begun).toEqual(["a", "b"]);
    end("b");
    await settled();
    expect(begun).toEqual(["a", "b"]);
    end("a");
    await settled();
    expect(begun).toEqual(["a", "b", "c", "d"]);
  });

  it("lets through what is larger than itself, alone", async () => {
    const { start, begun, end } = createWorks();
    start("huge", 50);
    start("small", 1);
    expect(begun).toEqual(["huge"]);
    end("huge");
    await settled();
    expect(begun).toEqual(["huge", "small"]);
  });

  it("refuses at once what finds the line full, and in time what the line did not reach", async () => {
    const { start, begun, outcomes, end } = createWorks();
    for (const name of ["a", "b", "c", "d", "e"]) start(name, 10);
    await settled();
    expect(outcomes).toEqual(["e unavailable"]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(outcomes).toEqual(["e unavailable", "b unavailable", "c unavailable", "d unavailable"]);
    end("a");
    await settled();
    start("f", 10);
    expect(begun).toEqual(["a", "f"]);
  });

  it("takes back the room of work that failed", async () => {
    const gate = createGate(OPTIONS);
    await expect(gate.through(10, () => Promise.reject(new Error("lost")))).rejects.toThrow("lost");
    expect(await gate.through(10, () => Promise.resolve("well"))).toBe("well");
  });
});
