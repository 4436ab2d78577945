// The moment at which a message was meant to be sent, carried in its body from the publisher of a bench to its readers: what
// a message waits for before it is sent counts as much as what it waits for afterwards.

import type { Buffer } from "node:buffer";

const BODY_CHARS = 40;
const BODY = '"body":"';

/** On the clock that all processes of a machine share and nobody sets. */
export const sharedNowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export const bodyOf = (intendedAtMs: number): string => intendedAtMs.toFixed(3).padEnd(BODY_CHARS, "x");

/** How long ago a frame with such a body was meant to be sent; NaN for any other frame. */
export function delayMs(payload: Buffer): number {
  const at = payload.indexOf(BODY);
  if (at < 0) return Number.NaN;
  const start = at + BODY.length;
  return sharedNowMs() - Number.parseFloat(payload.toString("latin1", start, start + BODY_CHARS));
}
