// Publishes messages, each by its partition's line, and says honestly what became of each. Called by edge and api.
// Owns what may wait in this process, and that what begins in one turn of the loop leaves in one write.
import { ChatError, ONCE_MS } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { inOneWrite, isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { EpochFloors } from "./floors.ts";
import type { Keys } from "./keys.ts";
import type { Partitions } from "./partitions.ts";
import type { Publication, Published } from "./publication.ts";
import { createLine } from "./publish-line.ts";
import type { Stretch } from "./next-run.ts";
import type { Line } from "./publish-line.ts";
import { createPublishRun } from "./publish-run.ts";
import type { PublishAnswer } from "./publish-run.ts";
import { createServerClock } from "./redis-clock.ts";
import { refusalOf } from "./rejections.ts";
import { createFastLinks } from "./write-links.ts";
import type { WriteLinks } from "./write-links.ts";

export interface Publisher {
  /**
   * Publishes once per (user, channel, clientId) within the remembered time. The message stands in its line when this
   * returns: of one sender in one channel, whatever is given later is numbered later. Throws ChatError: `conflict`,
   * `slow_mode` (with retryAfterMs), `overloaded` and `unavailable` mean that nothing happened, `unknown` that it may have.
   */
  publish(publication: Publication): Promise<Published>;
}

export interface PublisherOptions {
  readonly connection: RedisConnection;
  /** By which of it to write, and when that is kept; by `connection` with the master's word alone, when left out. */
  readonly links?: WriteLinks;
  readonly keys: Keys;
  readonly partitions: Partitions;
  readonly floors: EpochFloors;
  /** Last position of a channel in Postgres, ORIGIN if there is none; rejects while Postgres is away. */
  lastSaved(channel: string): Promise<Position>;
  /** for all partitions together: one budget, of which budget.ts tells each partition what it may hold */
  readonly outboxMaxBytes: number;
  readonly onceMs?: number;
  /**
   * Until when, in local time, what is known of the rights in a partition may be relied upon: nothing that was judged by them
   * acts later. For ever, when left out.
   */
  rightsUntilMs?(this: void, partition: number): number;
  /** Why this process may number nothing yet, or undefined: then every publication is `unavailable`. */
  trouble?(this: void): string | undefined;
  /** How long a publication may wait, from its arrival, before it must not act any more. */
  readonly deadlineMs: number;
  /** Local time in ms, from any epoch. */
  readonly clock?: () => number;
  readonly metrics?: PublisherMetrics;
  /** A message got its position, at this time of Redis' clock, in ms; not told of a repeat. */
  numbered?(this: void, channel: string, user: string, atMs: number): void;
  /** Redis refused a part of the script, which no waiting mends: for the log, at most once a second. */
  failed?(this: void, channel: string, reason: string): void;
}

export interface PublisherMetrics {
  /** Every answer of the script for a message, also those that lead to another try. */
  answered?(outcome: PublishAnswer, tookMs: number): void;
  /** A run was sent with so many messages. */
  ran?(messages: number): void;
}

/** What may be on its way, from arrival to outcome. A stalled Redis must not cost a process its memory, nor its senders minutes. */
const MOST_IN_PARTITION = { messages: 1_000, bytes: 4 * 2 ** 20 };
const MOST_IN_PROCESS = { messages: 16_000, bytes: 32 * 2 ** 20 };
/** The objects and strings of a message beside its frame. */
const MESSAGE_BYTES = 500;

const FAILURE_TOLD_EVERY_MS = 1_000;

interface Load {
  messages: number;
  bytes: number;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { connection, partitions, deadlineMs, metrics } = options;
  const clock = options.clock ?? ((): number => performance.timeOrigin + performance.now());
  const run = createPublishRun({
    ...options,
    links: options.links ?? createFastLinks(connection),
    clock,
    serverClock: createServerClock(connection, partitions),
    onceMs: options.onceMs ?? ONCE_MS,
    answered: (outcome, tookMs) => metrics?.answered?.(outcome, tookMs),
    failed: atMostOnceA(FAILURE_TOLD_EVERY_MS, clock, (channel, reason) => options.failed?.(channel, reason)),
  });
  const lines = new Map<number, { readonly line: Line; readonly load: Load }>();
  const together: Load = { messages: 0, bytes: 0 };
  let due: Line[] = [];

  /** All that begin in one turn, whichever partitions they are of. What arrives in the same turn goes with them. */
  function beginDue(): void {
    const begun = due;
    due = [];
    inOneWrite(connection, () => {
      for (const line of begun) line.begin();
    });
  }

  function lineOf(partition: number): { readonly line: Line; readonly load: Load } {
    const known = lines.get(partition);
    if (known !== undefined) return known;
    const line = createLine({
      run(stretches) {
        metrics?.ran?.(countOf(stretches));
        return run(partition, stretches);
      },
      lastSaved: (channel) => lastSaved(partition, channel),
      due(waiting) {
        if (due.length === 0) setImmediate(beginDue);
        due.push(waiting);
      },
      clock,
      later: (ms, work) => void setTimeout(work, ms),
    });
    const made = { line, load: { messages: 0, bytes: 0 } };
    lines.set(partition, made);
    return made;
  }

  async function lastSaved(partition: number, channel: string): Promise<Position> {
    try {
      const base = await options.lastSaved(channel);
      options.floors.see(partition, base.epoch);
      return base;
    } catch (error) {
      if (error instanceof ChatError) throw error;
      throw new ChatError("unavailable", "the history of this channel cannot be reached");
    }
  }

  return {
    publish(publication) {
      const trouble = options.trouble?.();
      if (trouble !== undefined) return Promise.reject(new ChatError("unavailable", trouble));
      if (!isReady(connection)) return Promise.reject(refusalOf("unavailable"));
      const { line, load } = lineOf(partitions.of(publication.channel));
      if (isFull(load, MOST_IN_PARTITION) || isFull(together, MOST_IN_PROCESS)) {
        return Promise.reject(new ChatError("overloaded", "too many messages wait for the message store"));
      }
      const { halves, rightsVersion } = publication;
      const bytes = Buffer.byteLength(halves.head) + Buffer.byteLength(halves.tail) + MESSAGE_BYTES;
      const left = (): void => {
        add(load, -1, -bytes);
        add(together, -1, -bytes);
      };
      add(load, 1, bytes);
      add(together, 1, bytes);
      return new Promise((resolve, reject) => {
        line.add({
          publication,
          bytes,
          rightsVersion,
          wasLate: false,
          wasStale: false,
          deadlineMs: clock() + deadlineMs,
          done(outcome) {
            left();
            if (!outcome.duplicate) options.numbered?.(publication.channel, publication.user, outcome.at);
            resolve(outcome);
          },
          refused(refusal) {
            left();
            reject(refusal);
          },
        });
      });
    },
  };
}

function isFull(load: Load, most: Load): boolean {
  return load.messages >= most.messages || load.bytes >= most.bytes;
}

function add(load: Load, messages: number, bytes: number): void {
  load.messages += messages;
  load.bytes += bytes;
}

function countOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { messages }) => sum + messages.length, 0);
}

function atMostOnceA(
  everyMs: number,
  clock: () => number,
  tell: (channel: string, reason: string) => void,
): (channel: string, reason: string) => void {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return (channel, reason) => {
    const nowMs = clock();
    if (nowMs - toldAtMs < everyMs) return;
    toldAtMs = nowMs;
    tell(channel, reason);
  };
}
