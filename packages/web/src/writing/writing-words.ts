// The sentences around the field in which one writes: who types, why one may not write, how much is left. Pure.
import type { ChannelState, Person } from "@rookery/client";
import { DEFAULT_LIMITS } from "@rookery/protocol/wire";

export function typistsLine(typing: readonly Person[]): string {
  const [one, other, ...more] = typing.map(({ name }) => name);
  if (one === undefined) return "";
  if (other === undefined) return `${one} is typing…`;
  return more.length === 0 ? `${one} and ${other} are typing…` : "Several people are typing…";
}

/** Undefined: one may, or nobody knows yet, and what is written waits for that. */
export function whyNotWrite(
  { phase, can, mutedUntil }: Pick<ChannelState, "phase" | "can" | "mutedUntil">,
  nowMs: number,
  show: (ms: number) => string,
): string | undefined {
  if (mutedUntil !== undefined && mutedUntil > nowMs) return `You are muted until ${show(mutedUntil)}.`;
  if (phase === "live" && !can.includes("write")) return "You may read here, and not write.";
  return undefined;
}

/** Without what nobody sees: blank lines before it and blanks behind it. What leads its first line is kept, as of code. */
export function asSent(text: string): string {
  return text.trimEnd().replace(/^(?:[^\S\n]*\n)+/, "");
}

/** From here on it is said how much is left. */
const TOLD_BELOW_BYTES = 400;

export interface Room {
  readonly isTooLong: boolean;
  /** Empty while there is plenty. */
  readonly words: string;
}

const utf8 = new TextEncoder();

/** By the limit that every cluster has unless it says otherwise; one that has a smaller one refuses in its own words. */
export function roomFor(text: string, mostBytes = DEFAULT_LIMITS.bodyBytes): Room {
  // No character has more than three bytes a unit: most texts need no count.
  if (text.length * 3 < mostBytes - TOLD_BELOW_BYTES) return { isTooLong: false, words: "" };
  const left = mostBytes - utf8.encode(text).length;
  if (left < 0) return { isTooLong: true, words: `${-left} bytes too long` };
  return { isTooLong: false, words: left < TOLD_BELOW_BYTES ? `${left} bytes left` : "" };
}
