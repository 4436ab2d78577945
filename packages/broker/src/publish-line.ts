// The line of one partition: messages wait here, go to Redis in runs, one run at a time, and are led to their end. Called by
// publisher.ts; what a run is on the wire is publish-run.ts' to know. Knows no Redis.
// Must never send a message again unless its answer said that nothing happened, and never let one pass another of its sender
// and channel: whatever is tried again goes before what came after it.
// States of the line: idle, due (a run begins within this turn), under way, pausing (a run has no answer: it may still act
// until its deadline).
// States of a message: waiting, in a run, held (its channel is cold: with all of the channel, while Postgres is asked once; or
// its rights are stale: with its sender's others of the channel, while they are judged once), ended.
import { ChatError } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { takeRun } from "./next-run.ts";
import type { Stretch, Waiting } from "./next-run.ts";
import type { Publication, Published } from "./publication.ts";
import { refusalOf } from "./rejections.ts";

/** What became of one message. `stale` and `cold`: nothing did. */
export type Outcome =
  | { readonly kind: "done"; readonly published: Published }
  | { readonly kind: "refused"; readonly refusal: ChatError }
  | { readonly kind: "stale" }
  | { readonly kind: "cold" };

/** What became of a run. */
export type RunAnswer =
  /** One outcome for each message, in the order in which they were given. */
  | { readonly kind: "outcomes"; readonly outcomes: readonly Outcome[] }
  /** Nothing happened: it came after `lateMs`, which is on the local clock. */
  | { readonly kind: "late"; readonly lateMs: number }
  /** Nothing happened, or what did is not known. Until `actsUntilMs`, on the local clock, it may still happen. */
  | { readonly kind: "refused"; readonly refusal: ChatError; readonly actsUntilMs?: number };

export interface LineOptions {
  /** Sends a run. One that rejects may have happened. */
  run(this: void, stretches: readonly Stretch[]): Promise<RunAnswer>;
  /** What a channel follows in Postgres, read now. Rejects with ChatError. */
  lastSaved(this: void, channel: string): Promise<Position>;
  /** The line has something to send: `begin` is to be called before this turn of the loop ends. */
  due(this: void, line: Line): void;
  /** Local time in ms. */
  clock(this: void): number;
  later(this: void, ms: number, work: () => void): void;
}

export interface Line {
  add(waiting: Waiting): void;
  begin(): void;
}

type Holds = Map<string, Waiting[]>;

const TOO_LATE = "the message store does not answer in time";

