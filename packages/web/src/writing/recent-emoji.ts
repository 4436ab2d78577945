// The emoji that somebody chose last, the newest first: kept in the browser's storage, for all channels and tabs.
import { listOf, parsed } from "../shape.ts";

export interface RecentEmoji {
  readonly list: () => readonly string[];
  readonly add: (emoji: string) => void;
}

/** Two lines of the choice. */
const MOST_KEPT = 16;
const KEPT = "rookery-page/emoji";

export function createRecentEmoji(storage: Storage): RecentEmoji {
  const list = (): readonly string[] => listOf(parsed(storage.getItem(KEPT)), textOf).slice(0, MOST_KEPT);
  return {
    list,
    add(emoji) {
      const next = [emoji, ...list().filter((each) => each !== emoji)].slice(0, MOST_KEPT);
      storage.setItem(KEPT, JSON.stringify(next));
    },
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
