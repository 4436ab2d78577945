// How high a row will be that was never drawn: near enough that the scroll bar does not lie. The measures are those of `messages.css`.
import type { Row } from "./rows.ts";

const LINE_PX = 22;
const CHAR_PX = 7.2;
/** Beside the text: the face's column, the state of a send, the edges. */
const BESIDE_PX = 100;
const MOST_LINES = 9;

const OTHERS = { beginning: 60, older: 180, unread: 32, day: 48 } as const;

export function estimatePx(row: Row, widthPx: number): number {
  if (row.kind !== "message" && row.kind !== "pending") return OTHERS[row.kind];
  const { body = "" } = row.kind === "message" ? row.message : row.pending;
  const perLine = Math.max(10, (widthPx - BESIDE_PX) / CHAR_PX);
  const lines = Math.min(MOST_LINES, Math.ceil(body.length / perLine) || 1);
  const more = row.kind === "message" ? morePx(row.message) : 0;
  return 4 + lines * LINE_PX + (row.isFirstOfGroup ? 8 + LINE_PX : 0) + more;
}

function morePx({ reactions, replies, replyTo }: Extract<Row, { kind: "message" }>["message"]): number {
  return (reactions && reactions.length > 0 ? 32 : 0) + (replies ? 28 : 0) + (replyTo === undefined ? 0 : 24);
}
