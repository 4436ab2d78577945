// Contract of batches under way: side by side where they share no partition, one after another where they do.
import { describe, expect, it } from "vitest";
import { createFlights } from "./flights.ts";

/** Lets everything go on that waits for nothing else. */
const settled = async (): Promise<void> => {
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
};

function launched(flights: ReturnType<typeof createFlights>, ...partitions: number[]): () => Promise<void> {
  let land = (): void => undefined;
  const work = new Promise<void>((resolve) => {
    land = resolve;
  });
  flights.launch(new Set(partitions), work);
  return async () => {
    land();
    await settled();
  };
}

async function isClear(flights: ReturnType<typeof createFlights>, ...partitions: number[]): Promise<() => boolean> {
  let clear = false;
  void flights.clear(new Set(partitions)).then(() => {
    clear = true;
  });
  await settled();
  return () => clear;
}

describe("a batch", () => {
  it("goes beside another that shares no partition with it", async () => {
    const flights = createFlights(2);
    launched(flights, 1, 2);
    expect((await isClear(flights, 3))()).toBe(true);
  });

  it("waits for every one that shares a partition with it, and for no other", async () => {
    const flights = createFlights(3);
    const [landFirst, landSecond] = [launched(flights, 1, 2), launched(flights, 3)];
    const clear = await isClear(flights, 2, 4);
    await landSecond();
    expect(clear()).toBe(false);
    await landFirst();
    expect(clear()).toBe(true);
  });

  it("waits while as many are under way as may be", async () => {
    const flights = createFlights(2);
    const [landFirst] = [launched(flights, 1), launched(flights, 2)];
    const clear = await isClear(flights, 3);
    expect(clear()).toBe(false);
    await landFirst();
    expect(clear()).toBe(true);
  });
});

it("all have landed when nothing is under way", async () => {
  const flights = createFlights(2);
  await flights.landed();
  const [landFirst, landSecond] = [launched(flights, 1), launched(flights, 2)];
  let over = false;
  void flights.landed().then(() => {
    over = true;
  });
  await landFirst();
  expect(over).toBe(false);
  await landSecond();
  expect(over).toBe(true);
});
