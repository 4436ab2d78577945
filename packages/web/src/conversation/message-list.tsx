// The messages of a channel, as many as there are, with as many nodes as are seen. Opens where this user left off, stays at the newest
// while the reader is there, and never moves what the reader looks at.
//
// The windowing is our own (`extent.ts`, `row-window.ts`): @tanstack/virtual-core is 9.7 KB gzipped for what takes 1.6 KB here, draws
// rows out of the document's flow at heights that it learns after they were painted, and knows neither `end` nor our hold by row.
import type { Channel, ChannelState, Message, Pending, Position } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import type { MessageActions } from "./actions.ts";
import { Announcer, newerThan } from "./announcer.tsx";
import { estimatePx } from "./estimate.ts";
import { Icon } from "./icons.tsx";
import { Beginning, DayLine, Empty, OlderLine, Skeleton, UnreadLine } from "./lines.tsx";
import { messageIndex } from "./message-index.ts";
import { MessageRow } from "./message-row.tsx";
import { PendingRow } from "./pending-row.tsx";
import { createRows } from "./rows.ts";
import type { Row } from "./rows.ts";
import { dayOf } from "./times.ts";
import { goToFirstUnread, useOpening, useTarget } from "./use-jumps.ts";
import { useLookedAt, useReadMarks, useReadUpTo } from "./use-reading.ts";
import { useOlder } from "./use-older.ts";
import { useRowKeys } from "./use-row-keys.ts";
import { useRowWindow } from "./use-row-window.ts";
import type { Layout, View } from "./row-window.ts";

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
  const isReading = useLookedAt() && isAtEnd;
  const readUpTo = useReadUpTo(state, isReading);
  useReadMarks(channel, state, isReading);
  const pending = useSame(state.pending);
  const today = useToday();
  const [makeRows] = useState(createRows);
  const rows = useMemo(
    () => makeRows({ messages, pending, hasOlder, readUpTo, me: me.user, nowMs: Date.now() }),
    [messages, pending, hasOlder, readUpTo, me.user],
  );
  const unreadRow = useMemo(() => rows.findIndex(({ kind }) => kind === "unread"), [rows]);
  const older = useOlder(channel, state);
  const [isUnreadAbove, setUnreadAbove] = useState(false);
  const unreadSeen = useRef<Position | undefined>(undefined);
  const moved = (now: View): void => {
    view.current = now;
    setAtEnd(now.isAtEnd);
    const isMissing = hasOlder && readUpTo !== undefined && isBehind(messages[0], readUpTo);
    if (unreadRow >= now.first || (unreadRow < 0 && !isMissing)) unreadSeen.current = readUpTo;
    setUnreadAbove(unreadSeen.current !== readUpTo);
    const isNearTop = now.topPx < NEAR_TOP_WINDOWS * now.heightPx;
    if (isNearTop && hasOlder && phase === "live" && !older.hasFailed) older.bring();
  };
  const win = useRowWindow<Row>(rows, LAYOUT, moved);
  const keys = useRowKeys(rows, win, view);
  const lit = useTarget(channel, target, older, (id, share) => {
    win.goTo(id, share);
    keys.focus(id);
  });
  useOpening(state, unreadRow >= 0, win);
  useOwnSends(pending, win.goToEnd);
  const unfolded = useRef(new Set<string>()).current;
  const isEmpty = messages.length + pending.length === 0;
  const drawRow = (row: Row): JSX.Element => {
    const { key, kind } = row;
    if (kind === "message") {
      const { message, isFirstOfGroup } = row;
      const how = { isFirstOfGroup, isTabStop: key === keys.stop, isTarget: key === lit };
      return <MessageRow key={key} {...{ message, state, actions, unfolded, ...how }} />;
    }
    if (kind === "pending") {
      const { pending: each, isFirstOfGroup } = row;
      return (
        <PendingRow key={key} pending={each} isFirstOfGroup={isFirstOfGroup} channel={channel} onGo={actions.goTo} />
      );
    }
    if (kind === "day") return <DayLine key={key} at={row.at} nowMs={today} />;
    if (kind === "older") return <OlderLine key={key} hasFailed={older.hasFailed} onAgain={older.bring} />;
    return kind === "unread" ? <UnreadLine key={key} /> : <Beginning key={key} />;
  };
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
          {!isEmpty && rows.slice(win.range.first, win.range.end).map(drawRow)}
        </div>
        <div class="messages-space" ref={win.below} />
      </div>
      {isUnreadAbove && readUpTo && (
        <button type="button" class="jump is-up" onClick={() => goToFirstUnread(channel, readUpTo, older, win)}>
          <Icon name="up" /> Jump to first unread
        </button>
      )}
      {!isAtEnd && !isEmpty && <ToNewest messages={messages} me={me.user} onGo={win.goToEnd} />}
      <Announcer state={state} me={me.user} />
    </div>
  );
}

const AT_END: View = { isAtEnd: true, first: 0, last: 0, topPx: 0, heightPx: 0 };
/** Of the window: what a reader's longest swing covers while a page comes. */
const NEAR_TOP_WINDOWS = 2;
const LAYOUT: Layout<Row> = { estimatePx, canHold: ({ kind }) => kind === "message" };

function isBehind(message: Message | undefined, position: Position): boolean {
  return message !== undefined && comparePositions(message, position) > 0;
}

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

interface ToNewestProps {
  readonly messages: readonly Message[];
  readonly me: string;
  readonly onGo: () => void;
}

/** There from the moment the reader leaves the newest on, so that it knows what came since. */
function ToNewest({ messages, me, onGo }: ToNewestProps): JSX.Element {
  const left = useRef(messages.at(-1));
  const news = newerThan(messages, left.current).filter(({ user, deleted }) => user !== me && !deleted).length;
  const count = news > MOST_COUNTED ? `${MOST_COUNTED}+` : String(news);
  return (
    <button
      type="button"
      class={news > 0 ? "jump is-down has-news" : "jump is-down"}
      aria-label="Jump to newest"
      onClick={onGo}
    >
      {news > 0 && `${count} new ${news === 1 ? "message" : "messages"} `}
      <Icon name="down" />
    </button>
  );
}

const MOST_COUNTED = 99;

/** Whoever sends something wants to see it; what was left unsent from before is none of that. */
function useOwnSends(pending: readonly Pending[], goToEnd: () => void): void {
  const known = useRef(new Set(pending.map(({ clientId }) => clientId)));
  useEffect(() => {
    const isOther = pending.some(({ clientId }) => !known.current.has(clientId));
    known.current = new Set(pending.map(({ clientId }) => clientId));
    if (isOther) goToEnd();
  }, [pending]);
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
function useToday(): number {
  const [nowMs, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setTimeout(() => setNow(Date.now()), dayOf(nowMs).toMs - Date.now() + 1000);
    return () => clearTimeout(timer);
  }, [nowMs]);
  return nowMs;
}
