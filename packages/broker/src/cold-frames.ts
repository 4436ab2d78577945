// The past in Postgres as pages ask for it, gathered: what the tasks of one command ask at the same stage goes in one
// statement, so that a command costs a handful of statements however many channels it names. Used by history.ts.
// States of a task: busy (may still ask), waiting (for a statement that goes once no task is busy), done.
import { ChatError, utf8Bytes } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { Gate } from "./gate.ts";
import type { ChannelHead } from "./channel-head.ts";
import { goOn } from "./reading.ts";
import type { Reading } from "./reading.ts";

/** A part of one channel: from a position on, exclusive; without one from its end. */
export interface Stretch {
  readonly channel: string;
  readonly from: Position | undefined;
  /** Most frames. */
  readonly most: number;
  /** The frame with which their sizes reach this is the last one. */
  readonly bytes: number;
  /** Of messages read backward: answers to them are counted up to here, exclusive; all that there are without it. */
  readonly answers?: Position | undefined;
}

/** A user's last word on an emoji of a message. */
export interface OwnWord {
  readonly id: string;
  readonly user: string;
  readonly emoji: string;
  readonly on: boolean;
}

/** The past in Postgres. Every method is one statement and rejects while Postgres is away. */
export interface ColdFrames {
  /** For each stretch, in order, ascending frames of every kind. */
  stretchesAfter(stretches: readonly Stretch[]): Promise<StoredFrame[][]>;
  /** For each stretch, in order, frames of kind message, newest first. */
  stretchesBefore(stretches: readonly Stretch[]): Promise<StoredFrame[][]>;
  /** Answers to one message, ascending. */
  repliesAfter(stretch: Stretch, replyTo: string): Promise<StoredFrame[]>;
  /** Answers to one message, newest first. */
  repliesBefore(stretch: Stretch, replyTo: string): Promise<StoredFrame[]>;
  /** How often each of these messages is answered by what stands before `end`, if at all; deleted answers do not count. */
  repliesCount(
    channel: string,
    ids: readonly string[],
    end: Position | undefined,
  ): Promise<ReadonlyMap<string, number>>;
  /** The last words of these users on the emoji of these messages. */
  ownReactions(channel: string, ids: readonly string[], users: readonly string[]): Promise<readonly OwnWord[]>;
  /** Where each channel ends, in order; ORIGIN for one that has nothing. */
  lasts(channels: readonly string[]): Promise<Position[]>;
}

/** The same for one channel. Whatever keeps Postgres from answering is ChatError `unavailable`. */
export interface ColdReader {
  /** Where a channel stands that Redis does not hold. */
  head(channel: string): Promise<ChannelHead>;
  after(stretch: Stretch): Promise<StoredFrame[]>;
  before(stretch: Stretch): Promise<StoredFrame[]>;
  repliesAfter(stretch: Stretch, replyTo: string): Promise<StoredFrame[]>;
  repliesBefore(stretch: Stretch, replyTo: string): Promise<StoredFrame[]>;
  repliesCount(
    channel: string,
    ids: readonly string[],
    end: Position | undefined,
  ): Promise<ReadonlyMap<string, number>>;
  /** One of the tasks asks no more. */
  done(): void;
}

/** For `tasks` that run at once. Each asks for a `head` before an `after` before a `before`, and each of them once. */
export function createColdReader(cold: ColdFrames, gate: Gate, reading: Reading, tasks: number): ColdReader {
  let busy = tasks;

  async function statement<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    return gate.through(1, async () => {
      goOn(reading);
      reading.statements += 1;
      return ask().catch((error: unknown) => {
        if (error instanceof ChatError) throw error;
        throw new ChatError("unavailable", "the history of this channel cannot be reached");
      });
    });
  }

  const counted = (frames: StoredFrame[]): StoredFrame[] => {
    reading.entries += frames.length;
    for (const { frame } of frames) reading.bytes += utf8Bytes(frame);
    return frames;
  };

  const lasts = createStage((channels: readonly string[]) => statement(() => cold.lasts(channels)));
  const afters = createStage((stretches: readonly Stretch[]) => statement(() => cold.stretchesAfter(stretches)));
  const befores = createStage((stretches: readonly Stretch[]) => statement(() => cold.stretchesBefore(stretches)));
  // The order in which a task asks: so each stage goes once, after the last task that may still come to it.
  const stages = [lasts, afters, befores];

  function settle(): void {
    if (busy > 0) return;
    busy += stages.find((stage) => stage.waiting() > 0)?.send() ?? 0;
  }

  async function wait<Answer>(answer: Promise<Answer>): Promise<Answer> {
    busy -= 1;
    settle();
    return answer;
  }

  return {
    async head(channel) {
      const last = await wait(lasts.add(channel));
      return { position: last, saved: last };
    },
    after: async (stretch) => counted(await wait(afters.add(stretch))),
    before: async (stretch) => counted(await wait(befores.add(stretch))),
    repliesAfter: async (stretch, replyTo) => counted(await statement(() => cold.repliesAfter(stretch, replyTo))),
    repliesBefore: async (stretch, replyTo) => counted(await statement(() => cold.repliesBefore(stretch, replyTo))),
    repliesCount: (channel, ids, end) => statement(() => cold.repliesCount(channel, ids, end)),
    done() {
      busy -= 1;
      settle();
    },
  };
}

interface Stage<Wish, Answer> {
  add(wish: Wish): Promise<Answer>;
  waiting(): number;
  /** Answers how many tasks go on when the statement is answered. */
  send(): number;
}

function createStage<Wish, Answer>(ask: (wishes: readonly Wish[]) => Promise<readonly Answer[]>): Stage<Wish, Answer> {
  interface Asked {
    readonly wish: Wish;
    resolve(this: void, answer: Answer): void;
    reject(this: void, error: unknown): void;
  }
  let line: Asked[] = [];

  async function send(asked: readonly Asked[]): Promise<void> {
    try {
      const answers = await ask(asked.map(({ wish }) => wish));
      asked.forEach(({ resolve, reject }, n) => {
        const answer = answers[n];
        if (answer === undefined) reject(new ChatError("internal", "Postgres left a question unanswered"));
        else resolve(answer);
      });
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  return {
    add: (wish) => new Promise((resolve, reject) => line.push({ wish, resolve, reject })),
    waiting: () => line.length,
    send() {
      const asked = line;
      line = [];
      send(asked).catch((error: unknown) => asked.forEach(({ reject }) => reject(error)));
      return asked.length;
    },
  };
}
