// How many columns of a terminal a text takes, and where to break it: by grapheme, so that nothing that is read as one sign
// is torn apart. Used by the screen of `chat`, for text that visible-text.ts has let through. Pure.
// Terminals differ in what they make of rare signs: the screen is drawn so that one column more or less spoils only its line.

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Emoji by the standard, also those that are several code points. It needs the flag `v`, which TypeScript checks in literals. */
const EMOJI = new RegExp(String.raw`^\p{RGI_Emoji}$`, "v");
/** Signs of two columns: East Asian Wide and Fullwidth, by their blocks (Unicode Standard Annex 11). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1aff0}-\u{1b2ff}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** ASCII alone is most of what is shown. */
const PLAIN = /^[ -~]*$/;

/** A text as its graphemes. */
export function graphemesOf(text: string): string[] {
  return PLAIN.test(text) ? text.split("") : Array.from(graphemes.segment(text), ({ segment }) => segment);
}

export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return graphemesOf(text).reduce((columns, grapheme) => columns + widthOfOne(grapheme), 0);
}

function widthOfOne(grapheme: string): number {
  return WIDE.test(grapheme) || EMOJI.test(grapheme) ? 2 : 1;
}

/**
 * The text in lines of at most so many columns, broken after a space where there is one. `columns` is 2 or more: nothing is
 * wider than that by itself.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line: string[] = [];
  let width = 0;
  for (const grapheme of graphemesOf(text)) {
    const own = widthOfOne(grapheme);
    if (width + own > columns) {
      const [full, rest] = grapheme === " " ? [line, []] : broken(line);
      lines.push(full.join(""));
      line = rest;
      width = widthOf(rest.join(""));
      // The space at which a line ends is not the next one's.
      if (grapheme === " ") continue;
    }
    line.push(grapheme);
    width += own;
  }
  return [...lines, line.join("")];
}

/** A full line up to its last space, which is left out, and what goes to the next one. */
function broken(line: readonly string[]): [string[], string[]] {
  const space = line.lastIndexOf(" ");
  return space > 0 ? [line.slice(0, space), line.slice(space + 1)] : [[...line], []];
}

/** The text, or its beginning and an ellipsis, in at most so many columns. */
export function clip(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let width = 1;
  for (const grapheme of graphemesOf(text)) {
    width += widthOfOne(grapheme);
    if (width > columns) break;
    kept += grapheme;
  }
  return `${kept}…`;
}
