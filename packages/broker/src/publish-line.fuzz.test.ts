// The line of a partition against a model of a server that answers as it likes: whatever is late, cold, stale, lost or refused,
// every message has one outcome, none is applied twice, and what one sender sent into a channel is applied in that order.
import { ChatError, ORIGIN } from "@rookery/protocol";
import { array, assert, asyncProperty, boolean, constant, constantFrom, integer, nat, oneof, record } from "fast-check";
import type { Arbitrary } from "fast-check";
import { expect, inject, it } from "vitest";
import type { Publication, Published } from "./publication.ts";
import { MOST_BYTES, MOST_MESSAGES } from "./next-run.ts";
import type { Stretch, Waiting } from "./next-run.ts";
import { createLine } from "./publish-line.ts";
import type { Line, Outcome, RunAnswer } from "./publish-line.ts";
import { refusalOf } from "./rejections.ts";

const DEADLINE_MS = 100;
const USERS = ["ann", "bob"];
const CHANNELS = ["a", "b"];

const HOW = ["well", "late", "lost", "lost before", "to arrive later", "unavailable", "full"] as const;

type Step =
  | {
      readonly kind: "send";
      readonly user: number;
      readonly channel: number;
      readonly bytes: number;
      readonly old: boolean;
    }
  | { readonly kind: "turn" | "arrive" }
  | { readonly kind: "answer"; readonly how: (typeof HOW)[number] }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "cool" | "rights"; readonly channel: number }
  | { readonly kind: "read" | "judge"; readonly fails: boolean };

const at = (names: readonly string[]): Arbitrary<number> => nat(names.length - 1);
/** Bytes of which four fill a run, now and then. */
const bytes = constantFrom(100, 100, MOST_BYTES / 4);
const step: Arbitrary<Step> = oneof(
  {
    weight: 8,
    arbitrary: record({
      ...{ kind: constant("send" as const), user: at(USERS), channel: at(CHANNELS), bytes, old: boolean() },
    }),
  },
  { weight: 5, arbitrary: record({ kind: constantFrom("turn" as const, "turn" as const, "arrive" as const) }) },
  { weight: 4, arbitrary: constant({ kind: "answer", how: "well" } as const) },
  { weight: 3, arbitrary: record({ kind: constant("answer" as const), how: constantFrom(...HOW) }) },
  { weight: 1, arbitrary: record({ kind: constant("pass" as const), ms: constantFrom(1, 40, 150) }) },
  {
    weight: 2,
    arbitrary: record({ kind: constantFrom("cool" as const, "rights" as const), channel: at(CHANNELS) }),
  },
  {
    weight: 3,
    arbitrary: record({
      ...{
        kind: constantFrom("read" as const, "judge" as const),
        fails: integer({ min: 0, max: 4 }).map((n) => n === 0),
      },
    }),
  },
);

interface Sent {
  readonly number: number;
  readonly user: string;
  readonly channel: string;
  readonly outcomes: (Published | ChatError)[];
}

