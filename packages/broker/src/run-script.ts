// Sends one thing to a script that must not act late and whose outcome must be told honestly, and leads it to its end.
// Called by whoever has a script number something; what the script's answers mean is the caller's own table.
// Must never send a thing a second time unless the first answer said that nothing happened.
// States of one thing: first try; again after `late` (clock corrected) at most once; again after `cold` (with the last
// position in Postgres, read at that moment and never kept) at most once.
import { ChatError } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { EpochFloors } from "./floors.ts";
import { createRedisClock } from "./redis-clock.ts";
import { brokeOff, refusalFor, refusalOf } from "./rejections.ts";

/** What one answer of a script leads to. `serverMs` is the server's time where the answer carries it. */
export type Verdict<Outcome> =
  | { readonly kind: "done"; readonly outcome: Outcome; readonly epoch?: number; readonly serverMs?: number }
  | { readonly kind: "refused"; readonly refusal: ChatError }
  | { readonly kind: "again"; readonly after: "late" | "cold"; readonly serverMs?: number }
  | { readonly kind: "broken"; readonly reason: string };

/** The values of an answer that follow the outcome's name. */
export type AnswerValues = readonly (string | number)[];

/** What one outcome of a script means for the thing that was sent. */
export type Judge<Outcome, Thing> = (this: void, values: AnswerValues, thing: Thing) => Verdict<Outcome>;

/** What changes from try to try. */
export interface Try {
  /** past it the script must not act; ms on the clock of the server that holds the partition */
  readonly deadlineMs: number;
  /** no epoch below it is given out */
  readonly floor: number;
  /** the channel's last position in Postgres, only after `cold` */
  readonly base: Position | undefined;
}

/** A script as its user knows it. `Thing` is what one call is about. */
export interface ScriptUse<Name extends string, Outcome, Thing> {
  /** the outcomes' names: the script's row in scripts.ts */
  readonly answers: readonly Name[];
  readonly judges: Readonly<Record<Name, Judge<Outcome, Thing>>>;
  /** Calls the script: its answer for this thing, the outcome's name first. */
  send(thing: Thing, attempt: Try): Promise<unknown>;
  /** What follows in Postgres; asked for after `cold` alone. Rejects while Postgres is away. */
  lastSaved?(thing: Thing): Promise<Position>;
  /** Every answer, also those that lead to another try. */
  answered?(name: Name, tookMs: number): void;
  /** Redis refused a part of the script, which no waiting mends: at most once a second. */
  failed?(thing: Thing, reason: string): void;
}

export interface RunScriptOptions {
  readonly connection: RedisConnection;
  readonly floors: EpochFloors;
  /** Why this process may number nothing yet, or undefined: then everything is `unavailable`. */
  trouble?(this: void): string | undefined;
  /** How long a thing may wait in queues before it must not act any more. */
  readonly deadlineMs: number;
  /** Local time in ms, from any epoch. */
  readonly clock?: () => number;
}

/**
 * The outcome of one thing. Throws ChatError: `unavailable`, `overloaded` and what the caller's table refuses with mean that
 * nothing happened, `unknown` that it may have.
 */
export type RunScript<Outcome, Thing> = (thing: Thing, partition: number) => Promise<Outcome>;

const FAILURE_TOLD_EVERY_MS = 1_000;

export function createRunScript<Name extends string, Outcome, Thing>(
  options: RunScriptOptions,
  use: ScriptUse<Name, Outcome, Thing>,
): RunScript<Outcome, Thing> {
  const { connection, floors, deadlineMs } = options;
  const clock = options.clock ?? ((): number => performance.timeOrigin + performance.now());
  const serverClock = createRedisClock(!connection.isCluster);
  const names = new Map<unknown, Name>(use.answers.map((name) => [name, name]));
  let failureToldAtMs = Number.NEGATIVE_INFINITY;

  function tellFailure(thing: Thing, reason: string): void {
    const nowMs = clock();
    if (nowMs - failureToldAtMs < FAILURE_TOLD_EVERY_MS) return;
    failureToldAtMs = nowMs;
    use.failed?.(thing, reason);
  }

  async function attempt(thing: Thing, partition: number, base: Position | undefined): Promise<Verdict<Outcome>> {
    if (!isReady(connection)) throw refusalOf("unavailable");
    const sentMs = clock();
    const deadline = serverClock.toServer(partition, sentMs + deadlineMs);
    const sent = use.send(thing, { deadlineMs: deadline, floor: floors.of(partition), base });
    const reply = await sent.catch((error: unknown) => {
      const reason = brokeOff(error);
      if (reason !== undefined) tellFailure(thing, reason);
      throw refusalFor(error);
    });
    const receivedMs = clock();
    const [outcome, ...values]: unknown[] = Array.isArray(reply) ? reply : [];
    const name = names.get(outcome);
    // Anything but an array that starts with a known name means that Redis runs another script than ours.
    if (name === undefined) throw refusalOf("unknown");
    const verdict = use.judges[name](values.filter(isValue), thing);
    use.answered?.(name, receivedMs - sentMs);
    if ("serverMs" in verdict && verdict.serverMs !== undefined)
      serverClock.learn(partition, sentMs, receivedMs, verdict.serverMs);
    return verdict;
  }

  async function lastSaved(thing: Thing, partition: number): Promise<Position> {
    // A script that follows nothing is never cold.
    if (use.lastSaved === undefined) throw refusalOf("unknown");
    try {
      const base = await use.lastSaved(thing);
      floors.see(partition, base.epoch);
      return base;
    } catch (error) {
      if (error instanceof ChatError) throw error;
      throw new ChatError("unavailable", "the history of this channel cannot be reached");
    }
  }

  return async (thing, partition) => {
    const trouble = options.trouble?.();
    if (trouble !== undefined) throw new ChatError("unavailable", trouble);
    const tried = new Set<"late" | "cold">();
    let base: Position | undefined;
    for (;;) {
      const verdict = await attempt(thing, partition, base);
      switch (verdict.kind) {
        case "done":
          if (verdict.epoch !== undefined) floors.see(partition, verdict.epoch);
          return verdict.outcome;
        case "refused":
          throw verdict.refusal;
        case "broken":
          tellFailure(thing, verdict.reason);
          throw refusalOf("unknown");
        case "again":
          // The time that Postgres took to answer is no reason to give up a second try at the clock, nor the reverse.
          if (tried.has(verdict.after)) throw new ChatError("unavailable", "the message store does not answer in time");
          tried.add(verdict.after);
          if (verdict.after === "cold") base = await lastSaved(thing, partition);
      }
    }
  };
}

function isValue(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