export function createLine({ run, lastSaved, due, clock, later }: LineOptions): Line {
  let waiting: Waiting[] = [];
  let state: "idle" | "due" | "under way" | "pausing" = "idle";
  /** By channel, and by channel and sender: they are let go together. */
  const cold: Holds = new Map();
  const stale: Holds = new Map();
  const bases = new Map<string, Position>();

  function wake(): void {
    if (state !== "idle" || waiting.length === 0) return;
    state = "due";
    due(line);
  }

  /** Puts messages before all that came after them. */
  function putBack(messages: readonly Waiting[]): void {
    const held = messages.length === 0 ? undefined : cold.get(messages[0]?.publication.channel ?? "");
    if (held === undefined) waiting = [...messages, ...waiting];
    else {
      held.unshift(...messages);
      endInTime(cold, messages[0]?.publication.channel ?? "", held);
    }
  }

  /** Past its deadline a message is refused, whatever it is held for. */
  function endInTime(holds: Holds, key: string, held: Waiting[]): void {
    const [first] = held;
    if (first === undefined) return;
    later(Math.max(0, first.deadlineMs - clock()) + 1, () => {
      if (holds.get(key) !== held) return;
      const nowMs = clock();
      refuseAll(
        held.filter(({ deadlineMs }) => deadlineMs < nowMs),
        new ChatError("unavailable", TOO_LATE),
      );
      held.splice(0, held.length, ...held.filter(({ deadlineMs }) => deadlineMs >= nowMs));
      endInTime(holds, key, held);
    });
  }

  function hold(holds: Holds, key: string, held: Waiting[]): void {
    holds.set(key, held);
    endInTime(holds, key, held);
  }

  /** Behind those that are held already, if any are. */
  function joinHeld(holds: Holds, key: string, message: Waiting): boolean {
    const held = holds.get(key);
    held?.push(message);
    if (held?.length === 1) endInTime(holds, key, held);
    return held !== undefined;
  }

  /** Takes those that may not go before a held one out of the line, in order. */
  function takeOut(isBehind: (other: Waiting) => boolean): Waiting[] {
    const taken = waiting.filter(isBehind);
    if (taken.length > 0) waiting = waiting.filter((other) => !isBehind(other));
    return taken;
  }

  /** Asks Postgres once for all of the channel that wait. */
  function warm(channel: string, first: readonly Waiting[]): void {
    const held = [...first, ...takeOut(({ publication }) => publication.channel === channel)];
    hold(cold, channel, held);
    const isLetGo = (): boolean => cold.get(channel) === held && cold.delete(channel);
    const warmed = (base: Position): void => {
      if (!isLetGo()) return;
      if (state !== "pausing") bases.set(channel, base);
      putBack(held);
      wake();
    };
    lastSaved(channel).then(warmed, (error: unknown) => {
      if (isLetGo()) refuseAll(held, asRefusal(error));
    });
  }

  /** Has the sender's rights in the channel judged once for all that were sent by the version that is no longer in force. */
  function judge(first: Waiting, others: readonly Waiting[]): void {
    const { channel, user } = first.publication;
    const former = first.rightsVersion;
    const behind = takeOut(({ publication }) => publication.channel === channel && publication.user === user);
    const held = [first, ...others, ...behind];
    const key = senderKey(first.publication);
    hold(stale, key, held);
    const judged = (verdict: number | ChatError): void => {
      if (stale.get(key) !== held) return;
      stale.delete(key);
      for (const message of held) {
        if (message.rightsVersion !== former) continue;
        message.wasStale = true;
        if (typeof verdict === "number") message.rightsVersion = verdict;
        else message.refused(verdict);
      }
      putBack(typeof verdict === "number" ? held : held.filter((message) => message.rightsVersion !== former));
      wake();
    };
    first.publication.freshRights().then(judged, (error: unknown) => judged(asRefusal(error)));
  }

  function settle(messages: readonly Waiting[], outcomes: readonly Outcome[]): void {
    const again = { cold: new Map<string, Waiting[]>(), stale: new Map<string, Waiting[]>() };
    for (const [at, message] of messages.entries()) {
      const outcome = outcomes[at] ?? { kind: "refused", refusal: refusalOf("unknown") };
      if (outcome.kind === "done") message.done(outcome.published);
      else if (outcome.kind === "refused") message.refused(outcome.refusal);
      else if (outcome.kind === "stale" && message.wasStale) {
        const { channel } = message.publication;
        message.refused(new ChatError("unavailable", "the channel's rights are changing", { channel }));
      } else {
        const key = outcome.kind === "cold" ? message.publication.channel : senderKey(message.publication);
        const together = again[outcome.kind].get(key);
        if (together === undefined) again[outcome.kind].set(key, [message]);
        else together.push(message);
      }
    }
    for (const [channel, held] of again.cold) warm(channel, held);
    for (const [first, ...others] of again.stale.values()) if (first !== undefined) judge(first, others);
  }

  /** Each message is tried again once; it costs a message its try only if its own deadline had passed. */
  function tryLateAgain(messages: readonly Waiting[], lateMs: number): void {
    const again: Waiting[] = [];
    for (const message of messages) {
      const isOver = message.deadlineMs < clock();
      if (isOver || message.wasLate) message.refused(new ChatError("unavailable", TOO_LATE));
      else {
        message.wasLate = message.deadlineMs < lateMs;
        again.push(message);
      }
    }
    waiting = [...again, ...waiting];
  }

  /** What Redis cannot be asked now, those that wait cannot ask either: they need not find out one run after the other. */
  function refuse(messages: readonly Waiting[], refusal: ChatError): void {
    refuseAll(messages, refusal);
    if (refusal.code !== "unavailable") return;
    refuseAll(waiting, refusal);
    waiting = [];
    bases.clear();
    for (const holds of [cold, stale]) {
      for (const held of holds.values()) refuseAll(held, refusal);
      holds.clear();
    }
  }

  function ended(stretches: readonly Stretch[], answer: RunAnswer): void {
    const messages = stretches.flatMap((stretch) => stretch.messages);
    state = "idle";
    switch (answer.kind) {
      case "outcomes":
        settle(messages, answer.outcomes);
        break;
      case "late":
        tryLateAgain(messages, answer.lateMs);
        break;
      case "refused":
        refuse(messages, answer.refusal);
        if (answer.actsUntilMs !== undefined) pauseUntil(answer.actsUntilMs);
    }
    wake();
  }

  function pauseUntil(localMs: number): void {
    state = "pausing";
    bases.clear();
    later(Math.max(0, localMs - clock()), () => {
      state = "idle";
      wake();
    });
  }

  const line: Line = {
    add(message) {
      const { publication } = message;
      const isHeld =
        (stale.size > 0 && joinHeld(stale, senderKey(publication), message)) ||
        (cold.size > 0 && joinHeld(cold, publication.channel, message));
      if (!isHeld) waiting.push(message);
      wake();
    },
    begin() {
      if (state !== "due") return;
      state = "idle";
      const taken = takeRun(waiting, bases, clock());
      // What was read is good for the run that follows, and for no later one: by then the channel may have gone on.
      bases.clear();
      waiting = taken.rest;
      for (const message of taken.expired) message.refused(new ChatError("unavailable", TOO_LATE));
      if (taken.stretches.length === 0) return;
      state = "under way";
      const { stretches } = taken;
      run(stretches).then(
        (answer) => ended(stretches, answer),
        () => ended(stretches, { kind: "refused", refusal: refusalOf("unknown") }),
      );
    },
  };
  return line;
}

/** No channel holds a `|`. */
function senderKey({ channel, user }: Publication): string {
  return `${channel}|${user}`;
}

function refuseAll(messages: readonly Waiting[], refusal: ChatError): void {
  for (const message of messages) message.refused(refusal);
}

function asRefusal(error: unknown): ChatError {
  return error instanceof ChatError ? error : refusalOf("unavailable");
}
