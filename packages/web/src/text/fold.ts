// Which messages are too long to stand in a conversation unasked, and how much of them stands there. Pure.
import type { Segment } from "./segments.ts";

/** Beyond either a message is folded; it is cut well below, so that unfolding shows more than a line. */
const MOST = { lines: 12, chars: 900 };
const FOLDED = { lines: 8, chars: 600 };

export function isLong(body: string): boolean {
  return body.length > MOST.chars || linesIn(body) > MOST.lines;
}

/** The beginning, cut between words where there are any; a link, a mention and a span of code stand whole or not at all. */
export function folded(segments: readonly Segment[]): readonly Segment[] {
  const kept: Segment[] = [];
  let [lines, chars] = [1, 0];
  for (const segment of segments) {
    const room = { lines: FOLDED.lines - lines + 1, chars: FOLDED.chars - chars };
    const text = segment.kind === "block" ? segment.code : segment.text;
    const cut = beginning(text, room.lines, room.chars);
    if (cut !== text) {
      if (segment.kind === "text") kept.push({ kind: "text", text: `${cut}…` });
      else if (segment.kind === "block") kept.push({ kind: "block", text: segment.text, code: `${cut}…` });
      else kept.push({ kind: "text", text: "…" });
      break;
    }
    kept.push(segment);
    lines += linesIn(text) - 1;
    chars += text.length;
  }
  return kept;
}

function beginning(text: string, mostLines: number, mostChars: number): string {
  const byLines = text.split("\n").slice(0, Math.max(0, mostLines)).join("\n");
  if (byLines.length <= mostChars) return byLines;
  const hard = byLines.slice(0, Math.max(0, mostChars)).replace(/[\ud800-\udbff]$/, "");
  const soft = hard.replace(/\s+\S*$/, "");
  return soft.length > hard.length / 2 ? soft : hard;
}

function linesIn(text: string): number {
  return text.split("\n").length;
}
