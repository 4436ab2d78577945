// The line of presence against a model of a server that answers as it likes: whatever is lost, late, refused or applied when
// nobody waits for it any more, in the end the server has what is so, no two runs can act at once, and whoever waited hears.
import { array, assert, asyncProperty, constant, constantFrom, nat, oneof, record } from "fast-check";
import type { Arbitrary } from "fast-check";
import { expect, inject, it } from "vitest";
import type { PresenceAnswer, PresenceRun, Subject } from "./presence-change.ts";
import { keyOf } from "./presence-change.ts";
import { createPresenceLine } from "./presence-line.ts";
import type { PresenceLine } from "./presence-line.ts";

const DEADLINE_MS = 100;
const SUBJECTS: readonly Subject[] = [
  { kind: "attendance", channel: "c", user: "ann" },
  { kind: "attendance", channel: "d", user: "ann" },
  { kind: "session", user: "ann", session: "s1" },
];
const HOW = ["well", "late", "lost", "lost before", "to arrive later", "refused", "moved"] as const;

type Step =
  | { readonly kind: "set"; readonly subject: number; readonly count: number }
  | { readonly kind: "turn" | "arrive" | "hold" | "let go" }
  | { readonly kind: "answer"; readonly how: (typeof HOW)[number] }
  | { readonly kind: "pass"; readonly ms: number };

const step: Arbitrary<Step> = oneof(
  { weight: 6, arbitrary: record({ kind: constant("set" as const), subject: nat(2), count: nat(2) }) },
  { weight: 8, arbitrary: constant({ kind: "turn" } as const) },
  {
    weight: 1,
    arbitrary: constantFrom<Step>({ kind: "arrive" }, { kind: "hold" }, { kind: "let go" }, { kind: "let go" }),
  },
  { weight: 3, arbitrary: constant({ kind: "answer", how: "well" } as const) },
  { weight: 6, arbitrary: record({ kind: constant("answer" as const), how: constantFrom(...HOW) }) },
  { weight: 4, arbitrary: record({ kind: constant("pass" as const), ms: constantFrom(1, 60, 150) }) },
);

/** A run at the server: what it was given when it was formed. */
interface Sent {
  readonly values: ReadonlyMap<string, number>;
  readonly actsUntilMs: number;
  answer(answer: PresenceAnswer): void;
}

class Model {
  nowMs = 0;
  readonly truth = new Map<string, number>();
  readonly server = new Map<string, number>();
  readonly timers: { readonly atMs: number; work(): void }[] = [];
  due: PresenceLine | undefined;
  sent: Sent | undefined;
  later: Sent | undefined;
  readonly violations: string[] = [];
  waited = 0;
  told = 0;
  readonly line = createPresenceLine({
    run: (run) => this.#run(run),
    due: (line) => {
      this.due = line;
    },
    clock: () => this.nowMs,
    later: (ms, work) => void this.timers.push({ atMs: this.nowMs + ms, work }),
  });

  #run({ changes }: PresenceRun): Promise<PresenceAnswer> {
    const keys = changes.map(({ subject }) => keyOf(subject));
    if (this.sent !== undefined) this.violations.push("two runs at once");
    if (this.later !== undefined && this.later.actsUntilMs > this.nowMs) this.violations.push("another may still act");
    if (new Set(keys).size < keys.length) this.violations.push("one twice in a run");
    if (new Set(changes.map(({ subject }) => subject.kind)).size !== 1) this.violations.push("not of one kind");
    const values = new Map(keys.map((key) => [key, this.truth.get(key) ?? 0]));
    return new Promise((answer) => {
      this.sent = { values, actsUntilMs: this.nowMs + DEADLINE_MS, answer };
    });
  }

  #apply({ values }: Sent): void {
    for (const [key, count] of values) this.server.set(key, count);
  }

  async take(one: Step): Promise<void> {
    const { line } = this;
    switch (one.kind) {
      case "set": {
        const subject = SUBJECTS[one.subject];
        if (subject === undefined) return;
        this.truth.set(keyOf(subject), one.count);
        this.waited += 1;
        line.add({ subject, exclude: "", waiters: [() => (this.told += 1)] });
        break;
      }
      case "turn":
        this.#turn();
        break;
      case "arrive":
        if (this.later !== undefined && this.later.actsUntilMs > this.nowMs) this.#apply(this.later);
        this.later = undefined;
        break;
      case "hold":
        line.hold();
        break;
      case "let go":
        line.letGo();
        break;
      case "pass":
        this.#pass(one.ms);
        break;
      case "answer":
        await this.#answer(one.how);
    }
  }

  #turn(): void {
    const { due } = this;
    this.due = undefined;
    due?.begin();
  }

  #pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of this.timers.splice(0))
      if (timer.atMs <= this.nowMs) timer.work();
      else this.timers.push(timer);
  }

  async #answer(how: (typeof HOW)[number]): Promise<void> {
    const { sent } = this;
    if (sent === undefined) return;
    this.sent = undefined;
    if (how === "well" || how === "lost") this.#apply(sent);
    if (how === "to arrive later") this.later = sent;
    if (how === "well") sent.answer({ kind: "told", crowds: [] });
    else if (how === "late" || how === "refused" || how === "moved") sent.answer({ kind: how });
    else sent.answer({ kind: "unknown", actsUntilMs: sent.actsUntilMs });
    for (let n = 0; n < 3; n += 1) await Promise.resolve();
  }

  async settle(): Promise<void> {
    this.line.letGo();
    for (let n = 0; n < 20 && (this.sent !== undefined || this.line.waiting() > 0); n += 1) {
      await this.take({ kind: "arrive" });
      await this.#answer("well");
      this.#pass(DEADLINE_MS);
      this.#turn();
    }
  }
}

it("in the end the server has what is so, each change is told, and no run goes while another may act", async () => {
  await assert(
    asyncProperty(array(step, { maxLength: 60, size: "max" }), async (steps) => {
      const model = new Model();
      for (const one of steps) await model.take(one);
      await model.settle();
      expect(model.violations).toEqual([]);
      for (const [key, count] of model.truth) expect([key, model.server.get(key)]).toEqual([key, count]);
      expect(model.line.waiting()).toBe(0);
      expect(model.told).toBe(model.waited);
    }),
    { numRuns: 250 * inject("fuzzTimes") },
  );
});
