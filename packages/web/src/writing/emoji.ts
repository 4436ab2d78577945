// The emoji and their names, as many sites know them (github's list, by the package gemoji). Large, so it is fetched when somebody
// first wants one, and never in the way of the page.
import type { Gemoji } from "gemoji";
import { useEffect, useState } from "preact/hooks";

export interface EmojiList {
  readonly all: readonly Gemoji[];
  readonly categories: readonly string[];
  readonly named: (name: string) => string | undefined;
  /** The one that is called so, those whose name begins so, the shortest first, those that mean it, those in whose name it stands. */
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
      const ranked = all.map((each) => ({ each, rank: rankOf(each, sought) })).filter(({ rank }) => rank < NO_RANK);
      return ranked
        .toSorted((one, other) => one.rank - other.rank)
        .slice(0, most)
        .map(({ each }) => each);
    },
  };
}

/** A name has fewer characters. */
const MEANS_RANK = 100;
const NEARLY_MEANS_RANK = 101;
const HOLDS_RANK = 102;
const NO_RANK = 103;

function rankOf({ names, tags }: Gemoji, sought: string): number {
  const begun = names.filter((name) => name.startsWith(sought)).map((name) => name.length - sought.length);
  if (begun.length > 0) return Math.min(...begun);
  if (tags.includes(sought)) return MEANS_RANK;
  if (tags.some((tag) => tag.startsWith(sought))) return NEARLY_MEANS_RANK;
  return [...names, ...tags].some((word) => word.includes(sought)) ? HOLDS_RANK : NO_RANK;
}

let list: EmojiList | undefined;

export async function loadEmoji(): Promise<EmojiList> {
  list ??= createEmojiList((await import("gemoji")).gemoji);
  return list;
}

interface EmojiOrFailure {
  readonly list: EmojiList | undefined;
  /** Without the network there are no names to choose from. */
  readonly hasFailed: boolean;
}

export function useEmojiOrFailure(isWanted = true): EmojiOrFailure {
  const [found, setFound] = useState<EmojiOrFailure>({ list, hasFailed: false });
  useEffect(() => {
    if (!isWanted || found.list) return;
    loadEmoji().then(
      (loaded) => setFound({ list: loaded, hasFailed: false }),
      () => setFound({ list: undefined, hasFailed: true }),
    );
  }, [isWanted, found.list]);
  return found;
}

/** Undefined until it is there, and until somebody wants it. */
export function useEmoji(isWanted: boolean): EmojiList | undefined {
  return useEmojiOrFailure(isWanted).list;
}
