/**
 * What was asked of channels and is not answered yet. Each errand is said again in session after session until it is answered for
 * good. Ordered errands of one channel are said one after the other, so that what a refusal holds up keeps its order. Knows no socket.
 *
 * | state   | leaves it by | to |
 * | ------- | ------------ | -- |
 * | waiting | its turn, while its channel is live | said, or failed where something is in its way |
 * | said    | `ok`, its own message seen | done |
 * |         | a final refusal | failed |
 * |         | the end of the session | waiting; failed when it looks like its doing |
 *
 * From each state it is failed by the end of its channel, and forgotten by whoever gave it.
 */
import { encodeClientFrame, isFarewell, ONCE_MS } from "@rookery/protocol/wire";
import type { ClientFrame, MessageFrame, OkFrame } from "@rookery/protocol/wire";
import { errorOf, RookeryError } from "./errors.ts";
import type { Questions } from "./questions.ts";

export interface Errand {
  readonly frame: ClientFrame & { readonly channel: string };
  /** Whether it waits for those of its channel that came before it. */
  readonly isOrdered?: boolean;
  /** When it was said first, by the time of day. */
  saidAt?: number | undefined;
  /** Asked ahead of each time that it is said: why it is not to be any more. */
  readonly obstacle?: () => RookeryError | undefined;
  readonly done: (answer: OkFrame | MessageFrame) => void;
  readonly failed: (error: RookeryError) => void;
}

export interface OutboxWorld {
  ask: Questions["ask"];
  readonly isLive: (channel: string) => boolean;
  readonly timeMs: () => number;
}

export interface Outbox {
  /** Answers how to forget it, whatever comes of it. */
  readonly add: (errand: Errand) => () => void;
  /** A channel is joined and caught up: what it showed meanwhile was told by {@link seen}. */
  readonly live: () => void;
  readonly limits: (frameBytes: number) => void;
  readonly lost: (code: number) => void;
  /** The channel has the message, whoever answers. */
  readonly seen: (message: MessageFrame) => void;
  /** What the channel held meanwhile cannot be known: what was said before may or may not be there. */
  readonly restarted: (channel: string) => void;
  readonly fail: (channel: string, error: RookeryError) => void;
}

interface Standing extends Errand {
  isSaid: boolean;
  isDoubtful: boolean;
  cuts: number;
}

/** Sessions that ended without a word while it was under way: as many, and it looks like its doing. */
const MOST_CUTS = 5;
/** A repeat has to arrive before its `clientId` is forgotten. */
const ONCE_SAFE_MS = ONCE_MS - 30_000;
/** In a frame, beside what is known before it is said. */
const REF_BYTES = 20;

/** Whether a repeat is surely known for one. A clock that went back tells nothing. */
export function isRepeatable(saidAt: number, timeMs: number): boolean {
  return timeMs >= saidAt && timeMs - saidAt < ONCE_SAFE_MS;
}

export function createOutbox({ ask, isLive, timeMs }: OutboxWorld): Outbox {
  /** In the order in which they came, which is also that of every channel. */
  const standing = new Set<Standing>();
  let mostBytes = Infinity;

  const fail = (one: Standing, error: RookeryError): void => {
    if (standing.delete(one)) one.failed(error);
  };
  const done = (one: Standing, answer: OkFrame | MessageFrame): void => {
    if (standing.delete(one)) one.done(answer);
  };

  const obstacle = ({ frame, isDoubtful, saidAt, ...own }: Standing): RookeryError | undefined => {
    const bytes = new TextEncoder().encode(encodeClientFrame(frame)).length + REF_BYTES;
    if (bytes > mostBytes) return new RookeryError("too_large", `${bytes} bytes, ${mostBytes} are taken`);
    if (isDoubtful && saidAt !== undefined && !isRepeatable(saidAt, timeMs())) return unknown("answered too long ago");
    return own.obstacle?.();
  };
  const say = (one: Standing): void => {
    one.isSaid = true;
    ask(
      () => {
        if (!standing.has(one)) return undefined;
        const error = obstacle(one);
        if (!error) {
          one.saidAt ??= timeMs();
          return one.frame;
        }
        fail(one, error);
        live();
        return undefined;
      },
      (answer) => {
        if (answer.type === "error") fail(one, errorOf(answer));
        else done(one, answer);
        live();
      },
    );
  };

  /** Whatever has its turn is said. */
  const live = (): void => {
    const busy = new Set<string>();
    for (const one of standing) {
      const { isOrdered = false, frame } = one;
      const { channel } = frame;
      if (isOrdered && busy.has(channel)) continue;
      if (!one.isSaid && isLive(channel)) say(one);
      if (isOrdered && standing.has(one)) busy.add(channel);
    }
  };

  return {
    live,
    add(errand) {
      const one = { ...errand, isSaid: false, isDoubtful: false, cuts: 0 };
      standing.add(one);
      live();
      return () => {
        standing.delete(one);
        live();
      };
    },
    limits: (bytes) => void (mostBytes = bytes),
    lost(code) {
      for (const one of standing) {
        if (one.isSaid && !isFarewell(code)) one.cuts += 1;
        one.isSaid = false;
        if (one.cuts >= MOST_CUTS) fail(one, unknown(`cut off ${MOST_CUTS} times`));
      }
    },
    seen(message) {
      for (const one of standing) {
        const { frame } = one;
        if (frame.channel === message.channel && "clientId" in frame && frame.clientId === message.clientId)
          done(one, message);
      }
      live();
    },
    restarted(channel) {
      for (const one of standing) if (one.frame.channel === channel) one.isDoubtful = true;
    },
    fail(channel, error) {
      for (const one of standing) if (one.frame.channel === channel) fail(one, error);
    },
  };
}

function unknown(why: string): RookeryError {
  return new RookeryError("unknown", `${why}: it may have been taken`, { retry: "later" });
}
