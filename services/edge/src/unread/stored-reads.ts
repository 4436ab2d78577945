// What is asked of Postgres about read positions, gathered: many users and channels in one statement, and so many statements a
// second at most, whoever joins. Made by unread.ts. An answer that takes too long is given up, so that no join waits for it.
// States of a question: waiting, asked, answered or given up.

import { ChatError } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Mention, MentionWish, ReadAnswer, ReadPositions, ReadWish } from "@rookery/store";

/** Fifty statements a second. */
const EVERY_MS = 20;
/** Of those, so many may be under way. */
const MOST_UNDER_WAY = 2;
/** A count at its dearest takes some ms, one of a quiet channel a tenth of one. */
const WISHES_AT_ONCE = 200;
const CHANNELS_AT_ONCE = 20;
export const MENTIONS_A_CHANNEL = 500;
const MOST_WAITING = 20_000;
const WAIT_MS = 2_000;
const SWEEP_EVERY_MS = 250;

/** Every method throws ChatError `unavailable`. */
export interface StoredReads {
  /** How far the user has read; undefined for one who has read nothing. */
  position(channel: string, user: string): Promise<Position | undefined>;
  /** `deleted`: ids of messages that do not count, of which Postgres may not know yet. */
  count(wish: ReadWish, deleted: readonly string[]): Promise<ReadAnswer>;
  /** The newest mentions in a channel, newest first, at most MENTIONS_A_CHANNEL. */
  mentions(wish: MentionWish): Promise<readonly Mention[]>;
  close(this: void): void;
}

export interface StoredReadsOptions {
  readonly positions: Pick<ReadPositions, "find" | "newestMentions">;
  readonly waitMs?: number | undefined;
  /** Between two statements. */
  readonly everyMs?: number | undefined;
}

interface Question<Wish, Answer> {
  readonly wish: Wish;
  readonly untilMs: number;
  resolve(this: void, answer: Answer): void;
  reject(this: void, error: unknown): void;
}

/** Questions of one kind that one statement can answer. */
interface Line {
  isEmpty(): boolean;
  /** Sends the first ones; resolves when they are answered, in whatever way. */
  send(): Promise<void>;
  giveUp(nowMs: number): void;
}

export function createStoredReads({
  positions,
  waitMs = WAIT_MS,
  everyMs = EVERY_MS,
}: StoredReadsOptions): StoredReads {
  let underWay = 0;
  let nextAtMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let sweep: NodeJS.Timeout | undefined;

  const counts = createLine<ReadWish & { readonly deleted: readonly string[] }, ReadAnswer>(WISHES_AT_ONCE, (wishes) =>
    positions.find(wishes, [...new Set(wishes.flatMap(({ deleted }) => deleted))]),
  );
  const mentions = createLine<MentionWish, readonly Mention[]>(CHANNELS_AT_ONCE, (wishes) =>
    positions.newestMentions(wishes, MENTIONS_A_CHANNEL),
  );
  /** The first is the next to be sent from. */
  let lines: Line[] = [counts.line, mentions.line];

  function schedule(): void {
    if (timer !== undefined || underWay >= MOST_UNDER_WAY || lines.every((line) => line.isEmpty())) return;
    // Even a statement that need not wait goes with whatever else this turn asks.
    timer = setTimeout(sendNext, Math.max(0, nextAtMs - performance.now()));
    sweep ??= setInterval(giveUp, SWEEP_EVERY_MS);
  }

  function sendNext(): void {
    timer = undefined;
    const line = lines.find((each) => !each.isEmpty());
    if (line === undefined) return;
    lines = [...lines.filter((each) => each !== line), line];
    nextAtMs = performance.now() + everyMs;
    underWay += 1;
    const settle = (): void => {
      underWay -= 1;
      schedule();
    };
    // It never rejects: each question hears of its own failure.
    line
      .send()
      .finally(settle)
      .catch(() => undefined);
    schedule();
  }

  function giveUp(): void {
    for (const line of lines) line.giveUp(performance.now());
    if (underWay > 0 || lines.some((line) => !line.isEmpty())) return;
    clearInterval(sweep);
    sweep = undefined;
  }

  function ask<Wish, Answer>(line: AskLine<Wish, Answer>, wish: Wish): Promise<Answer> {
    const asked = line.ask(wish, performance.now() + waitMs);
    schedule();
    return asked;
  }

  return {
    position: async (channel, user) => (await ask(counts, { channel, user, deleted: [] })).read,
    count: (wish, deleted) => ask(counts, { ...wish, deleted }),
    mentions: (wish) => ask(mentions, wish),
    close() {
      clearTimeout(timer);
      clearInterval(sweep);
      for (const line of lines) line.giveUp(Number.POSITIVE_INFINITY);
    },
  };
}

interface AskLine<Wish, Answer> {
  readonly line: Line;
  ask(wish: Wish, untilMs: number): Promise<Answer>;
}

function createLine<Wish, Answer>(
  atOnce: number,
  read: (wishes: readonly Wish[]) => Promise<readonly Answer[]>,
): AskLine<Wish, Answer> {
  const waiting = new Set<Question<Wish, Answer>>();
  /** Those that are sent and not answered as well: the oldest first. */
  const open = new Set<Question<Wish, Answer>>();

  async function send(): Promise<void> {
    const asked: Question<Wish, Answer>[] = [];
    for (const question of waiting) {
      if (asked.length === atOnce) break;
      asked.push(question);
      waiting.delete(question);
    }
    const settle = (act: (question: Question<Wish, Answer>, n: number) => void): void => {
      for (const [n, question] of asked.entries()) if (open.delete(question)) act(question, n);
    };
    try {
      const answers = await read(asked.map(({ wish }) => wish));
      settle(({ resolve, reject }, n) => {
        const answer = answers[n];
        if (answer === undefined) reject(new ChatError("internal", "Postgres left a question unanswered"));
        else resolve(answer);
      });
    } catch (error) {
      settle(({ reject }) => reject(error));
    }
  }

  return {
    line: {
      isEmpty: () => waiting.size === 0,
      send,
      giveUp(nowMs) {
        for (const question of open) {
          if (question.untilMs > nowMs) return;
          open.delete(question);
          waiting.delete(question);
          question.reject(tooSlow());
        }
      },
    },
    ask(wish, untilMs) {
      if (waiting.size >= MOST_WAITING) return Promise.reject(tooSlow());
      return new Promise((resolve, reject) => {
        const question = { wish, untilMs, resolve, reject };
        waiting.add(question);
        open.add(question);
      });
    },
  };
}

function tooSlow(): ChatError {
  return new ChatError("unavailable", "what was read cannot be looked up now: try again later");
}
