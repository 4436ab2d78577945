import type { EntryId } from "@rookery/broker";
import type { Batch, SaveOutcome } from "@rookery/store";
import { describe, expect, it } from "vitest";
import { createSureSave } from "./sure-save.ts";

const SAVED: SaveOutcome = {
  ...{ kind: "saved", inserted: 1, skipped: 0, quarantined: 0, deadLetters: [], raised: [], unstored: [] },
  ...{ reached: new Map(), heads: new Map() },
};

/** A Postgres and a Redis that stand where a test puts them, and what became of it. */
function stage(stored: readonly [number, EntryId][], committed: readonly [number, EntryId][]) {
  const has = { stored: new Map(stored), committed: new Map(committed) };
  const refused: string[] = [];
  const given: Batch[] = [];
  const answers: (SaveOutcome | Error)[] = [];
  const save = createSureSave({
    outbox: { stored: () => Promise.resolve(has.stored) },
    positions: { lastIds: () => Promise.resolve(has.committed) },
    save(batch) {
      given.push(batch);
      const answer = answers.shift() ?? SAVED;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    refuse: (reason) => refused.push(reason),
  });
  return { save, has, refused, given, answers };
}

function batchOf(number: number): Batch {
  const entry: Batch["entries"][number] = {
    ...{ partition: 3, id: { epoch: 7, number }, channel: "lobby", position: { epoch: 7, seq: number }, frame: "{}" },
    row: { kind: "unreadable", fault: "of no account here" },
  };
  return { readAfter: new Map([[3, { epoch: 0, number: 0 }]]), entries: [entry] };
}

describe("a Postgres that has what it confirmed", () => {
  it("is asked once, and given every batch after what was committed before it", async () => {
    const { save, refused, given } = stage([[3, { epoch: 7, number: 4 }]], [[3, { epoch: 7, number: 5 }]]);
    expect(await save(batchOf(6))).toBe(SAVED);
    expect(await save(batchOf(7))).toBe(SAVED);
    expect(given.map(({ readAfter }) => readAfter.get(3)?.number)).toEqual([0, 6]);
    expect(refused).toEqual([]);
  });
});

describe("a Postgres that has less than Redis was told", () => {
  it("is given nothing, and the reason names the partition and both positions", async () => {
    const { save, refused, given } = stage([[3, { epoch: 7, number: 9 }]], [[3, { epoch: 7, number: 5 }]]);
    await expect(save(batchOf(10))).rejects.toMatchObject({ code: "unavailable" });
    expect(given).toEqual([]);
    expect(refused).toEqual([expect.stringMatching(/in 1 partitions \(of partition 3 up to 7-5, .* 7-9\)/)]);
  });

  it("is noticed when it lacks an earlier batch", async () => {
    const { save, has, refused, answers } = stage([], []);
    await save(batchOf(6));
    has.stored.set(3, { epoch: 7, number: 6 });
    answers.push({ kind: "behind", partitions: [3] });
    await expect(save(batchOf(7))).rejects.toMatchObject({ code: "unavailable" });
    expect(refused).toHaveLength(1);
  });

  it("is looked for again after a batch that failed", async () => {
    const { save, has, refused, given, answers } = stage([], []);
    answers.push(new Error("the connection ended"));
    await expect(save(batchOf(6))).rejects.toThrow("the connection ended");
    has.stored.set(3, { epoch: 7, number: 6 });
    await expect(save(batchOf(7))).rejects.toMatchObject({ code: "unavailable" });
    expect([given.length, refused.length]).toEqual([1, 1]);
  });
});