/** A server, the messages it was given, and a line before it. Time passes only where a step says so. */
function world() {
  const sent: Sent[] = [];
  const applied: { readonly id: string; readonly sender: string }[] = [];
  const warm = new Set(CHANNELS);
  const versions = new Map(CHANNELS.map((channel) => [channel, 1]));
  /** Channels whose last position was read since the last run began. */
  const known = new Set<string>();
  const reads: { settle(fails: boolean): void }[] = [];
  const judgements: { settle(fails: boolean): void }[] = [];
  const timers: { readonly atMs: number; wake(): void }[] = [];
  let nowMs = 0;
  let isDue = false;
  /** Runs of which nothing was heard, on their way still. */
  const strays: { readonly stretches: readonly Stretch[]; readonly deadlineMs: number }[] = [];
  let underWay: { readonly stretches: readonly Stretch[]; answer(answer: RunAnswer): void } | undefined;

  function apply(stretch: Stretch, { publication }: Waiting): Outcome {
    const { channel, rightsVersion, base } = stretch;
    if (rightsVersion !== (versions.get(channel) ?? 0)) return { kind: "stale" };
    if (!warm.has(channel) && base === undefined) return { kind: "cold" };
    warm.add(channel);
    applied.push({ id: publication.id, sender: `${publication.user} ${channel}` });
    const position = { epoch: 1, seq: applied.length };
    const published = { kind: "published", id: publication.id, position, at: nowMs, duplicate: false } as const;
    return { kind: "done", published: { ...published, entry: { epoch: 1, number: applied.length } } };
  }

  const carryOut = (stretches: readonly Stretch[]): Outcome[] =>
    stretches.flatMap((stretch) => stretch.messages.map((message) => apply(stretch, message)));

  const line: Line = createLine({
    run(stretches) {
      // Never two at a time: the order of a channel rests on it.
      expect(underWay).toBeUndefined();
      const messages = stretches.flatMap((each) => each.messages);
      expect(messages.length).toBeLessThanOrEqual(MOST_MESSAGES);
      expect(new Set(stretches.map(({ channel }) => channel)).size).toBe(stretches.length);
      // Read since the run before this one began, or not given.
      const given = stretches.filter(({ base }) => base !== undefined).map(({ channel }) => channel);
      expect(given.filter((channel) => !known.has(channel))).toEqual([]);
      known.clear();
      return new Promise((resolve) => {
        underWay = { stretches, answer: resolve };
      });
    },
    lastSaved: (channel) =>
      new Promise((resolve, reject) => {
        const settle = (fails: boolean): void => {
          if (!fails) known.add(channel);
          return fails ? reject(refusalOf("unavailable")) : resolve(ORIGIN);
        };
        reads.push({ settle });
      }),
    due: () => (isDue = true),
    clock: () => nowMs,
    later: (ms, wake) => timers.push({ atMs: nowMs + ms, wake }),
  });

  function answer(how: (Step & { kind: "answer" })["how"]): void {
    const run = underWay;
    if (run === undefined) return;
    underWay = undefined;
    const answers: Record<typeof how, () => RunAnswer> = {
      well: () => ({ kind: "outcomes", outcomes: carryOut(run.stretches) }),
      late: () => ({ kind: "late", lateMs: nowMs + DEADLINE_MS }),
      lost: () => {
        carryOut(run.stretches);
        return { kind: "refused", refusal: refusalOf("unknown"), actsUntilMs: nowMs + DEADLINE_MS };
      },
      "to arrive later": () => {
        const messages = run.stretches.flatMap((stretch) => stretch.messages);
        const deadlineMs = Math.min(...messages.map((message) => message.deadlineMs));
        strays.push({ stretches: run.stretches, deadlineMs });
        return { kind: "refused", refusal: refusalOf("unknown"), actsUntilMs: deadlineMs };
      },
      "lost before": () => ({ kind: "refused", refusal: refusalOf("unknown"), actsUntilMs: nowMs + DEADLINE_MS }),
      unavailable: () => ({ kind: "refused", refusal: refusalOf("unavailable") }),
      full: () => ({ kind: "refused", refusal: refusalOf("overloaded") }),
    };
    run.answer(answers[how]());
  }

  function send(user: string, channel: string, size: number, old: boolean): void {
    const message: Sent = { number: sent.length, user, channel, outcomes: [] };
    sent.push(message);
    const inForce = versions.get(channel) ?? 0;
    const rightsVersion = old ? Math.max(0, inForce - 1) : inForce;
    const publication: Publication = {
      ...{ channel, user, clientId: `c${message.number}`, id: `m${message.number}`, contentHash: "h" },
      ...{ halves: { head: "{", tail: "}" }, rightsVersion, slowModeMs: 0 },
      freshRights: () =>
        new Promise((resolve, reject) => {
          const settle = (fails: boolean): void =>
            fails ? reject(new ChatError("forbidden", "no")) : resolve(versions.get(channel) ?? 0);
          judgements.push({ settle });
        }),
    };
    line.add({
      ...{ publication, bytes: size, deadlineMs: nowMs + DEADLINE_MS, rightsVersion },
      ...{ wasLate: false, wasStale: false },
      done: (outcome) => message.outcomes.push(outcome),
      refused: (refusal) => message.outcomes.push(refusal),
    });
  }

  /** What was on its way acts, unless its deadline has passed. */
  function arrive(): void {
    const stray = strays.shift();
    if (stray !== undefined && nowMs < stray.deadlineMs) carryOut(stray.stretches);
  }

  function pass(ms: number): void {
    nowMs += ms;
    for (const timer of timers.splice(0)) {
      if (timer.atMs <= nowMs) timer.wake();
      else timers.push(timer);
    }
  }

  const take = (next: Step): void => {
    switch (next.kind) {
      case "send":
        return send(USERS[next.user] ?? "", CHANNELS[next.channel] ?? "", next.bytes, next.old);
      case "turn":
        if (isDue) {
          isDue = false;
          line.begin();
        }
        return undefined;
      case "answer":
        return answer(next.how);
      case "arrive":
        return arrive();
      case "pass":
        return pass(next.ms);
      case "cool":
        return void warm.delete(CHANNELS[next.channel] ?? "");
      case "rights":
        return void versions.set(CHANNELS[next.channel] ?? "", (versions.get(CHANNELS[next.channel] ?? "") ?? 0) + 1);
      case "read":
        return reads.shift()?.settle(next.fails);
      case "judge":
        return judgements.shift()?.settle(next.fails);
    }
  };

  return { sent, applied, take };
}

async function play(steps: readonly Step[]): Promise<Pick<ReturnType<typeof world>, "sent" | "applied">> {
  const { sent, applied, take } = world();
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (const next of steps) {
    take(next);
    await settled();
  }
  // Everything answers from now on: nobody may be left waiting.
  for (let n = 0; n < 4 * sent.length + 20 && sent.some(({ outcomes }) => outcomes.length === 0); n += 1) {
    const rest: Step[] = [
      { kind: "pass", ms: n === 0 ? 150 : 1 },
      { kind: "turn" },
      { kind: "answer", how: "well" },
      { kind: "read", fails: false },
      { kind: "judge", fails: false },
    ];
    for (const next of rest) {
      take(next);
      await settled();
    }
  }
  return { sent, applied };
}

const run = (steps: number): Arbitrary<Step[]> => array(step, { maxLength: steps, size: "max" });

it("every message has one outcome, which is true; none is applied twice; senders are applied in order", async () => {
  await assert(
    asyncProperty(run(80), async (steps) => {
      const { sent, applied } = await play(steps);
      const ids = applied.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(sent.filter(({ outcomes }) => outcomes.length !== 1)).toEqual([]);
      const untrue = sent.filter(({ number, outcomes: [outcome] }) => {
        const isApplied = ids.includes(`m${number}`);
        if (!(outcome instanceof ChatError)) return !isApplied;
        return isApplied && outcome.code !== "unknown";
      });
      expect(untrue).toEqual([]);
      for (const sender of new Set(applied.map((each) => each.sender))) {
        const numbers = applied.filter((each) => each.sender === sender).map(({ id }) => Number(id.slice(1)));
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 200 * inject("fuzzTimes") },
  );
});
