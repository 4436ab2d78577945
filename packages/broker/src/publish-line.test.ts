// What the line does with a channel of which Redis knows nothing: the schedules that the model of the fuzz is unlikely to draw.
import { ChatError } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import type { Stretch } from "./next-run.ts";
import type { Published } from "./publication.ts";
import { createLine } from "./publish-line.ts";
import type { Line, RunAnswer } from "./publish-line.ts";

const DEADLINE_MS = 100;

/** A line whose server, Postgres and clock a test moves by hand. */
function rig() {
  const runs: { readonly stretches: readonly Stretch[]; answer(answer: RunAnswer): void }[] = [];
  const reads: ((position: Position) => void)[] = [];
  const timers: { readonly atMs: number; work(): void }[] = [];
  const outcomes: (Published | ChatError)[] = [];
  let nowMs = 0;
  let due: Line | undefined;
  const line = createLine({
    run: (stretches) => new Promise((resolve) => runs.push({ stretches, answer: resolve })),
    lastSaved: () => new Promise((resolve) => reads.push(resolve)),
    due: (waiting) => (due = waiting),
    clock: () => nowMs,
    later: (ms, work) => timers.push({ atMs: nowMs + ms, work }),
  });
  const turn = async (): Promise<void> => {
    due?.begin();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    ...{ runs, reads, outcomes, turn },
    send: (channel: string): void => {
      const publication = {
        ...{ channel, user: "ann", clientId: "c", id: "i", contentHash: "h", halves: { head: "{", tail: "}" } },
        ...{ rightsVersion: 0, slowModeMs: 0, freshRights: () => Promise.resolve(0) },
      };
      line.add({
        ...{
          publication,
          bytes: 1,
          deadlineMs: nowMs + DEADLINE_MS,
          rightsVersion: 0,
          wasLate: false,
          wasStale: false,
        },
        done: (outcome) => outcomes.push(outcome),
        refused: (refusal) => outcomes.push(refusal),
      });
    },
    answer: async (answer: RunAnswer): Promise<void> => {
      runs.at(-1)?.answer(answer);
      await turn();
    },
    pass: (ms: number): void => {
      nowMs += ms;
      for (const timer of timers.splice(0)) {
        if (timer.atMs <= nowMs) timer.work();
        else timers.push(timer);
      }
    },
    bases: () => runs.at(-1)?.stretches.map(({ base }) => base),
  };
}

const COLD: RunAnswer = { kind: "outcomes", outcomes: [{ kind: "cold" }] };
const SAVED = { epoch: 7, seq: 3 };
const codes = (outcomes: readonly (Published | ChatError)[]): string[] =>
  outcomes.map((outcome) => (outcome instanceof ChatError ? outcome.code : "ok"));

describe("a message of a channel of which Redis knows nothing", () => {
  it("goes with what Postgres says, read after that was found out", async () => {
    const { send, turn, answer, reads, bases } = rig();
    send("a");
    await turn();
    await answer(COLD);
    reads[0]?.(SAVED);
    await turn();
    await turn();
    expect(bases()).toEqual([SAVED]);
  });

  it("is refused at its deadline, however long Postgres takes, and what comes later is not", async () => {
    const { send, turn, answer, pass, outcomes } = rig();
    send("a");
    await turn();
    await answer(COLD);
    pass(DEADLINE_MS / 2);
    send("a");
    pass(DEADLINE_MS / 2 + 2);
    expect(codes(outcomes)).toEqual(["unavailable"]);
    pass(DEADLINE_MS / 2);
    expect(codes(outcomes)).toEqual(["unavailable", "unavailable"]);
    send("a");
    pass(DEADLINE_MS + 2);
    expect(codes(outcomes)).toHaveLength(3);
  });

  it.each(["expires meanwhile", "comes late"] as const)(
    "leaves nothing of what Postgres said to a later one when it %s",
    async (how) => {
      const { send, turn, answer, pass, reads, bases, runs } = rig();
      send("a");
      await turn();
      await answer(COLD);
      reads[0]?.(SAVED);
      if (how === "comes late") {
        await turn();
        await turn();
        pass(DEADLINE_MS + 2);
        await answer({ kind: "late", lateMs: 2 * DEADLINE_MS });
      } else {
        await new Promise((resolve) => setImmediate(resolve));
        pass(DEADLINE_MS + 2);
        await turn();
      }
      const before = runs.length;
      send("a");
      await turn();
      expect(runs.length).toBe(before + 1);
      expect(bases()).toEqual([undefined]);
    },
  );
});
