// Publishes one message by one run of publish.lua and says honestly what became of it. Called by edge and api.
// Owns what the script is given and what its answers mean; when it is sent again, and when not, is run-script.ts' to say.
import { ChatError, formatPosition, ONCE_MS } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { ComposedMessage } from "./compose-message.ts";
import type { RedisConnection } from "./connect.ts";
import type { EntryId } from "./entry-id.ts";
import type { EpochFloors } from "./floors.ts";
import type { Keys } from "./keys.ts";
import { readPosition } from "./log.ts";
import type { Partitions } from "./partitions.ts";
import { createRunScript } from "./run-script.ts";
import type { AnswerValues, Judge, Try, Verdict } from "./run-script.ts";
import { SCRIPTS } from "./scripts.ts";

/** One message on its way. `contentHash` must not hold `|`. */
export interface Publication extends ComposedMessage {
  /** the version of the channel's rights with which the sender was found to be allowed */
  readonly rightsVersion: number;
  /** 0 means none */
  readonly slowModeMs: number;
}

/** Where the message stands; for a `duplicate` where the first one does. `at` is in ms on the clock of Redis. */
export interface Published {
  readonly kind: "published";
  readonly id: string;
  readonly position: Position;
  readonly at: number;
  readonly duplicate: boolean;
  readonly entry: EntryId;
}

/** `stale`: nothing happened, since the rights changed; `version` is the one in force. */
export type PublishOutcome = Published | { readonly kind: "stale"; readonly version: number };

export interface Publisher {
  /**
   * Publishes once per (user, channel, clientId) within the remembered time. Throws ChatError: `conflict`, `slow_mode`
   * (with retryAfterMs), `overloaded` and `unavailable` mean that nothing happened, `unknown` that it may have.
   */
  publish(publication: Publication): Promise<PublishOutcome>;
}

export interface PublisherOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly partitions: Partitions;
  readonly floors: EpochFloors;
  /** Last position of a channel in Postgres, ORIGIN if there is none; rejects while Postgres is away. */
  lastSaved(channel: string): Promise<Position>;
  /** for all partitions together: one budget, of which budget.ts tells each partition what it may hold */
  readonly outboxMaxBytes: number;
  readonly onceMs?: number;
  /** Why this process may number nothing yet, or undefined: then every publication is `unavailable`. */
  trouble?(this: void): string | undefined;
  /** How long a publication may wait in queues before it must not act any more. */
  readonly deadlineMs: number;
  /** Local time in ms, from any epoch. */
  readonly clock?: () => number;
  readonly metrics?: PublisherMetrics;
  /** Redis refused a part of the script, which no waiting mends: for the log, at most once a second. */
  failed?(this: void, channel: string, reason: string): void;
}

const ANSWERS = SCRIPTS.rookeryPublish.answers;

/** An outcome of the script, by name. */
export type PublishAnswer = (typeof ANSWERS)[number];

export interface PublisherMetrics {
  /** Every answer of the script, also those that lead to another try. */
  answered(outcome: PublishAnswer, tookMs: number): void;
}

/** Whose share of the budget is spent, by the script's word. */
const SPENT: ReadonlyMap<string, string> = new Map([
  ["user", "too many messages of this user wait to be stored"],
  ["channel", "too many messages of this channel wait to be stored"],
]);

/** What each outcome of the script, and the rest of its answer, mean. */
const JUDGES = {
  ok: (values, { id }) => accept(id, values),
  duplicate: ([first]) => repeat(readFirst(String(first))),
  conflict: () => refuse("conflict", "this clientId was used for another message"),
  late: ([nowMs]) => ({ kind: "again", after: "late", serverMs: Number(nowMs) }),
  stale: ([inForce]) => ({ kind: "done", outcome: { kind: "stale", version: Number(inForce) } }),
  overloaded: ([whose]) => refuse("overloaded", fullFor(String(whose))),
  slow_mode: ([waitMs]) => refuse("slow_mode", "wait before the next message", waitMs),
  cold: () => ({ kind: "again", after: "cold" }),
  broken: ([reason]) => ({ kind: "broken", reason: String(reason) }),
} as const satisfies Record<PublishAnswer, Judge<PublishOutcome, Publication>>;

function accept(id: string, values: AnswerValues): Verdict<PublishOutcome> {
  const [epoch = 0, seq = 0, at = 0, number = 0] = values.map(Number);
  const position = { epoch, seq };
  const outcome = { kind: "published", id, position, at, duplicate: false, entry: { epoch, number } } as const;
  return { kind: "done", outcome, epoch, serverMs: at };
}

function repeat(outcome: Published): Verdict<PublishOutcome> {
  return { kind: "done", outcome, epoch: outcome.position.epoch };
}

type RefusalCode = "conflict" | "overloaded" | "slow_mode";

function refuse(code: RefusalCode, message: string, waitMs?: string | number): Verdict<PublishOutcome> {
  const details = waitMs === undefined ? {} : { retryAfterMs: Number(waitMs) };
  return { kind: "refused", refusal: new ChatError(code, message, details) };
}

function fullFor(whose: string): string {
  return SPENT.get(whose) ?? "too many messages wait to be stored";
}

/** The remembered outcome: hash|id|epoch-seq|at|entry number. */
function readFirst(remembered: string): Published {
  const [, id = "", written = "", at, number] = remembered.split("|");
  const position = readPosition(written);
  const entry = { epoch: position.epoch, number: Number(number) };
  return { kind: "published", id, position, at: Number(at), duplicate: true, entry };
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { connection, keys, partitions, metrics } = options;
  const outboxMaxBytes = String(options.outboxMaxBytes);
  const onceMs = String(options.onceMs ?? ONCE_MS);

  function send(publication: Publication, { deadlineMs, floor, base }: Try): Promise<unknown> {
    const { channel, user, clientId, id, contentHash, halves, rightsVersion, slowModeMs } = publication;
    const own = keys.channel(channel);
    const { part, outbox, rights, held } = keys.partition(own.partition);
    return connection.rookeryPublish(
      ...[part, outbox, rights, held],
      ...[own.head, own.log, own.gone, own.topic, own.once(user, clientId), own.slow(user)],
      ...[String(deadlineMs), String(floor), outboxMaxBytes, onceMs],
      ...[channel, user, contentHash, id, halves.head, halves.tail],
      ...[base === undefined ? "" : formatPosition(base), String(rightsVersion), String(slowModeMs)],
    );
  }

  const run = createRunScript(options, {
    answers: ANSWERS,
    judges: JUDGES,
    send,
    lastSaved: ({ channel }) => options.lastSaved(channel),
    answered: (name, tookMs) => metrics?.answered(name, tookMs),
    failed: ({ channel }, reason) => options.failed?.(channel, reason),
  });
  return { publish: (publication) => run(publication, partitions.of(publication.channel)) };
}
