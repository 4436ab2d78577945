// One channel on the page: its head, its messages, what is written, and beside it a thread, a search or the people. Owns what the
// parts share: which message is answered, edited, looked at. Knows nothing of how rows are windowed or text is drawn.
import type { Channel, Message } from "@rookery/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { OpenChannel } from "../channels/open-channels.ts";
import { useChat } from "../chat.ts";
import type { Chat } from "../chat.ts";
import { useChannelState } from "../observe.ts";
import { linkTo } from "../route.ts";
import type { MessageActions, Side, Writing } from "./actions.ts";
import { Composer } from "./composer.tsx";
import { ConversationHead } from "./conversation-head.tsx";
import { MembersPanel } from "./members-panel.tsx";
import { MessageList } from "./message-list.tsx";
import { OutNotice } from "./out-notice.tsx";
import { SearchPanel } from "./search-panel.tsx";
import { ThreadPane } from "./thread-pane.tsx";
import { wordsOf } from "../words-of.ts";

interface Shown {
  readonly writing: Writing;
  readonly side: Side;
  readonly target: { readonly id: string } | undefined;
}

/** As `side.css` has it. */
const NARROW = "(width < 1040px)";
const AT_FIRST: Shown = { writing: { kind: "new" }, side: { kind: "none" }, target: undefined };

export function Conversation({ open: { channel, info } }: { readonly open: OpenChannel }): JSX.Element {
  const chat = useChat();
  const state = useChannelState(channel);
  const [{ writing, side, target }, setShown] = useState(AT_FIRST);
  const actions = useMemo(() => {
    const show = (more: Partial<Shown>): void => setShown((last) => ({ ...last, ...more }));
    return { show, ...actionsOf(channel, chat, show) };
  }, [channel, chat]);
  const closeSide = (): void => actions.show({ side: AT_FIRST.side });
  const leave = (): void => {
    // Not before the address leads elsewhere: as long as it leads here, the channel is opened again.
    addEventListener("hashchange", () => chat.channels.close(info.id), { once: true });
    location.hash = "#/";
  };
  const shared = { channel, state, actions };
  return (
    <div class="conversation" data-side={side.kind}>
      <main class="conversation-main">
        <ConversationHead {...{ info, state, side }} show={(next) => actions.show({ side: next })} onLeave={leave} />
        <MessageList {...shared} target={target} />
        {state.phase === "out" ? (
          <OutNotice channel={channel} info={info} onLeave={leave} />
        ) : (
          <Composer
            {...{ channel, state, writing }}
            onDone={() => actions.show({ writing: AT_FIRST.writing })}
            onEdit={actions.edit}
          />
        )}
      </main>
      {side.kind === "thread" && <ThreadPane {...shared} rootId={side.rootId} onClose={closeSide} />}
      {side.kind === "search" && <SearchPanel {...shared} onClose={closeSide} />}
      {side.kind === "members" && (
        <MembersPanel {...{ channel, state }} onDirect={(user) => meet(chat, user)} onClose={closeSide} />
      )}
    </div>
  );
}

function actionsOf(channel: Channel, chat: Chat, show: (more: Partial<Shown>) => void): MessageActions {
  const attempt = (what: Promise<unknown>): void => {
    what.catch((error: unknown) => chat.tell(wordsOf(error)));
  };
  return {
    reply: (message: Message) => show({ writing: { kind: "reply", message } }),
    edit: (message: Message) => show({ writing: { kind: "edit", message } }),
    remove: ({ id }: Message) => attempt(channel.delete(id)),
    react: ({ id }: Message, emoji: string, on: boolean) => attempt(channel.react(id, emoji, on)),
    openThread: (rootId: string) => show({ side: { kind: "thread", rootId } }),
    // Where there is no room for both, what stands beside it would hide the message.
    goTo: (id: string) => show({ target: { id }, ...(matchMedia(NARROW).matches ? { side: AT_FIRST.side } : {}) }),
  };
}

/** The conversation of two, made where there is none. */
function meet({ rest, channels, tell }: Chat, user: string): void {
  rest
    .direct(user)
    .then(channels.openNamed)
    .then(({ info }) => {
      location.hash = linkTo(info.id);
    })
    .catch((error: unknown) => tell(wordsOf(error)));
}
