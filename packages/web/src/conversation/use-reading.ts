// What the reader has read, as far as a page can know: marks a channel as read while its newest message is looked at, and remembers
// where the line of what is new stands.
import type { Channel, ChannelState, Position } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";

/** The mark goes to the server: no more often, however fast the channel is. */
const MARK_EVERY_MS = 1000;
/** What is seen for less was passed by. */
const SEEN_MS = 200;

function isLookedAt(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

const LOOKS = ["focus", "blur", "visibilitychange"] as const;

/** Whether somebody looks at this page; draws again when that changes. */
export function useLookedAt(): boolean {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const look = (): void => redraw(undefined);
    for (const each of LOOKS) addEventListener(each, look);
    document.addEventListener("visibilitychange", look);
    return () => {
      for (const each of LOOKS) removeEventListener(each, look);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return isLookedAt();
}

export function useReadMarks(channel: Channel, { phase, unread = 0 }: ChannelState, isReading: boolean): void {
  const markedAt = useRef(-Infinity);
  const isDue = isReading && unread > 0 && phase === "live";
  useEffect(() => {
    if (!isDue) return undefined;
    const mark = (): void => {
      markedAt.current = performance.now();
      channel.read().catch(isMarkedWithTheNext);
    };
    const timer = setTimeout(mark, Math.max(SEEN_MS, markedAt.current + MARK_EVERY_MS - performance.now()));
    return () => clearTimeout(timer);
  }, [channel, isDue, unread]);
}

/** A mark is of no use without a connection, and with one the next message brings the next mark. */
function isMarkedWithTheNext(): void {}

/**
 * Where this user was when the channel was opened with something new in it, or when something came while nobody looked at its end.
 * Undefined while everything was seen as it came.
 */
export function useReadUpTo({ phase, read, unread }: ChannelState, isReading: boolean): Position | undefined {
  const kept = useRef<{ upTo?: Position | undefined; unread?: number | undefined }>({}).current;
  const isNew = (kept.unread ?? 0) === 0 && unread !== undefined && unread > 0 && !isReading;
  if (phase === "live" && read && isNew) kept.upTo = read;
  if (phase === "live") kept.unread = unread;
  return kept.upTo;
}

/** Whether the first unread message is above what is seen, loaded or not; no more once it was seen. */
export function useUnreadAbove(
  { messages, hasOlder }: ChannelState,
  readUpTo: Position | undefined,
): readonly [boolean, (unread: string | undefined, isSeen: boolean) => void] {
  const [isAbove, setAbove] = useState(false);
  /** The key of the first unread message that was on the screen: what came unseen later has another. */
  const seen = useRef<string | undefined>(undefined);
  const look = (unread: string | undefined, isSeen: boolean): void => {
    const [oldest] = messages;
    const isMissing = hasOlder && readUpTo && oldest && comparePositions(oldest, readUpTo) > 0;
    if (unread !== undefined && isSeen) seen.current = unread;
    setAbove(unread === undefined ? isMissing === true : seen.current !== unread);
  };
  return [isAbove, look];
}
