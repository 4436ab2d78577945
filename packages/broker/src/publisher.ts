// Publishes one message by one run of publish.lua and says honestly what became of it. Called by edge and api.
// Must never send a message a second time unless the first answer said that nothing happened.
// States of one publication: first try; again after `late` (clock corrected) at most once; again after `cold` (with the
// last position in Postgres, read at that moment and never kept) at most once.
import { ChatError, formatPosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { ComposedMessage } from "./compose-message.ts";
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { EntryId } from "./entry-id.ts";
import type { EpochFloors } from "./floors.ts";
import type { ChannelKeys, Keys } from "./keys.ts";
import type { Partitions } from "./partitions.ts";
import { readPosition } from "./log.ts";
import { createRedisClock } from "./redis-clock.ts";
import { brokeOff, refusalFor } from "./rejections.ts";

/** One message on its way. `contentHash` must not hold `|`. */
export interface Publication extends ComposedMessage {
  /** the version of the channel's rights with which the sender was found to be allowed */
  readonly rightsVersion: number;
  /** 0 means none */
  readonly slowModeMs: number;
}

/** Where the message stands; for a `duplicate` where the first one does. `at` is in ms on the clock of Redis. */
export interface Published {
  readonly id: string;
  readonly position: Position;
  readonly at: number;
  readonly duplicate: boolean;
  readonly entry: EntryId;
}

/** `stale`: nothing happened, since the rights changed; holds the version now in force. */
export type PublishOutcome = Published | { readonly stale: number };

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
  lastStored(channel: string): Promise<Position>;
  /** for all partitions together: one budget, of which budget.ts tells each partition what it may hold */
  readonly outboxMaxBytes: number;
  readonly onceTtlMs?: number;
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

export interface PublisherMetrics {
  /** Every answer of the script, also those that lead to another try. */
  answered(outcome: PublishAnswer, tookMs: number): void;
}

/** The protocol's ten minutes within which a repeat is recognised. */
const ONCE_TTL_MS = 600_000;

const FAILURE_TOLD_EVERY_MS = 1_000;

/** Whose share of the budget is spent, by the script's word. */
const SPENT: ReadonlyMap<string, string> = new Map([
  ["user", "too many messages of this user wait to be stored"],
  ["channel", "too many messages of this channel wait to be stored"],
]);

type Answer = readonly (string | number)[];

/** What one answer of the script leads to. `serverMs` is the server's time where the answer carries it. */
type Verdict =
  | { readonly done: PublishOutcome; readonly serverMs?: number }
  | { readonly refused: ChatError }
  | { readonly again: "late" | "cold"; readonly serverMs?: number }
  | { readonly broken: string };

interface OutcomeRow {
  /** what the script returns first */
  readonly number: number;
  readonly name: string;
  judge(answer: Answer, id: string): Verdict;
}

/** The script's outcomes, and what the rest of its answer means. The same table stands at the head of publish.lua. */
const OUTCOMES = [
  { number: 1, name: "ok", judge: ([epoch, seq, at, entry], id) => accept(id, [epoch, seq, at, entry].map(Number)) },
  { number: 2, name: "duplicate", judge: ([first]) => ({ done: readFirst(String(first)) }) },
  { number: 3, name: "conflict", judge: () => refuse("conflict", "this clientId was used for another message") },
  { number: 4, name: "late", judge: ([nowMs]) => ({ again: "late", serverMs: Number(nowMs) }) },
  { number: 5, name: "stale", judge: ([version]) => ({ done: { stale: Number(version) } }) },
  { number: 6, name: "overloaded", judge: ([whose]) => refuse("overloaded", fullFor(String(whose))) },
  { number: 7, name: "slow_mode", judge: ([waitMs]) => refuse("slow_mode", "wait before the next message", waitMs) },
  { number: 8, name: "cold", judge: () => ({ again: "cold" }) },
  { number: 9, name: "broken", judge: ([reason]) => ({ broken: String(reason) }) },
] as const satisfies readonly OutcomeRow[];

export type PublishAnswer = (typeof OUTCOMES)[number]["name"];

const BY_NUMBER = new Map<unknown, (typeof OUTCOMES)[number]>(OUTCOMES.map((row) => [row.number, row]));

function accept(id: string, [epoch = 0, seq = 0, at = 0, number = 0]: number[]): Verdict {
  return { done: { id, position: { epoch, seq }, at, duplicate: false, entry: { epoch, number } }, serverMs: at };
}

function refuse(code: "conflict" | "overloaded" | "slow_mode", message: string, waitMs?: string | number): Verdict {
  return { refused: new ChatError(code, message, waitMs === undefined ? {} : { retryAfterMs: Number(waitMs) }) };
}

function fullFor(whose: string): string {
  return SPENT.get(whose) ?? "too many messages wait to be stored";
}

/** The remembered outcome: hash|id|epoch-seq|at|entry number. */
function readFirst(remembered: string): Published {
  const [, id = "", place = "", at, number] = remembered.split("|");
  const position = readPosition(place);
  return { id, position, at: Number(at), duplicate: true, entry: { epoch: position.epoch, number: Number(number) } };
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { connection, keys, floors, deadlineMs } = options;
  const clock = options.clock ?? ((): number => performance.timeOrigin + performance.now());
  const serverClock = createRedisClock(!connection.isCluster);
  const outboxMaxBytes = String(options.outboxMaxBytes);
  const onceTtlMs = options.onceTtlMs ?? ONCE_TTL_MS;
  let failureToldAtMs = Number.NEGATIVE_INFINITY;

  function tellFailure(channel: string, reason: string): void {
    const nowMs = clock();
    if (nowMs - failureToldAtMs < FAILURE_TOLD_EVERY_MS) return;
    failureToldAtMs = nowMs;
    options.failed?.(channel, reason);
  }

  async function run(publication: Publication, place: ChannelKeys, base: Position | undefined): Promise<Verdict> {
    if (!isReady(connection)) throw new ChatError("unavailable", "the message store cannot be reached");
    const sentMs = clock();
    const deadline = serverClock.toServer(place.partition, sentMs + deadlineMs);
    const floor = floors.of(place.partition);
    const { channel, user, halves } = publication;
    const { part, outbox, rights, held } = keys.partition(place.partition);
    const reply = await connection
      .rookeryPublish(
        ...[part, place.head, place.log, place.gone, outbox],
        ...[place.once(user, publication.clientId), rights, place.slow(user), place.topic, held],
        ...[channel, publication.contentHash, publication.id, halves.head, halves.tail],
        ...[String(deadline), String(floor), base === undefined ? "" : formatPosition(base)],
        ...[String(publication.rightsVersion), String(publication.slowModeMs)],
        ...[outboxMaxBytes, String(onceTtlMs), user],
      )
      .catch((error: unknown) => {
        const reason = brokeOff(error);
        if (reason !== undefined) tellFailure(channel, reason);
        throw refusalFor(error);
      });
    const receivedMs = clock();
    const { name, verdict } = readAnswer(reply, publication.id);
    options.metrics?.answered(name, receivedMs - sentMs);
    if ("serverMs" in verdict && verdict.serverMs !== undefined)
      serverClock.learn(place.partition, sentMs, receivedMs, verdict.serverMs);
    return verdict;
  }

  async function lastStored(channel: string, partition: number): Promise<Position> {
    try {
      const base = await options.lastStored(channel);
      floors.see(partition, base.epoch);
      return base;
    } catch (error) {
      if (error instanceof ChatError) throw error;
      throw new ChatError("unavailable", "the history of this channel cannot be reached");
    }
  }

  return {
    async publish(publication) {
      const trouble = options.trouble?.();
      if (trouble !== undefined) throw new ChatError("unavailable", trouble);
      const place = keys.channel(publication.channel);
      const tried = new Set<"late" | "cold">();
      let base: Position | undefined;
      for (;;) {
        const verdict = await run(publication, place, base);
        if ("refused" in verdict) throw verdict.refused;
        if ("broken" in verdict) {
          tellFailure(publication.channel, verdict.broken);
          throw unknownOutcome();
        }
        if ("done" in verdict) {
          if ("position" in verdict.done) floors.see(place.partition, verdict.done.position.epoch);
          return verdict.done;
        }
        // The time that Postgres took to answer is no reason to give up a second try at the clock, nor the reverse.
        if (tried.has(verdict.again)) throw new ChatError("unavailable", "the message store does not answer in time");
        tried.add(verdict.again);
        if (verdict.again === "cold") base = await lastStored(publication.channel, place.partition);
      }
    },
  };
}

/** Anything but an array that starts with a known number means that Redis runs another script than ours. */
function readAnswer(reply: unknown, id: string): { name: PublishAnswer; verdict: Verdict } {
  const [number, ...answer]: unknown[] = Array.isArray(reply) ? reply : [];
  const row = BY_NUMBER.get(number);
  if (row === undefined) throw unknownOutcome();
  return { name: row.name, verdict: row.judge(answer.filter(isPart), id) };
}

function unknownOutcome(): ChatError {
  return new ChatError("unknown", "the outcome is not known: repeat with the same clientId");
}

function isPart(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
