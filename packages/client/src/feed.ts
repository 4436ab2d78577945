/**
 * What happens in a channel as an async iterable: each item once, in order, from the moment it was asked for. One that is read too
 * slowly holds so many items; what comes then is told as one gap.
 */
import { placeOf } from "./positions.ts";
import type { Gap, Position, Sequenced } from "./public-types.ts";
import { settle, whenAborted } from "./settle.ts";

export type FeedItem = Sequenced | Gap;

/** Where a feed is filled; without an error it ends quietly, behind what waits. */
export interface Feed {
  readonly push: (item: FeedItem) => void;
  readonly end: (error?: unknown) => void;
}

const MOST_QUEUED = 1_000;

/** What the application reads, and its other end, which is among `feeds` until it is over. */
export function createFeed<T extends FeedItem>(
  feeds: Set<Feed>,
  isWanted: (item: FeedItem) => item is T | Gap,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<T | Gap> {
  let queue: (T | Gap)[] = [];
  let fault: unknown;
  let news = settle<void>();

  const wake = (): void => {
    news.resolve();
    news = settle();
  };
  const feed: Feed = {
    push(item) {
      if (!isWanted(item)) return;
      queue.push(item);
      if (queue.length > MOST_QUEUED) {
        const [last = item] = queue.splice(MOST_QUEUED - 1);
        queue.push({ type: "gap", channel: item.channel, from: edge(last, "from"), to: edge(item, "to"), lost: false });
      }
      wake();
    },
    end(error) {
      if (feeds.delete(feed)) fault = error;
      stop();
      wake();
    },
  };
  const giveUp = (reason?: unknown): void => {
    queue = [];
    feed.end(reason);
  };
  const items: AsyncIterableIterator<T | Gap> = {
    [Symbol.asyncIterator]: () => items,
    async next() {
      while (queue.length === 0 && feeds.has(feed)) await news.promise;
      const value = queue.shift();
      if (value) return { value, done: false };
      const error = fault;
      fault = undefined;
      if (error) throw error;
      return { value: undefined, done: true };
    },
    async return() {
      giveUp();
      return { value: undefined, done: true };
    },
  };
  feeds.add(feed);
  const stop = whenAborted(signal, giveUp);
  return items;
}

function edge(item: FeedItem, side: "from" | "to"): Position {
  return item.type === "gap" ? item[side] : placeOf(item);
}
