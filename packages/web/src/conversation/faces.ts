// What stands for a person's face: initials, and one of a dozen colours that is always the same for a user id. Pure.

/** As many as `messages.css` has `.hue-<n>` for; each carries white text at a contrast of 4.5 or more. */
export const HUES = 12;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Of the first word and the last; of what has no letter, its first character as it is. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const [first = name] = words;
  const last = words.length > 1 ? words.at(-1) : undefined;
  return [first, last].map((word) => firstOf(word ?? "").toLocaleUpperCase()).join("");
}

function firstOf(word: string): string {
  for (const { segment } of graphemes.segment(word.replace(/^[^\p{L}\p{N}]+(?=[\p{L}\p{N}])/u, ""))) return segment;
  return "";
}

export function hueOf(user: string): number {
  let hash = 2166136261;
  for (const char of user) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619);
  return ((hash ^ (hash >>> 15)) >>> 0) % HUES;
}
