// Sends one judged change to change.lua and says honestly what became of it. Called by create-changes.ts; owns what the script
// is given and what its answers mean. Must never send a change a second time.
import { ChatError, formatPosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { EpochFloors } from "./floors.ts";
import type { JudgedChange } from "./judge-change.ts";
import type { Keys } from "./keys.ts";
import type { RedisClock } from "./redis-clock.ts";
import { brokeOff, refusalFor, refusalOf } from "./rejections.ts";
import { SCRIPTS } from "./script-table.ts";
import type { WriteLinks } from "./write-links.ts";

export interface ChangeRunOptions {
  readonly links: WriteLinks;
  readonly keys: Keys;
  readonly floors: EpochFloors;
  readonly serverClock: RedisClock;
  readonly outboxMaxBytes: number;
  /**
   * Until when, in local time, what is known of the rights in a partition may be relied upon: nothing that was judged by them
   * acts later. For ever, when left out.
   */
  rightsUntilMs?(this: void, partition: number): number;
  /** Local time in ms. */
  clock(this: void): number;
  /** Redis refused a part of the script, which no waiting mends. */
  failed(this: void, channel: string, reason: string): void;
}

/** What a change may be sent with. */
export interface ChangeRunTry {
  readonly rightsVersion: number;
  /** The channel's last position in Postgres, read for this try alone. */
  readonly base: Position | undefined;
  /** Past it the change must not act any more; ms on the local clock. */
  readonly deadlineMs: number;
}

/** What became of a change. With all but `done` nothing did. */
export type ChangeAnswer =
  { readonly kind: "done"; readonly position: Position } | { readonly kind: "again" | "late" | "stale" | "cold" };

/** Throws the ChatError that refuses it, or `unknown`. */
export type ChangeRun = (change: JudgedChange, given: ChangeRunTry) => Promise<ChangeAnswer>;

type AnswerName = (typeof SCRIPTS)["rookeryChange"]["answers"][number];

/** What an answer of the script means. */
type Meaning = (
  channel: string,
  one: unknown,
  two: unknown,
) => ChangeAnswer | { readonly kind: "broken"; readonly reason: string };

const MEANINGS = {
  ok: (_, epoch, seq) => ({ kind: "done", position: { epoch: Number(epoch), seq: Number(seq) } }),
  again: () => ({ kind: "again" }),
  late: () => ({ kind: "late" }),
  stale: () => ({ kind: "stale" }),
  overloaded: (channel) => refuse("overloaded", "too much waits to be stored", channel),
  cold: () => ({ kind: "cold" }),
  too_many: (channel) => refuse("too_many", "the message has as many different emoji as it may", channel),
  waits: (channel) => refuse("unavailable", "the message waits to be stored: try again later", channel),
  broken: (_, reason) => ({ kind: "broken", reason: String(reason) }),
} as const satisfies Record<AnswerName, Meaning>;

function refuse(code: "overloaded" | "too_many" | "unavailable", message: string, channel: string): never {
  throw new ChatError(code, message, { channel });
}

export function createChangeRun(options: ChangeRunOptions): ChangeRun {
  const { links, keys, floors, serverClock, clock } = options;
  const budget = String(options.outboxMaxBytes);

  function argumentsOf(change: JudgedChange, { rightsVersion, base }: ChangeRunTry, deadline: number) {
    const { kind, draft, halves, message, told, field, mostEmoji, ending, removed } = change;
    const { channel, id, user } = draft;
    const own = keys.channel(channel);
    const { part, outbox, rights, held } = keys.partition(own.partition);
    const counts = message.reactions.map(({ emoji, count }) => `\n${count} ${emoji}`).join("");
    const names = [part, outbox, rights, held, own.head, own.log, own.gone, own.topic, own.acts, own.acted] as const;
    return [
      ...names,
      ...([own.marks(id), own.once(message.told.u, message.told.c)] as const),
      ...([String(deadline), String(floors.of(own.partition)), budget, channel, String(rightsVersion)] as const),
      ...([base === undefined ? "" : formatPosition(base), user, kind, halves.head, halves.tail] as const),
      ...([id, message.line, told, counts, message.told.e ?? "", field, message.markText, mostEmoji] as const),
      ...([message.told.p, message.told.u, ending, removed] as const),
    ] as const;
  }

  return async (change, given) => {
    const { channel } = change.draft;
    const { partition } = keys.channel(channel);
    const link = links(partition);
    if (link === undefined) throw refusalOf("unavailable");
    const sentMs = clock();
    const rightsUntilMs = options.rightsUntilMs?.(partition) ?? Number.POSITIVE_INFINITY;
    if (rightsUntilMs <= sentMs) throw refusalOf("unavailable");
    const deadline = serverClock.toServer(partition, Math.min(given.deadlineMs, rightsUntilMs));
    try {
      const reply: unknown = await link.connection.rookeryChange(...argumentsOf(change, given, deadline));
      const [nowMs, name, one, two]: unknown[] = Array.isArray(reply) ? reply : [];
      if (typeof nowMs !== "number" || !isAnswerName(name)) throw unknown();
      serverClock.learn(partition, sentMs, clock(), nowMs);
      const answer: ReturnType<Meaning> = MEANINGS[name](channel, one, two);
      if (answer.kind === "done") floors.see(partition, answer.position.epoch);
      if (answer.kind === "done" && !(await link.isKept())) throw unknown();
      if (answer.kind !== "broken") return answer;
      options.failed(channel, answer.reason);
      throw unknown();
    } catch (error) {
      const reason = brokeOff(error);
      if (reason !== undefined) options.failed(channel, reason);
      const refusal = refusalFor(error);
      throw refusal.code === "unknown" ? unknown() : refusal;
    }
  };
}

/** What a change is refused with of which is not known whether it stands. */
export function unknown(): ChatError {
  return new ChatError("unknown", "the outcome is not known: repeat it");
}

function isAnswerName(name: unknown): name is AnswerName {
  return SCRIPTS.rookeryChange.answers.some((each) => each === name);
}
