// One channel on the page: its head, its messages, what is written, and beside it a thread or a search. Owns what the parts share:
// which message is answered, edited, looked at. Knows nothing of how rows are windowed or text is drawn.
import type { Message } from "@rookery/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { OpenChannel } from "../channels/open-channels.ts";
import { useChat } from "../chat.ts";
import { useChannelState } from "../observe.ts";
import type { MessageActions, Side, Writing } from "./actions.ts";
import { Composer } from "./composer.tsx";
import { MessageList } from "./message-list.tsx";
import { SearchPanel } from "./search-panel.tsx";
import { ThreadPane } from "./thread-pane.tsx";

export function Conversation({ open: { channel, info } }: { readonly open: OpenChannel }): JSX.Element {
  const chat = useChat();
  const state = useChannelState(channel);
  const [writing, setWriting] = useState<Writing>({ kind: "new" });
  const [side, setSide] = useState<Side>({ kind: "none" });
  const [target, setTarget] = useState<{ readonly id: string } | undefined>(undefined);
  const actions = useMemo<MessageActions>(() => {
    const attempt = (what: Promise<unknown>): void => {
      what.catch((error: unknown) => chat.tell(error instanceof Error ? error.message : String(error)));
    };
    return {
      reply: (message: Message) => setWriting({ kind: "reply", message }),
      edit: (message: Message) => setWriting({ kind: "edit", message }),
      remove: ({ id }: Message) => attempt(channel.delete(id)),
      react: ({ id }: Message, emoji: string, on: boolean) => attempt(channel.react(id, emoji, on)),
      openThread: (rootId: string) => setSide({ kind: "thread", rootId }),
      goTo: (id: string) => setTarget({ id }),
    };
  }, [channel, chat]);
  const closeSide = (): void => setSide({ kind: "none" });
  return (
    <div class="conversation">
      <main class="conversation-main">
        <header class="conversation-head">
          <h1>{info.name ?? info.id}</h1>
          <button type="button" onClick={() => setSide({ kind: "search" })}>
            Search
          </button>
        </header>
        <MessageList channel={channel} state={state} actions={actions} target={target} />
        <Composer channel={channel} state={state} writing={writing} onDone={() => setWriting({ kind: "new" })} />
      </main>
      {side.kind === "thread" && (
        <ThreadPane channel={channel} state={state} rootId={side.rootId} actions={actions} onClose={closeSide} />
      )}
      {side.kind === "search" && <SearchPanel state={state} actions={actions} onClose={closeSide} />}
    </div>
  );
}
