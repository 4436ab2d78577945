// Whether a message is a few emoji and nothing else, and so is drawn bigger. Pure.

/** More than these are drawn like text. */
const MOST_EMOJI = 6;
const EMOJI = /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}|\p{Regional_Indicator}{2}|[0-9#*]\ufe0f?\u20e3)/u;
/** Longer than any that count: most bodies are asked no further. */
const MOST_CHARS = 100;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

export function isEmojiOnly(body: string): boolean {
  if (body.length > MOST_CHARS || /[\p{L}\n]/u.test(body)) return false;
  const seen = [...graphemes.segment(body.replace(/\s+/g, ""))];
  return seen.length > 0 && seen.length <= MOST_EMOJI && seen.every(({ segment }) => EMOJI.test(segment));
}
