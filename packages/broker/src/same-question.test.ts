// Contract of questions that are the same: who shares a reading, when it begins, and who is charged.
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createReading } from "./reading.ts";
import type { Reading } from "./reading.ts";
import { createAskTogether } from "./same-question.ts";

function rig() {
  const begun: string[] = [];
  const ask = createAskTogether<number>();
  const read = (question: string, reading = createReading(), cost: (shared: Reading) => void = () => undefined) =>
    ask(question, reading, async (shared) => {
      cost(shared);
      return begun.push(question);
    });
  return { ask, begun, read };
}

describe("a question", () => {
  it("is answered by one reading, whoever else asks it in the same turn", async () => {
    const { begun, read } = rig();
    expect(await Promise.all([read("a"), read("b"), read("a"), read("a")])).toEqual([1, 2, 1, 1]);
    expect(begun).toEqual(["a", "b"]);
  });

  it("is read when the turn is over, after all that its askers did in it, and not for those of the next", async () => {
    const { begun, read } = rig();
    const first = read("a");
    await Promise.resolve();
    expect(begun).toEqual([]);
    const second = read("a");
    await turn();
    expect(begun).toEqual(["a"]);
    const later = read("a");
    expect(await Promise.all([first, second, later])).toEqual([1, 1, 2]);
  });

  it("costs each asker the whole", async () => {
    const { read } = rig();
    const readings = [createReading(), createReading()];
    const cost = (shared: Reading): void => void Object.assign(shared, { bytes: 10, entries: 2, statements: 1 });
    await Promise.all(readings.map((reading) => read("a", reading, cost)));
    for (const reading of readings) expect(reading).toMatchObject({ bytes: 10, entries: 2, statements: 1 });
  });

  it("is wanted until nobody waits for it any more", async () => {
    const { ask } = rig();
    const waiting = new Set(["ann", "bob"]);
    const wanted: boolean[] = [];
    const asking = [...waiting].map((name) =>
      ask(
        "a",
        createReading(() => waiting.has(name)),
        async (shared) => {
          for (const each of ["nobody", "ann", "bob"]) {
            waiting.delete(each);
            wanted.push(shared.isWanted());
          }
          return 1;
        },
      ),
    );
    await Promise.all(asking);
    expect(wanted).toEqual([true, true, false]);
  });

  it("that cannot be answered is refused to all who asked it, and asked anew", async () => {
    const { ask, read } = rig();
    const fails = (): Promise<number> =>
      ask("a", createReading(), () => Promise.reject(new Error("the stores are away")));
    const outcomes = await Promise.allSettled([fails(), fails()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await read("a")).toBe(1);
  });
});
