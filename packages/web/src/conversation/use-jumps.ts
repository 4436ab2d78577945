// To a message that somebody asked for, to the first unread one, to the newest: brings the pages that are missing, goes there, and says
// so where it cannot.
import type { Channel, ChannelState, Pending, Position } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import { useEffect, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import type { Row } from "./rows.ts";
import type { Older } from "./use-older.ts";
import type { RowWindowInUse, Start } from "./use-row-window.ts";

const LIT_MS = 2000;
/** How far down the window a row that was gone to stands. */
const SHARE = { target: 0.3, unread: 0.1 } as const;

/** Answers which message is lit up. */
export function useTarget(
  channel: Channel,
  target: { readonly id: string } | undefined,
  older: Older,
  go: (id: string, share: number) => void,
): string | undefined {
  const { tell } = useChat();
  const [lit, setLit] = useState<string | undefined>(undefined);
  useEffect(() => {
    if (!target) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const { id } = target;
    const arrive = (isFound: boolean): void => {
      if (isOver) return;
      if (!isFound) return tell("That message is further back than can be shown here");
      go(id, SHARE.target);
      setLit(id);
      timer = setTimeout(() => setLit(undefined), LIT_MS);
    };
    older.until(() => channel.state().messages.some((each) => each.id === id)).then(arrive, console.error);
    return () => {
      isOver = true;
      clearTimeout(timer);
      setLit(undefined);
    };
  }, [target]);
  return lit;
}

export function goToFirstUnread(
  channel: Channel,
  readUpTo: Position,
  older: Older,
  win: Pick<RowWindowInUse<Row>, "goTo">,
): void {
  const isLoaded = (): boolean => {
    const { messages, hasOlder } = channel.state();
    const [oldest] = messages;
    return !hasOlder || (oldest !== undefined && comparePositions(oldest, readUpTo) <= 0);
  };
  const arrive = (isFound: boolean): void => {
    win.goTo(isFound ? "unread" : (channel.state().messages[0]?.id ?? "unread"), SHARE.unread);
  };
  older.until(isLoaded).then(arrive, console.error);
}

/** Where a channel opens: at what is new, once that is known; undefined is at the end. */
export function useStart({ phase, messages }: ChannelState, hasUnread: boolean): Start | undefined {
  const known = useRef<{ readonly start: Start | undefined } | undefined>(undefined);
  if (!known.current && phase === "live" && messages.length > 0) {
    known.current = { start: hasUnread ? { key: "unread", share: SHARE.unread } : undefined };
  }
  return known.current?.start;
}

/** Whoever sends something wants to see it; what was left unsent from before is none of that. */
export function useOwnSends(pending: readonly Pending[], goToEnd: () => void): void {
  const known = useRef(new Set(pending.map(({ clientId }) => clientId)));
  useEffect(() => {
    const isOther = pending.some(({ clientId }) => !known.current.has(clientId));
    known.current = new Set(pending.map(({ clientId }) => clientId));
    if (isOther) goToEnd();
  }, [pending]);
}
