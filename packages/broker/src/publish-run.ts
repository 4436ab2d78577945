// Sends one run of messages to publish.lua and says honestly what became of it. Called by publish-line.ts, by way of
// publisher.ts; owns what the script is given and what its answers mean.
// Must never send a run a second time: whether one may be tried again is the line's to say, by the answer.
import { ChatError, formatPosition } from "@rookery/protocol";
import type { EpochFloors } from "./floors.ts";
import type { Keys } from "./keys.ts";
import { readPosition } from "./log.ts";
import type { Published } from "./publication.ts";
import type { Stretch } from "./next-run.ts";
import type { Outcome, RunAnswer } from "./publish-line.ts";
import type { RedisClock } from "./redis-clock.ts";
import { brokeOff, isAnswer, refusalFor, refusalOf } from "./rejections.ts";
import { SCRIPTS } from "./script-table.ts";
import type { WriteLink, WriteLinks } from "./write-links.ts";

const ANSWERS = SCRIPTS.rookeryPublish.answers;

/** An outcome of the script, by name. */
export type PublishAnswer = (typeof ANSWERS)[number];

export interface PublishRunOptions {
  readonly links: WriteLinks;
  readonly keys: Keys;
  readonly floors: EpochFloors;
  readonly serverClock: RedisClock;
  readonly outboxMaxBytes: number;
  readonly onceMs: number;
  /** Local time in ms. */
  clock(this: void): number;
  /**
   * Until when, in local time, what is known of the rights in a partition may be relied upon: nothing that was judged by them
   * acts later. For ever, when left out.
   */
  rightsUntilMs?(this: void, partition: number): number;
  /** Every answer for a message, also those that lead to another try. */
  answered(this: void, outcome: PublishAnswer, tookMs: number): void;
  /** Redis refused a part of the script, which no waiting mends. */
  failed(this: void, channel: string, reason: string): void;
}

/** Sends the run to the script; never rejects. */
export type PublishRun = (partition: number, stretches: readonly Stretch[]) => Promise<RunAnswer>;

/** What an answer of the script means for one message: `values` are the three that follow the name. */
type Judge = (
  values: Values,
  id: string,
  atMs: number,
) => Outcome | { readonly kind: "broken"; readonly reason: string };
type Values = readonly [unknown, unknown, unknown];

/** Whose share of the budget is spent, by the script's word. */
const SPENT: ReadonlyMap<unknown, string> = new Map([
  ["user", "too many messages of this user wait to be stored"],
  ["channel", "too many messages of this channel wait to be stored"],
]);

const JUDGES = {
  ok: ([epoch, seq, number], id, at) => {
    const position = { epoch: Number(epoch), seq: Number(seq) };
    const entry = { epoch: position.epoch, number: Number(number) };
    return { kind: "done", published: { kind: "published", id, position, at, duplicate: false, entry } };
  },
  duplicate: ([first]) => ({ kind: "done", published: readFirst(String(first)) }),
  conflict: () => refuse("conflict", "this clientId was used for another message"),
  late: () => ({ kind: "broken", reason: "late for one message alone" }),
  stale: () => ({ kind: "stale" }),
  overloaded: ([whose]) => refuse("overloaded", SPENT.get(whose) ?? "too many messages wait to be stored"),
  slow_mode: ([waitMs]) => refuse("slow_mode", "wait before the next message", Number(waitMs)),
  cold: () => ({ kind: "cold" }),
  broken: ([reason]) => ({ kind: "broken", reason: String(reason) }),
} as const satisfies Record<PublishAnswer, Judge>;

const VALUES_EACH = 4;

