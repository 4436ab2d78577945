// The emoji and their names, as many sites know them (github's list, by the package gemoji). Large, so it is fetched when somebody
// first wants one, and never in the way of the page.
import type { Gemoji } from "gemoji";
import { useEffect, useState } from "preact/hooks";

export interface EmojiList {
  readonly all: readonly Gemoji[];
  readonly categories: readonly string[];
  readonly named: (name: string) => string | undefined;
  /** Those whose name begins so before those in which it stands. */
  readonly find: (part: string, most: number) => readonly Gemoji[];
}

export function createEmojiList(all: readonly Gemoji[]): EmojiList {
  const byName = new Map(all.flatMap(({ names, emoji }) => names.map((name) => [name, emoji] as const)));
  return {
    all,
    categories: [...new Set(all.map(({ category }) => category))],
    named: (name) => byName.get(name),
    find(part, most) {
      const sought = part.trim().toLowerCase().replaceAll(/\s+/g, "_");
      const starts = all.filter(({ names }) => names.some((name) => name.startsWith(sought)));
      const holds = all.filter(
        (each) => !starts.includes(each) && [...each.names, ...each.tags].some((word) => word.includes(sought)),
      );
      return [...starts, ...holds].slice(0, most);
    },
  };
}

let list: EmojiList | undefined;

export async function loadEmoji(): Promise<EmojiList> {
  list ??= createEmojiList((await import("gemoji")).gemoji);
  return list;
}

/** Undefined until it is there, and until somebody wants it. */
export function useEmoji(isWanted: boolean): EmojiList | undefined {
  const [found, setFound] = useState(list);
  useEffect(() => {
    if (!isWanted || found) return;
    // Without the network there are no names to choose from; what is typed stays as it is.
    loadEmoji().then(setFound, () => undefined);
  }, [isWanted, found]);
  return found;
}
