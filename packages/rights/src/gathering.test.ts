// Contract of gathering what many ask into few questions.
import { expect, it } from "vitest";
import { createGathering } from "./gathering.ts";
import type { KnownAccess } from "./known-access.ts";
import { away, recordOf } from "./stores.fixture.ts";

const KNOWN: KnownAccess = { record: recordOf(), isWhole: true, entries: new Map() };

function rig({
  everyMs,
  mostAtOnce = 100,
  mostWaiting = 100,
}: { everyMs?: number; mostAtOnce?: number; mostWaiting?: number } = {}) {
  const questions: string[] = [];
  const answers: (() => void)[] = [];
  const ask = createGathering({
    ask(wishes) {
      questions.push(wishes.map(({ channel, users }) => [channel, ...users].join(":")).join(" "));
      return new Promise((resolve) => answers.push(() => resolve(wishes.map(() => KNOWN))));
    },
    ...{ mostAtOnce, mostWaiting },
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { ask, questions, answers, turn };
}

it("those of one turn go in one question, each channel and each user once", async () => {
  const { ask, questions, answers, turn } = rig();
  const asked = [ask("a", "ann"), ask("b", "ann"), ask("a", "bob"), ask("a", "ann")];
  await turn();
  expect(questions).toEqual(["a:ann:bob b:ann"]);
  answers[0]?.();
  expect(await Promise.all(asked)).toEqual([KNOWN, KNOWN, KNOWN, KNOWN]);
});

it("whoever comes while a question is under way goes with the next, where there is a pace", async () => {
  const { ask, questions, answers, turn } = rig({ everyMs: 1 });
  const first = ask("a", "ann");
  await turn();
  const later = [ask("a", "bob"), ask("a", "eve")];
  await turn();
  expect(questions).toEqual(["a:ann"]);
  answers[0]?.();
  await first;
  await expect.poll(() => questions, { interval: 1 }).toEqual(["a:ann", "a:bob:eve"]);
  answers[1]?.();
  await Promise.all(later);
});

it("a question is no longer than it may be, and what is beyond goes by itself", async () => {
  const { ask, questions, turn } = rig({ mostAtOnce: 2 });
  for (const channel of ["a", "b", "c"]) ask(channel, "ann").catch(() => undefined);
  await turn();
  expect(questions).toEqual(["a:ann b:ann", "c:ann"]);
});

it("whoever finds too many waiting is refused at once, and whoever comes after them is not", async () => {
  const { ask, answers, turn } = rig({ mostWaiting: 2 });
  const asked = [ask("a", "ann"), ask("b", "ann")];
  await expect(ask("c", "ann")).rejects.toMatchObject({ code: "overloaded", details: { channel: "c" } });
  await turn();
  answers[0]?.();
  await Promise.all(asked);
  const again = ask("c", "ann");
  await turn();
  answers[1]?.();
  expect(await again).toBe(KNOWN);
});

it("a question that fails fails everybody in it, and nobody after it", async () => {
  const reason = away();
  const troubles = [reason, undefined];
  const ask = createGathering({
    async ask(wishes) {
      const trouble = troubles.shift();
      if (trouble !== undefined) throw trouble;
      return wishes.map(() => KNOWN);
    },
    ...{ everyMs: 0, mostAtOnce: 10, mostWaiting: 10 },
  });
  const failed = await Promise.allSettled([ask("a", "ann"), ask("b", "ann")]);
  expect(failed).toEqual([
    { status: "rejected", reason },
    { status: "rejected", reason },
  ]);
  expect(await ask("a", "ann")).toBe(KNOWN);
});
