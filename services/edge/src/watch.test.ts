// Contract of watching: who waits for a first look, what is looked at each second, and when it ends.
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createWatch } from "./watch.ts";

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function rig() {
  const looks: (readonly number[])[] = [];
  const answers: { answer: () => void; fail: () => void }[] = [];
  const needed = new Set<number>();
  const ended: number[] = [];
  const begun = { n: 0 };
  const watch = createWatch({
    count: 4,
    look(partitions) {
      looks.push([...partitions]);
      const looked = new Promise<void>((resolve, reject) => {
        answers.push({ answer: resolve, fail: () => reject(new ChatError("unavailable", "away")) });
      });
      return partitions.map(() => looked);
    },
    isNeeded: (partition) => needed.has(partition),
    began: () => void (begun.n += 1),
    ended: (partition) => void ended.push(partition),
  });
  return { watch, looks, answers, needed, ended, begun };
}

describe("a partition", () => {
  it("is watched from the moment its first look is answered, and whoever holds it first waits for that", async () => {
    const { watch, looks, answers, begun } = rig();
    const told: string[] = [];
    const holds = [watch.hold(2), watch.hold(2)].map(async (hold) => {
      await hold;
      told.push("watched");
    });
    await soon();
    expect([looks, told, watch.due()]).toEqual([[[2]], [], []]);
    answers[0]?.answer();
    await Promise.all(holds);
    expect([told.length, watch.hold(2), begun.n]).toEqual([2, undefined, 1]);
  });

  it("is looked at together with the others of one turn", async () => {
    const { watch, looks, answers, begun } = rig();
    const holds = [watch.hold(3), watch.hold(1)];
    await soon();
    answers[0]?.answer();
    for (const hold of holds) await hold;
    expect([looks, begun.n, watch.size()]).toEqual([[[3, 1]], 1, 2]);
  });

  it("that cannot be looked at refuses whoever waits, and is looked at anew by the next", async () => {
    const { watch, looks, answers, ended, begun } = rig();
    const hold = watch.hold(2);
    await soon();
    answers[0]?.fail();
    await expect(hold).rejects.toMatchObject({ code: "unavailable" });
    const again = watch.hold(2);
    await soon();
    answers[1]?.answer();
    await again;
    expect([looks.length, begun.n]).toEqual([2, 1]);
    watch.release(2);
    expect([watch.due(), watch.ready(2)]).toEqual([[2], undefined]);
    watch.release(2);
    watch.due();
    expect(ended).toEqual([2]);
  });

  it("ends with its last hold, at the next call of the pulse, and is looked at first again", async () => {
    const { watch, answers, ended } = rig();
    const hold = watch.hold(2);
    await soon();
    answers[0]?.answer();
    await hold;
    expect(watch.hold(2)).toBeUndefined();
    watch.release(2);
    expect([watch.due(), ended]).toEqual([[2], []]);
    watch.release(2);
    expect([watch.due(), ended]).toEqual([[], [2]]);
    expect(watch.hold(2)).toBeInstanceOf(Promise);
  });

  it("is wanted until its first look is answered, though whoever asked for it has gone: others rely on that look", async () => {
    const { watch, answers } = rig();
    const hold = watch.hold(2);
    watch.release(2);
    await soon();
    expect(watch.isWanted(2)).toBe(true);
    answers[0]?.answer();
    await hold;
    expect([watch.isWanted(2), watch.hold(2), watch.isWanted(2)]).toEqual([false, undefined, true]);
  });

  it("that somebody needs without holding it is watched too: channels that linger, sends that wait", async () => {
    const { watch, looks, answers, needed, ended } = rig();
    needed.add(3);
    watch.due();
    await soon();
    expect(looks).toEqual([[0, 3]]);
    answers[0]?.answer();
    await soon();
    expect(watch.due()).toEqual([0, 3]);
    needed.clear();
    expect([watch.due(), ended]).toEqual([[0], [3]]);
  });

  it("whose keys concern everybody is watched always, and asked for until it answers", async () => {
    const { watch, looks, answers } = rig();
    for (const _ of [1, 2]) {
      watch.due();
      await soon();
      answers.at(-1)?.fail();
      await soon();
    }
    expect(looks).toEqual([[0], [0]]);
    watch.due();
    await soon();
    answers.at(-1)?.answer();
    await soon();
    expect(watch.due()).toEqual([0]);
  });
});
