// A message and what answers it, beside the conversation. What is loaded there is taken from there, since it is kept up to date; what
// is older is asked for.
import type { Channel, ChannelState, Message } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { wordsOf } from "../words-of.ts";
import type { MessageActions, Writing } from "./actions.ts";
import { Composer } from "./composer.tsx";
import { MessageRow } from "./message-row.tsx";
import { PendingRow } from "./pending-row.tsx";
import { SidePane } from "./side-pane.tsx";
import { threadOf } from "./thread.ts";

interface ThreadPaneProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly rootId: string;
  readonly actions: MessageActions;
  readonly onClose: () => void;
}

const NEW: Writing = { kind: "new" };

export function ThreadPane({ channel, state, rootId, actions, onClose }: ThreadPaneProps): JSX.Element {
  const [writing, setWriting] = useState(NEW);
  const asked = useAsked(channel, rootId);
  const { messages } = state;
  const { root, replies } = useMemo(() => threadOf(rootId, messages, asked.replies), [rootId, messages, asked.replies]);
  const pending = state.pending.filter(({ replyTo }) => replyTo === rootId);
  const own: MessageActions = {
    ...actions,
    reply: () => setWriting(NEW),
    edit: (message) => setWriting({ kind: "edit", message }),
  };
  const end = useRef<HTMLDivElement>(null);
  const last = `${replies.at(-1)?.id} ${pending.length}`;
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [last]);
  const row = (message: Message): JSX.Element => (
    <MessageRow key={message.id} {...{ message, state, actions: own }} isFirstOfGroup />
  );
  return (
    <SidePane title="Thread" onClose={onClose}>
      <div class="side-body">
        {root ? (
          row(root)
        ) : (
          <p class="quiet side-note">The message that began this is further back than what is loaded.</p>
        )}
        <p class="side-note quiet" aria-live="polite">
          {asked.isAsking ? "Loading replies…" : repliesLine(replies.length)}
        </p>
        {asked.more && (
          <button type="button" class="button-small side-more" disabled={asked.isAsking} onClick={asked.ask}>
            Load earlier replies
          </button>
        )}
        {replies.map(row)}
        {pending.map((each) => (
          <PendingRow key={each.clientId} pending={each} isFirstOfGroup channel={channel} onGo={actions.goTo} />
        ))}
        <div ref={end} />
      </div>
      <Composer {...{ channel, state, writing }} replyTo={rootId} onDone={() => setWriting(NEW)} onEdit={own.edit} />
    </SidePane>
  );
}

function repliesLine(count: number): string {
  if (count === 0) return "No replies yet.";
  return count === 1 ? "1 reply" : `${count} replies`;
}

interface Asked {
  readonly replies: readonly Message[];
  readonly more: boolean;
  readonly isAsking: boolean;
  /** For those before what is there. */
  readonly ask: () => void;
}

/** The newest page of replies at once, older ones when somebody asks. */
function useAsked(channel: Channel, rootId: string): Asked {
  const { tell } = useChat();
  const [replies, setReplies] = useState<readonly Message[]>([]);
  const [more, setMore] = useState(false);
  const [isAsking, setAsking] = useState(true);
  const bring = useCallback(
    (before: Message | undefined, signal?: AbortSignal): void => {
      setAsking(true);
      const place = before ? { before: { epoch: before.epoch, seq: before.seq } } : {};
      channel
        .history({ replyTo: rootId, ...place, ...(signal ? { signal } : {}) })
        .then((page) => {
          const found = page.messages.filter((each) => each.type === "message");
          setReplies((known) => [...found, ...known].toSorted(comparePositions));
          setMore(page.more);
          setAsking(false);
        })
        .catch((error: unknown) => {
          if (signal?.aborted) return;
          setAsking(false);
          tell(wordsOf(error));
        });
    },
    [channel, rootId, tell],
  );
  useEffect(() => {
    const given = new AbortController();
    setReplies([]);
    bring(undefined, given.signal);
    return () => given.abort();
  }, [bring]);
  return { replies, more, isAsking, ask: () => bring(replies[0]) };
}
