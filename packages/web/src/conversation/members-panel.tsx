// Who is in a channel, beside the conversation.
import type { Channel, ChannelState } from "@rookery/client";
import type { JSX } from "preact";

interface MembersPanelProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly onDirect: (user: string) => void;
  readonly onClose: () => void;
}

export function MembersPanel({ state, onClose }: MembersPanelProps): JSX.Element {
  return (
    <aside aria-label="People" class="side">
      {state.online}
      <button type="button" onClick={onClose}>
        Close
      </button>
    </aside>
  );
}
