// How much is said where: messages and senders of each channel in the last minute, five minutes and hour. Every process that has
// messages numbered counts its own in memory and adds them to Redis once a second, a script a partition, so that a message costs
// Redis nothing. Made by edge and api beside their publisher; read by the api.
// Must never send what it counted a second time: what did not get through is lost, as a second of a killed process is.
// States: idle (nothing counted, no timer), counting (it is told within a second), closed.
import { answered } from "./answered.ts";
import { inOneWrite, isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface Activity {
  /** A message of the user was numbered at this time of Redis' clock, in ms. */
  numbered(this: void, channel: string, user: string, atMs: number): void;
  /** Tells what is counted, and counts nothing from then on. Never rejects. */
  close(this: void): Promise<void>;
}

export interface ActivityOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** Between two tellings, ms. */
  readonly everyMs?: number;
  /** A telling was lost. */
  failed?(this: void, error: unknown): void;
}

/** Of one channel in the last minute, five minutes and hour. */
export interface ChannelActivity {
  readonly messages: Spans;
  readonly senders: Spans;
}

export type Spans = Readonly<Record<(typeof SPANS)[number], number>>;

export const SPANS = ["1m", "5m", "60m"] as const;

const EVERY_MS = 1_000;
const TENS_MS = 10_000;
/** The longest span, its first minute, and some slack. */
const KEPT_MS = 65 * 60_000;
/** Some 100 bytes each: beyond so many in an hour, only the newest are counted. */
const MOST_SENDERS = 10_000;
/** What one process remembers between two tellings, of which a healthy Redis takes all each second. */
const MOST_COUNTED = { channels: 10_000, senders: 50_000 };
/** Of one run, in which Redis does nothing else: so many take some 0.5 ms. */
const RUN = { channels: 50, senders: 250 };

/** What was numbered in a channel within the same ten seconds. */
interface Counted {
  readonly channel: string;
  readonly tens: number;
  messages: number;
  /** When each said the last of it, ms. */
  readonly senders: Map<string, number>;
}

export function createActivity({ connection, keys, everyMs = EVERY_MS, failed }: ActivityOptions): Activity {
  /** The newest of each channel; `older` has what was numbered in the ten seconds before. */
  let newest = new Map<string, Counted>();
  let older: Counted[] = [];
  let senders = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function countedOf(channel: string, tens: number): Counted | undefined {
    const known = newest.get(channel);
    if (known?.tens === tens) return known;
    if (newest.size + older.length >= MOST_COUNTED.channels) return undefined;
    if (known !== undefined) older.push(known);
    const made = { channel, tens, messages: 0, senders: new Map<string, number>() };
    newest.set(channel, made);
    return made;
  }

  function takeAll(): Map<number, Counted[]> {
    const byPartition = new Map<number, Counted[]>();
    for (const each of [...older, ...newest.values()]) {
      const partition = keys.partitions.of(each.channel);
      const some = byPartition.get(partition);
      if (some === undefined) byPartition.set(partition, [each]);
      else some.push(each);
    }
    newest = new Map();
    older = [];
    senders = 0;
    return byPartition;
  }

  async function tell(): Promise<void> {
    timer = undefined;
    // Nothing more is numbered while Redis is away; what was can wait.
    if (!isReady(connection)) {
      begin();
      return;
    }
    const sent: Promise<unknown>[] = [];
    inOneWrite(connection, () => {
      for (const some of takeAll().values())
        for (const run of runsOf(some)) sent.push(connection.rookeryNoteActivity(...argumentsOf(keys, run)));
    });
    const outcomes = await Promise.allSettled(sent);
    for (const outcome of outcomes) if (outcome.status === "rejected") failed?.(outcome.reason);
  }

  function begin(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      tell().catch((error: unknown) => failed?.(error));
    }, everyMs);
  }

  return {
    numbered(channel, user, atMs) {
      if (isClosed) return;
      const counted = countedOf(channel, Math.floor(atMs / TENS_MS));
      if (counted === undefined) return;
      counted.messages += 1;
      const isNew = !counted.senders.has(user);
      if (isNew && senders >= MOST_COUNTED.senders) return;
      if (isNew) senders += 1;
      counted.senders.set(user, atMs);
      begin();
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await tell();
    },
  };
}

/** Throws ChatError `unavailable`. */
export async function readActivity(
  { connection, keys }: Pick<ActivityOptions, "connection" | "keys">,
  channel: string,
): Promise<ChannelActivity> {
  const { activity, senders } = keys.channel(channel);
  const reply = await answered(connection, () => connection.rookeryReadActivity(activity, senders));
  const numbers = Array.isArray(reply) ? reply.map(Number) : [];
  const spansOf = (from: number): Spans => ({
    "1m": numbers[from] ?? 0,
    "5m": numbers[from + 2] ?? 0,
    "60m": numbers[from + 4] ?? 0,
  });
  return { messages: spansOf(0), senders: spansOf(1) };
}

/** A channel whose senders are too many for one run goes on in the next, without its messages. */
function runsOf(counted: readonly Counted[]): (readonly Told[])[] {
  const runs: Told[][] = [];
  let run: Told[] = [];
  let room = RUN.senders;
  for (const { channel, tens, messages, senders } of counted) {
    let left = [...senders];
    let untold = messages;
    while (untold > 0 || left.length > 0) {
      if (run.length === 0) runs.push(run);
      const some = left.slice(0, room);
      run.push({ channel, tens, messages: untold, senders: some });
      untold = 0;
      left = left.slice(some.length);
      room -= some.length;
      if (room > 0 && run.length < RUN.channels) continue;
      run = [];
      room = RUN.senders;
    }
  }
  return runs;
}

interface Told extends Pick<Counted, "channel" | "tens" | "messages"> {
  readonly senders: readonly (readonly [user: string, atMs: number])[];
}

/** How many keys, the keys, the arguments: in the order of the script's header. */
function argumentsOf(keys: Keys, run: readonly Told[]): (string | number)[] {
  const names: string[] = [];
  const given: (string | number)[] = [KEPT_MS, MOST_SENDERS];
  for (const { channel, tens, messages, senders } of run) {
    const own = keys.channel(channel);
    names.push(own.activity, own.senders);
    given.push(tens, messages, senders.length, ...senders.flat());
  }
  return [names.length, ...names, ...given];
}
