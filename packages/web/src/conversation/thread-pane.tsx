// A message and what answers it, beside the conversation. What is loaded there is taken from there, since it is kept up to date; what
// is older is asked for.
import type { Channel, ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { MessageActions, Writing } from "./actions.ts";
import { Composer } from "./composer.tsx";
import { Skeleton } from "./lines.tsx";
import { MessageRow } from "./message-row.tsx";
import { PendingRow } from "./pending-row.tsx";
import { SidePane } from "./side-pane.tsx";
import { beginsGroup, repliesLine, threadOf } from "./thread.ts";
import { useAskedReplies } from "./use-asked-replies.ts";
import type { AskedReplies } from "./use-asked-replies.ts";
import { useEndHold } from "./use-end-hold.ts";

interface ThreadPaneProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly rootId: string;
  readonly actions: MessageActions;
  readonly onClose: () => void;
}

const NEW: Writing = { kind: "new" };

export function ThreadPane(props: ThreadPaneProps): JSX.Element {
  return <Thread key={props.rootId} {...props} />;
}

function Thread({ channel, state, rootId, actions, onClose }: ThreadPaneProps): JSX.Element {
  const [writing, setWriting] = useState(NEW);
  const body = useRef<HTMLDivElement>(null);
  const own = useMemo<MessageActions>(
    () => ({
      ...actions,
      // Whatever is answered here, the thread is.
      reply() {
        setWriting((last) => (last.kind === "new" ? last : NEW));
        body.current?.parentElement?.querySelector("textarea")?.focus();
      },
      edit: (message) => setWriting({ kind: "edit", message }),
    }),
    [actions],
  );
  return (
    <SidePane title="Thread" onClose={onClose}>
      <ThreadBody {...{ channel, state, rootId, body }} actions={own} />
      {state.phase !== "out" && (
        <Composer
          {...{ channel, state, writing }}
          replyTo={rootId}
          onDone={() => setWriting({ kind: "new" })}
          onEdit={own.edit}
        />
      )}
    </SidePane>
  );
}

interface ThreadBodyProps extends Omit<ThreadPaneProps, "onClose"> {
  readonly body: { current: HTMLDivElement | null };
}

function ThreadBody({ channel, state, rootId, actions, body }: ThreadBodyProps): JSX.Element {
  const asked = useAskedReplies(channel, rootId);
  const { messages } = state;
  const thread = useMemo(() => threadOf(rootId, messages, asked.replies), [rootId, messages, asked.replies]);
  const { root, replies } = thread;
  const pending = state.pending.filter(({ replyTo }) => replyTo === rootId);
  useEndHold(body, replies[0]?.id, `${replies.at(-1)?.id} ${pending.length}`);
  return (
    <div class="side-body thread" ref={body}>
      <div class="thread-root">
        {root ? (
          <MessageRow message={root} {...{ state, actions }} isFirstOfGroup />
        ) : (
          <p class="quiet side-note">
            The message that began this is further back.{" "}
            <button type="button" class="plain" onClick={() => actions.goTo(rootId)}>
              Go there
            </button>
          </p>
        )}
      </div>
      <p class="line thread-count" aria-live="polite">
        {repliesLine(thread, asked.more)}
      </p>
      <Earlier asked={asked} count={root?.replies ?? 0} />
      <div class="thread-replies">
        {replies.map((message, n) => (
          <MessageRow
            key={message.id}
            {...{ message, state, actions }}
            isFirstOfGroup={beginsGroup(message, replies[n - 1])}
          />
        ))}
        {pending.map((each) => (
          <PendingRow key={each.clientId} pending={each} isFirstOfGroup channel={channel} onGo={actions.goTo} />
        ))}
      </div>
    </div>
  );
}

interface EarlierProps {
  readonly asked: AskedReplies;
  /** How many replies there are to be. */
  readonly count: number;
}

const MOST_SKELETONS = 3;

function Earlier({ asked: { replies, more, isAsking, older }, count }: EarlierProps): JSX.Element | null {
  if (isAsking && replies.length === 0 && count > 0)
    return <Skeleton rows={Math.min(count, MOST_SKELETONS)} label="Loading replies" />;
  if (!more) return null;
  return (
    <button type="button" class="button-small side-more" disabled={isAsking} onClick={older}>
      {isAsking ? "Loading…" : "Load earlier replies"}
    </button>
  );
}
