// A message and what answers it, beside the conversation.
import type { Channel, ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import type { MessageActions } from "./actions.ts";

interface ThreadPaneProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly rootId: string;
  readonly actions: MessageActions;
  readonly onClose: () => void;
}

export function ThreadPane({ rootId, onClose }: ThreadPaneProps): JSX.Element {
  return (
    <aside aria-label="Thread" class="side">
      {rootId}
      <button type="button" onClick={onClose}>
        Close
      </button>
    </aside>
  );
}
