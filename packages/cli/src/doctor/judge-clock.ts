// How far a server's clock stands from ours for certain, and what that means. Used by the judges of both stores. Pure.
import { ok, trouble, warning } from "./check.ts";
import type { Finding } from "./check.ts";

/** A question that left at `sentMs` and was answered by `receivedMs`, both ours, with the server's time. */
export interface ClockLook {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly serverMs: number;
}

/** Beyond it people notice, in ages of messages and in bans that end. */
const WARN_FROM_MS = 1_000;
const SYNCHRONIZE = "synchronize the clocks of both machines (chronyc tracking, timedatectl)";

/**
 * The answer was made somewhere between the two moments, so no more is certain than the distance from them: a slow answer is no
 * clock that is off. Positive where the server is ahead.
 */
export function offsetMs({ sentMs, receivedMs, serverMs }: ClockLook): number {
  return Math.round(Math.max(serverMs - receivedMs, 0) + Math.min(serverMs - sentMs, 0));
}

/** `toleranceMs`: beyond it tokens that another machine made are judged wrongly; undefined where none are judged. */
export function judgeClock(name: string, clock: ClockLook | undefined, toleranceMs: number | undefined): Finding {
  if (clock === undefined) return warning(`the clock of ${name} cannot be seen`, "let this user run TIME");
  const offMs = offsetMs(clock);
  const apartMs = Math.abs(offMs);
  const found = `${name} is at least ${apartMs} ms ${offMs < 0 ? "behind" : "ahead of"} this machine`;
  if (toleranceMs !== undefined && apartMs > toleranceMs)
    return trouble(`${found}, more than ROOKERY_CLOCK_TOLERANCE_SEC`, SYNCHRONIZE);
  if (apartMs >= WARN_FROM_MS) return warning(found, SYNCHRONIZE);
  return ok(`${name} agrees with this machine, as far as ${Math.round(clock.receivedMs - clock.sentMs)} ms can tell`);
}
