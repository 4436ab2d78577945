// The messages of a channel, as many as there are, with as many nodes as are seen.
import type { Channel, ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import type { MessageActions } from "./actions.ts";
import { MessageRow } from "./message-row.tsx";

interface MessageListProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly actions: MessageActions;
  /** Another object each time somebody asks to go to a message. */
  readonly target: { readonly id: string } | undefined;
}

export function MessageList({ channel, state, actions }: MessageListProps): JSX.Element {
  return (
    <div role="log" aria-label={`Messages in ${channel.id}`} class="messages">
      {state.messages.map((message) => (
        <MessageRow key={message.id} message={message} state={state} actions={actions} isFirstOfGroup />
      ))}
    </div>
  );
}
