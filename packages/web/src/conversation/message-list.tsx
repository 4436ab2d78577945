// The messages of a channel, as many as there are, with as many nodes as are seen. Opens where this user left off, stays at the newest
// while the reader is there, and never moves what the reader looks at.
//
// The windowing is our own (`extent.ts`, `row-window.ts`), 1.9 KB gzipped: @tanstack/virtual-core has an anchor at the end and one by key as
// well, in 9.7 KB, which is more than the SDK, and virtua's core calls itself unstable. Measured over 10,000 messages: at most 45 of
// them in the document, off by 0 px while pages come above, 34 ms of one processor for the longest task.
import type { Channel, ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import type { MessageActions } from "./actions.ts";
import { Announcer } from "./announcer.tsx";
import { DrawnRow } from "./drawn-row.tsx";
import { estimatePx } from "./estimate.ts";
import { ToFirstUnread, ToNewest } from "./jump-buttons.tsx";
import { Empty, Skeleton } from "./lines.tsx";
import { messageIndex } from "./message-index.ts";
import type { Layout, View } from "./row-window.ts";
import type { Row } from "./rows.ts";
import { goToFirstUnread, useOwnSends, useStart, useTarget } from "./use-jumps.ts";
import { useOlder } from "./use-older.ts";
import { useLookedAt, useReadMarks, useReadUpTo, useUnreadAbove } from "./use-reading.ts";
import { useRowKeys } from "./use-row-keys.ts";
import { useRowWindow } from "./use-row-window.ts";
import { useRows, useToday } from "./use-rows.ts";

interface MessageListProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly actions: MessageActions;
  /** Another object each time somebody asks to go to a message. */
  readonly target: { readonly id: string } | undefined;
}

export function MessageList(props: MessageListProps): JSX.Element {
  return <Messages key={props.channel.id} {...props} />;
}

function Messages({ channel, state, actions, target }: MessageListProps): JSX.Element {
  const { me } = useChat();
  const { messages, hasOlder, phase } = state;
  messageIndex.follow(state);
  const [isAtEnd, setAtEnd] = useState(false);
  const view = useRef<View>(AT_END);
  const isLookedAt = useLookedAt();
  const isReading = isLookedAt && isAtEnd;
  const readUpTo = useReadUpTo(state, isReading);
  useReadMarks(channel, state, isReading);
  const { rows, unreadRow, pending } = useRows(state, readUpTo, me.user);
  const isEmpty = messages.length + pending.length === 0;
  const older = useOlder(channel, state);
  const [isUnreadAbove, lookForUnread] = useUnreadAbove(state, readUpTo);
  const moved = (now: View): void => {
    view.current = now;
    // An empty channel is at its end once one knows that it is empty.
    setAtEnd(now.isAtEnd && (!isEmpty || phase === "live"));
    lookForUnread(unreadRow < 0 ? undefined : rows[unreadRow + 1]?.key, isLookedAt && unreadRow >= now.first);
    const isNearTop = now.topPx < NEAR_TOP_WINDOWS * now.heightPx;
    if (isNearTop && hasOlder && phase === "live" && !older.hasFailed) older.bring();
  };
  const win = useRowWindow<Row>(rows, LAYOUT, moved, useStart(state, unreadRow >= 0));
  const keys = useRowKeys(rows, win, view);
  const lit = useTarget(channel, target, older, (id, share) => {
    win.goTo(id, share);
    keys.focus(id);
  });
  useOwnSends(pending, win.goToEnd);
  const unfolded = useRef(new Set<string>()).current;
  const shared = { channel, state, actions, older, unfolded, today: useToday() };
  const drawn = isEmpty ? [] : rows.slice(win.range.first, win.range.end);
  return (
    <div class="messages">
      <div
        class="messages-scroll"
        role="log"
        aria-label="Messages"
        aria-live="off"
        tabIndex={-1}
        ref={win.box}
        onScroll={win.onScroll}
        onKeyDown={keys.onKeyDown}
        onFocusIn={keys.onFocusIn}
        onFocusOut={keys.onFocusOut}
        onClickCapture={(event) => holdFolded(event, win.hold)}
      >
        {isEmpty && <Nothing state={state} />}
        <div class="messages-space" ref={win.above} />
        <div class="messages-drawn" ref={win.list}>
          {drawn.map((row) => (
            <DrawnRow
              key={row.key}
              row={row}
              isTabStop={row.key === keys.stop}
              isTarget={row.key === lit}
              {...shared}
            />
          ))}
        </div>
        <div class="messages-space" ref={win.below} />
      </div>
      {isUnreadAbove && readUpTo && <ToFirstUnread onGo={() => goToFirstUnread(channel, readUpTo, older, win)} />}
      {!isAtEnd && !isEmpty && <ToNewest messages={messages} me={me.user} onGo={win.goToEnd} />}
      <Announcer state={state} me={me.user} />
    </div>
  );
}

const AT_END: View = { isAtEnd: true, first: 0, last: 0, topPx: 0, heightPx: 0 };
/** Of the window: what a reader's longest swing covers while a page comes. */
const NEAR_TOP_WINDOWS = 2;
const LAYOUT: Layout<Row> = { estimatePx, canHold: ({ kind }) => kind === "message" };

/** What unfolds does so downwards, wherever the list stands. */
function holdFolded({ target }: Event, hold: (key: string) => void): void {
  const fold = target instanceof Element ? target.closest(".message-fold") : null;
  const key = fold?.closest<HTMLElement>("[data-message]")?.dataset["message"];
  if (key !== undefined) hold(key);
}

function Nothing({ state: { phase, can } }: { readonly state: ChannelState }): JSX.Element {
  const isWaiting = phase === "away" || phase === "joining" || phase === "paging";
  return isWaiting ? <Skeleton rows={8} label="Loading messages" /> : <Empty canWrite={can.includes("write")} />;
}
