// What of a line goes with its next run: from its front, as much as a run may hold. Called by publish-line.ts. Pure.
import type { ChatError, Position } from "@rookery/protocol";
import type { Publication, Published } from "./publication.ts";

/** A message in the line. */
export interface Waiting {
  readonly publication: Publication;
  /** Past it the message must not act any more; ms on the local clock. */
  readonly deadlineMs: number;
  readonly bytes: number;
  rightsVersion: number;
  wasLate: boolean;
  wasStale: boolean;
  done(outcome: Published): void;
  refused(refusal: ChatError): void;
}

/** What one channel gets in a run: messages in order, alike but for what each of them says. */
export interface Stretch {
  readonly channel: string;
  readonly rightsVersion: number;
  readonly slowModeMs: number;
  /** The channel's last position in Postgres, read after it proved to be cold and for this run alone. */
  readonly base: Position | undefined;
  /** What all their frames begin with. */
  readonly before: string;
  readonly messages: Waiting[];
}

/** Redis does nothing else during a run: so many take about a millisecond. */
export const MOST_MESSAGES = 64;
export const MOST_BYTES = 256 * 1024;

/** From the front of the line. A channel stands in a run once: what is not like its first message waits, with all after it. */
export function takeRun(
  waiting: readonly Waiting[],
  bases: ReadonlyMap<string, Position>,
  nowMs: number,
): { stretches: Stretch[]; expired: Waiting[]; rest: Waiting[] } {
  const stretches = new Map<string, Stretch>();
  const expired: Waiting[] = [];
  const passed: Waiting[] = [];
  const closed = new Set<string>();
  let [count, bytes, at] = [0, 0, 0];
  for (; at < waiting.length && count < MOST_MESSAGES; at += 1) {
    const message = waiting[at];
    if (message === undefined) break;
    const { channel, slowModeMs, halves } = message.publication;
    const { rightsVersion } = message;
    if (message.deadlineMs < nowMs) {
      expired.push(message);
      continue;
    }
    const stretch = stretches.get(channel);
    const isAlike =
      stretch?.rightsVersion === rightsVersion && stretch.slowModeMs === slowModeMs && stretch.before === halves.head;
    if ((stretch !== undefined && !isAlike) || closed.has(channel)) {
      closed.add(channel);
      passed.push(message);
      continue;
    }
    if (count > 0 && bytes + message.bytes > MOST_BYTES) break;
    count += 1;
    bytes += message.bytes;
    if (stretch !== undefined) stretch.messages.push(message);
    else {
      const base = bases.get(channel);
      stretches.set(channel, { channel, rightsVersion, slowModeMs, base, before: halves.head, messages: [message] });
    }
  }
  return { stretches: [...stretches.values()], expired, rest: [...passed, ...waiting.slice(at)] };
}
