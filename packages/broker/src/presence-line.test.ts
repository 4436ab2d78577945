import { describe, expect, it } from "vitest";
import type { Change, PresenceAnswer, PresenceRun } from "./presence-change.ts";
import { createPresenceLine, MOST_CHANGES } from "./presence-line.ts";
import type { PresenceLine } from "./presence-line.ts";

const attendance = (user: string, exclude = ""): Change => ({
  subject: { kind: "attendance", channel: "c", user },
  exclude,
  waiters: [],
});
const session = (id: string): Change => ({
  subject: { kind: "session", user: "ann", session: id },
  exclude: "",
  waiters: [],
});

/** A line whose turns, answers and time are the test's. */
function rig() {
  const runs: PresenceRun[] = [];
  const timers: { atMs: number; work: () => void }[] = [];
  let nowMs = 0;
  let due: PresenceLine | undefined;
  let answer: (answer: PresenceAnswer) => void = () => undefined;
  const line = createPresenceLine({
    run(run) {
      runs.push(run);
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
    due(waiting) {
      due = waiting;
    },
    clock: () => nowMs,
    later: (ms, work) => void timers.push({ atMs: nowMs + ms, work }),
  });
  const users = (): string[][] =>
    runs.map(({ changes }) =>
      changes.map(({ subject }) => (subject.kind === "session" ? subject.session : subject.user)),
    );
  return {
    ...{ line, runs, users },
    turn: () => {
      const waiting = due;
      due = undefined;
      waiting?.begin();
    },
    answer: async (given: PresenceAnswer): Promise<void> => {
      answer(given);
      await Promise.resolve();
      await Promise.resolve();
    },
    pass: (ms: number) => {
      nowMs += ms;
      for (const timer of timers.splice(0))
        if (timer.atMs <= nowMs) timer.work();
        else timers.push(timer);
    },
  };
}

const TOLD: PresenceAnswer = { kind: "told", crowds: [] };

describe("changes of presence", () => {
  it("that come in one turn go together, and those that come meanwhile with the next run", async () => {
    const { line, turn, answer, users } = rig();
    line.add(attendance("a"));
    line.add(attendance("b"));
    expect(users()).toEqual([]);
    turn();
    line.add(attendance("a"));
    line.add(attendance("c"));
    turn();
    expect(users()).toEqual([["a", "b"]]);
    await answer(TOLD);
    turn();
    expect(users()).toEqual([
      ["a", "b"],
      ["a", "c"],
    ]);
  });

  it("of the same user are one, for whoever waits for any of them", async () => {
    const { line, turn, answer, users, runs } = rig();
    const crowds: unknown[] = [];
    const waiter = (crowd: unknown): void => void crowds.push(crowd);
    line.add({ ...attendance("a", "s1"), waiters: [waiter] });
    line.add({ ...attendance("a", "s2"), waiters: [waiter] });
    turn();
    expect(users()).toEqual([["a"]]);
    expect(runs[0]?.changes[0]?.exclude).toBe("s1");
    await answer({ kind: "told", crowds: [{ online: 3, mode: "full" }] });
    expect(crowds).toEqual([
      { online: 3, mode: "full" },
      { online: 3, mode: "full" },
    ]);
  });

  it("go a hundred at a time, kinds in turns", async () => {
    const { line, turn, answer, users } = rig();
    for (let n = 0; n < MOST_CHANGES + 20; n += 1) {
      line.add(attendance(`u${n}`));
      line.add(session(`s${n}`));
    }
    expect(line.waiting()).toBe(2 * MOST_CHANGES + 40);
    for (let n = 0; n < 4; n += 1) {
      turn();
      await answer(TOLD);
    }
    expect(users().map((some) => `${some.length} ${some[0]}`)).toEqual(["100 u0", "100 s0", "20 u100", "20 s100"]);
    expect(line.waiting()).toBe(0);
  });

  it("of a run without an answer wait until it cannot act any more, then are told again", async () => {
    const { line, turn, answer, pass, users } = rig();
    line.add(attendance("a"));
    turn();
    await answer({ kind: "unknown", actsUntilMs: 500 });
    line.add(attendance("b"));
    pass(499);
    turn();
    expect(users()).toEqual([["a"]]);
    pass(1);
    turn();
    expect(users()[1]?.toSorted()).toEqual(["a", "b"]);
  });

  it("that Redis could not be asked for are tried again after a pause, late ones at once and then after a pause", async () => {
    const { line, turn, answer, pass, users } = rig();
    line.add(attendance("a"));
    turn();
    await answer({ kind: "refused" });
    turn();
    expect(users()).toHaveLength(1);
    pass(100);
    turn();
    await answer({ kind: "late" });
    turn();
    expect(users()).toHaveLength(3);
    await answer({ kind: "late" });
    turn();
    expect(users()).toHaveLength(3);
    pass(100);
    turn();
    expect(users()).toHaveLength(4);
  });
});

describe("a line that is held", () => {
  it("lets go what is told first and nothing else, until it is let go", async () => {
    const { line, turn, answer, users, runs } = rig();
    line.hold();
    line.add(attendance("a"));
    turn();
    expect(users()).toEqual([]);
    const told = line.tellFirst({ changes: [attendance("x")], loud: false });
    turn();
    expect(runs).toEqual([{ changes: [attendance("x")], loud: false }]);
    await answer({ kind: "late" });
    turn();
    await answer(TOLD);
    expect(await told).toBe(true);
    turn();
    expect(users()).toEqual([["x"], ["x"]]);
    line.letGo();
    turn();
    expect(users().at(-1)).toEqual(["a"]);
  });

  it("again gives up what was to be told first", async () => {
    const { line, turn, answer, users } = rig();
    line.hold();
    const told = line.tellFirst({ changes: [attendance("x")], loud: true });
    turn();
    line.hold();
    expect(await told).toBe(false);
    await answer({ kind: "moved" });
    line.letGo();
    turn();
    expect(users()).toEqual([["x"]]);
  });
});
