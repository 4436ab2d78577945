import { expect, test, vi } from "vitest";
import { createGate } from "./gate.ts";

const MINE = 7;
const OTHER = 9;

function setUp() {
  let at = 10_000;
  const opened: number[] = [];
  const gate = createGate({
    forMs: 2000,
    patienceMs: 1000,
    opened: (partition) => opened.push(partition),
    nowMs: () => at,
  });
  const pass = (ms: number): void => {
    at += ms;
  };
  const lookAt = (...partitions: number[]): void => {
    for (const each of partitions) gate.looked(each, at);
  };
  return { gate, opened, pass, lookAt };
}

test("what nobody has looked at is closed", () => {
  const { gate } = setUp();
  expect(gate.isAllOpen()).toBe(false);
  expect(gate.isOpen(MINE)).toBe(false);
});

test("a partition is open for two seconds from when its last answered look was sent, not from the answer", () => {
  const { gate, pass, lookAt } = setUp();
  lookAt(0);
  gate.looked(MINE, 9_000);
  expect(gate.isOpen(MINE)).toBe(true);
  pass(999);
  expect(gate.isOpen(MINE)).toBe(true);
  pass(1);
  expect(gate.isOpen(MINE)).toBe(false);
});

test("an answer that comes two seconds after it was asked for opens nothing", () => {
  const { gate, opened, lookAt } = setUp();
  lookAt(0);
  gate.looked(MINE, 8_000);
  expect(gate.isOpen(MINE)).toBe(false);
  expect(opened).toEqual([0]);
});

test("while the common partition is closed nothing is open", () => {
  const { gate, pass, lookAt } = setUp();
  lookAt(0, MINE);
  pass(1500);
  lookAt(MINE);
  pass(1000);
  expect(gate.isOpen(MINE)).toBe(false);
  lookAt(0);
  expect(gate.isOpen(MINE)).toBe(true);
});

test("one closed partition closes no other, and shows in the one comparison", () => {
  const { gate, pass, lookAt } = setUp();
  lookAt(0, MINE, OTHER);
  expect(gate.isAllOpen()).toBe(true);
  pass(1500);
  lookAt(0, MINE);
  pass(1000);
  expect([gate.isOpen(MINE), gate.isOpen(OTHER), gate.isAllOpen()]).toEqual([true, false, false]);
  gate.unwatched(OTHER);
  expect(gate.isAllOpen()).toBe(true);
});

test("an older look never shortens what a later one has opened", () => {
  const { gate, pass, lookAt } = setUp();
  lookAt(0, MINE);
  gate.looked(MINE, 9_000);
  pass(1500);
  expect(gate.isOpen(MINE)).toBe(true);
});

test("opening is told once, and before anybody who waits goes on", async () => {
  const { gate, opened, pass, lookAt } = setUp();
  lookAt(0, MINE);
  pass(2000);
  const order: string[] = [];
  lookAt(0);
  const waiting = gate.whenOpen(MINE)?.then(() => order.push(`in, after ${opened.length}`));
  lookAt(MINE);
  lookAt(MINE);
  await waiting;
  expect(opened).toEqual([0, MINE, 0, MINE]);
  expect(order).toEqual(["in, after 4"]);
});

test("who waits for a partition whose look has come waits for the common one", async () => {
  const { gate, pass, lookAt } = setUp();
  lookAt(0, MINE);
  pass(2000);
  lookAt(MINE);
  const waiting = gate.whenOpen(MINE);
  lookAt(0);
  await waiting;
  expect(gate.whenOpen(MINE)).toBeUndefined();
});

test("patience is counted from the first who waits: after it nobody waits until the gate was open again", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { gate, pass, lookAt } = setUp();
    lookAt(0, MINE);
    pass(60_000);
    lookAt(0);
    const first = gate.whenOpen(MINE);
    vi.advanceTimersByTime(1000);
    await expect(first).rejects.toMatchObject({ code: "unavailable" });
    await expect(gate.whenOpen(MINE)).rejects.toMatchObject({ code: "unavailable" });
    lookAt(MINE);
    expect(gate.whenOpen(MINE)).toBeUndefined();
    pass(2000);
    lookAt(0);
    const next = gate.whenOpen(MINE);
    vi.advanceTimersByTime(999);
    lookAt(MINE);
    await next;
  } finally {
    vi.useRealTimers();
  }
});
