// One message as it is seen: whose, when, its text, its reactions, what can be done with it.
import type { ChannelState, Message } from "@rookery/client";
import type { JSX } from "preact";
import type { MessageActions } from "./actions.ts";

interface MessageRowProps {
  readonly message: Message;
  readonly state: ChannelState;
  readonly actions: MessageActions;
  /** With face and name; the others follow the same person's within five minutes. */
  readonly isFirstOfGroup: boolean;
}

export function MessageRow({ message }: MessageRowProps): JSX.Element {
  return (
    <article class="message">
      {message.name}: {message.body ?? "deleted"}
    </article>
  );
}