function refuse(code: "conflict" | "overloaded" | "slow_mode", message: string, retryAfterMs?: number): Outcome {
  return {
    kind: "refused",
    refusal: new ChatError(code, message, retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** The remembered outcome: hash|id|epoch-seq|at|entry number. */
function readFirst(remembered: string): Published {
  const [, id = "", written = "", at, number] = remembered.split("|");
  const position = readPosition(written);
  const entry = { epoch: position.epoch, number: Number(number) };
  return { kind: "published", id, position, at: Number(at), duplicate: true, entry };
}

function isAnswerName(name: unknown): name is PublishAnswer {
  return typeof name === "string" && Object.hasOwn(JUDGES, name);
}

export function createPublishRun(options: PublishRunOptions): PublishRun {
  const { links, keys, floors, serverClock, clock } = options;
  const budget = String(options.outboxMaxBytes);
  const remembered = String(options.onceMs);

  /** How many keys, the keys, the arguments: in the order of the script's header. */
  function argumentsOf(partition: number, stretches: readonly Stretch[], deadline: number): (string | number)[] {
    const { part, outbox, rights, held } = keys.partition(partition);
    const names = [part, outbox, rights, held];
    const once: string[] = [];
    const given = [String(deadline), String(floors.of(partition)), budget, remembered, String(stretches.length)];
    const contents: string[] = [];
    for (const { channel, rightsVersion, slowModeMs, base, before, messages } of stretches) {
      const own = keys.channel(channel);
      names.push(own.head, own.log, own.gone, own.topic, own.acts, own.acted);
      const from = base === undefined ? "" : formatPosition(base);
      given.push(channel, String(rightsVersion), String(slowModeMs), from, before, String(messages.length));
      for (const { publication } of messages) {
        const { user, clientId, id, contentHash, halves } = publication;
        once.push(own.once(user, clientId));
        if (slowModeMs > 0) once.push(own.slow(user));
        contents.push(`${contentHash}|${id}`, halves.tail);
      }
    }
    return [names.length + once.length, ...names, ...once, ...given, ...contents];
  }

  function read(reply: readonly unknown[], stretches: readonly Stretch[], tookMs: number): Outcome[] {
    const at = Number(reply[0]);
    let next = 1;
    return stretches.flatMap(({ channel, messages }) =>
      messages.map(({ publication }) => {
        const name = reply[next];
        const values: Values = [reply[next + 1], reply[next + 2], reply[next + 3]];
        next += VALUES_EACH;
        // Another script than ours answered.
        if (!isAnswerName(name)) return { kind: "refused", refusal: refusalOf("unknown") };
        options.answered(name, tookMs);
        const outcome: ReturnType<Judge> = JUDGES[name](values, publication.id, at);
        if (outcome.kind !== "broken") return outcome;
        options.failed(channel, outcome.reason);
        return { kind: "refused", refusal: refusalOf("unknown") };
      }),
    );
  }

  /** What a run ends with that has no answer, or an error for one. */
  function rejected(error: unknown, channel: string, actsUntilMs: number): RunAnswer {
    const reason = brokeOff(error);
    if (reason !== undefined) options.failed(channel, reason);
    const refusal = refusalFor(error);
    const mayStillAct = refusal.code === "unknown" && !isAnswer(error);
    return { kind: "refused", refusal, ...(mayStillAct && { actsUntilMs }) };
  }

  return async (partition, stretches) => {
    const link = links(partition);
    if (link === undefined) return { kind: "refused", refusal: refusalOf("unavailable") };
    const sentMs = clock();
    const rightsUntilMs = options.rightsUntilMs?.(partition) ?? Number.POSITIVE_INFINITY;
    if (rightsUntilMs <= sentMs) return { kind: "refused", refusal: refusalOf("unavailable") };
    const deadlineMs = Math.min(earliest(stretches), rightsUntilMs);
    const deadline = serverClock.toServer(partition, deadlineMs);
    try {
      const reply: unknown = await link.connection.rookeryPublish(...argumentsOf(partition, stretches, deadline));
      const receivedMs = clock();
      const [nowMs, name]: unknown[] = Array.isArray(reply) ? reply : [];
      if (!Array.isArray(reply) || typeof nowMs !== "number") throw refusalOf("unknown");
      serverClock.learn(partition, sentMs, receivedMs, nowMs);
      if (name === "late") {
        for (const { messages } of stretches) for (const _ of messages) options.answered("late", receivedMs - sentMs);
        return { kind: "late", lateMs: nowMs - deadline + deadlineMs };
      }
      const outcomes = read(reply, stretches, receivedMs - sentMs);
      for (const outcome of outcomes)
        if (outcome.kind === "done") floors.see(partition, outcome.published.position.epoch);
      return { kind: "outcomes", outcomes: await kept(link, outcomes) };
    } catch (error) {
      return rejected(error, stretches[0]?.channel ?? "", serverClock.passedBy(partition, deadline));
    }
  };
}

/** What is not known to be kept is not acknowledged, a repeat no more than the first. */
async function kept(link: WriteLink, outcomes: readonly Outcome[]): Promise<readonly Outcome[]> {
  if (!outcomes.some(({ kind }) => kind === "done") || (await link.isKept())) return outcomes;
  return outcomes.map((outcome) =>
    outcome.kind === "done" ? { kind: "refused", refusal: refusalOf("unknown") } : outcome,
  );
}

function earliest(stretches: readonly Stretch[]): number {
  let deadlineMs = Number.POSITIVE_INFINITY;
  for (const { messages } of stretches) for (const each of messages) deadlineMs = Math.min(deadlineMs, each.deadlineMs);
  return deadlineMs;
}
