// A message of this user's that is not in the channel yet: being sent, or refused with the reason and what to do about it.
import type { Channel, Pending } from "@rookery/client";
import type { JSX } from "preact";
import { useChat } from "../chat.ts";
import { MessageText } from "../text/message-text.tsx";
import { messageIndex } from "./message-index.ts";
import { DeliveryState, Face, Head, Quote } from "./message-parts.tsx";

interface PendingRowProps {
  readonly pending: Pending;
  readonly channel: Channel;
  readonly isFirstOfGroup: boolean;
  readonly onGo: (id: string) => void;
}

export function PendingRow({ pending, channel, isFirstOfGroup, onGo }: PendingRowProps): JSX.Element {
  const { me } = useChat();
  const { clientId, body, replyTo, status, error } = pending;
  const isFailed = status === "failed";
  return (
    <article
      class={`message is-pending${isFirstOfGroup ? " is-first" : ""}${isFailed ? " is-failed" : ""}`}
      data-pending={clientId}
      aria-label={`${me.name}, ${isFailed ? "not sent" : "sending"}`}
    >
      <div class="message-side">{isFirstOfGroup && <Face user={me.user} name={me.name} />}</div>
      <div class="message-main">
        {isFirstOfGroup && <Head name={me.name} />}
        {replyTo !== undefined && <Quote id={replyTo} original={messageIndex.message(replyTo)} onGo={onGo} />}
        <MessageText body={body} me={me.user} nameOf={messageIndex.nameOf} />
        {isFailed && (
          <div class="message-failure">
            <span>Not sent: {error?.message ?? "nobody can say why"}</span>
            <button type="button" onClick={() => sendAgain(channel, pending)}>
              Retry
            </button>
            <button type="button" onClick={() => channel.forget(clientId)}>
              Discard
            </button>
          </div>
        )}
      </div>
      <DeliveryState delivery={isFailed ? "failed" : "sending"} />
    </article>
  );
}

function sendAgain(channel: Channel, { clientId, body, replyTo, meta }: Pending): void {
  const options = { ...(replyTo === undefined ? {} : { replyTo }), ...(meta === undefined ? {} : { meta }) };
  channel.send(body, options).catch(staysPending);
  channel.forget(clientId);
}

/** The state of the channel shows it as it shows the first failure. */
function staysPending(): void {}
