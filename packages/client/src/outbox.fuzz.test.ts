// Whatever an edge answers, whenever sessions end: an errand is settled once, and those of a channel that wait for each other are
// settled in their order.
import type { ClientFrame } from "@rookery/protocol/wire";
import { array, assert, constantFrom, property } from "fast-check";
import { expect, inject, it } from "vitest";
import { createFakeClock, refusalOf } from "./fake-world.fixture.ts";
import { createOutbox } from "./outbox.ts";
import { createQuestions } from "./questions.ts";

const STEPS = [
  "ok",
  "refuse",
  "pass",
  "unknown",
  "cut",
  "drain",
  "forget",
  "add",
  "addUnordered",
  "seen",
  "wait",
] as const;
type Step = (typeof STEPS)[number];

it("an outbox settles each errand once, and those of one channel in order", async () => {
  const clock = createFakeClock();
  const runs: Step[][] = [];
  assert(
    property(array(constantFrom(...STEPS), { maxLength: 60 }), (steps) => void runs.push(steps)),
    {
      numRuns: 200 * inject("fuzzTimes"),
    },
  );
  for (const steps of runs) {
    const said: ClientFrame[] = [];
    const questions = createQuestions({ clock, say: (frame) => void said.push(frame), renew: () => undefined });
    const outbox = createOutbox({ ask: questions.ask, isLive: () => true, timeMs: clock.timeMs });
    const added: string[] = [];
    const settledOnes: string[] = [];
    const forgotten = new Set<string>();
    const forgets = new Map<string, () => void>();
    const add = (isOrdered: boolean): void => {
      const clientId = `${isOrdered ? "o" : "u"}${added.length}`;
      added.push(clientId);
      const settle = (): void => void settledOnes.push(clientId);
      const frame = { type: "send", channel: "lobby", clientId, body: "x" } as const;
      forgets.set(clientId, outbox.add({ frame, isOrdered, done: settle, failed: settle }));
    };
    const answer = (how: (ref: string) => void): void => {
      const [frame] = said.splice(0, 1);
      if (frame?.ref !== undefined) how(frame.ref);
    };
    const refuse = (...refusal: Parameters<typeof refusalOf>): void =>
      answer((ref) => void questions.answer({ ...refusalOf(...refusal), ref }));
    const end = (code: number): void => {
      questions.end();
      said.length = 0;
      outbox.lost(code);
      outbox.live();
    };
    const act: Record<Step, () => unknown> = {
      ok: () => answer((ref) => void questions.answer({ type: "ok", ref })),
      refuse: () => refuse("muted"),
      pass: () => refuse("slow_mode", "later", { retryAfterMs: 30 }),
      unknown: () => refuse("unknown", "later"),
      cut: () => end(1006),
      drain: () => end(4000),
      add: () => add(true),
      addUnordered: () => add(false),
      wait: () => clock.pass(100),
      forget() {
        const id = [...forgets.keys()].find((each) => !forgotten.has(each) && !settledOnes.includes(each));
        if (id === undefined) return;
        forgotten.add(id);
        forgets.get(id)?.();
      },
      seen() {
        const [frame] = said;
        if (frame?.type !== "send") return;
        const about = { channel: "lobby", epoch: 1, seq: 1, at: 1, id: "m", user: "ann", name: "Ann" };
        outbox.seen({ type: "message", ...about, clientId: frame.clientId });
      },
    };
    for (const step of steps) await act[step]();
    for (let n = 0; settledOnes.length + forgotten.size < added.length && n < 500; n += 1) {
      await act.ok();
      if (said.length === 0) await clock.pass(5_000);
    }
    const owed = added.filter((id) => !forgotten.has(id));
    expect(settledOnes.toSorted(), steps.join()).toEqual(owed.toSorted());
    const ordered = (ids: readonly string[]): string[] => ids.filter((id) => id.startsWith("o"));
    expect(ordered(settledOnes), steps.join()).toEqual(ordered(owed));
  }
});
