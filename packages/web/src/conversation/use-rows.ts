// The rows of a channel's state, made again for what has changed, and what of the state is rows.
import type { ChannelState, Pending, Position } from "@rookery/client";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { createRows } from "./rows.ts";
import type { Row } from "./rows.ts";
import { dayOf } from "./times.ts";

export interface Rows {
  readonly rows: readonly Row[];
  /** The index of the line of what is new; -1 without. */
  readonly unreadRow: number;
  readonly pending: readonly Pending[];
}

export function useRows(state: ChannelState, readUpTo: Position | undefined, me: string): Rows {
  const { messages, hasOlder } = state;
  const pending = useSame(state.pending);
  const [makeRows] = useState(createRows);
  return useMemo(() => {
    const rows = makeRows({ messages, pending, hasOlder, readUpTo, me, nowMs: Date.now() });
    return { rows, unreadRow: rows.findIndex(({ kind }) => kind === "unread"), pending };
  }, [messages, pending, hasOlder, readUpTo, me]);
}

/** The same list while nothing in it is another. */
function useSame(pending: readonly Pending[]): readonly Pending[] {
  const last = useRef(pending);
  const isSame =
    pending.length === last.current.length &&
    pending.every((each, n) => {
      const before = last.current[n];
      return each.clientId === before?.clientId && each.status === before.status && each.error === before.error;
    });
  if (!isSame) last.current = pending;
  return last.current;
}

/** A moment of today, another one when the day is. */
export function useToday(): number {
  const [nowMs, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setTimeout(() => setNow(Date.now()), dayOf(nowMs).toMs - Date.now() + 1000);
    return () => clearTimeout(timer);
  }, [nowMs]);
  return nowMs;
}
