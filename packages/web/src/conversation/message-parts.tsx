// The parts of a message beside its text: face, quoted original, reactions, the true state of a send. Each draws what it is given.
import type { Message, Reaction } from "@rookery/client";
import type { JSX } from "preact";
import { hueOf, initials } from "./faces.ts";
import { Icon } from "./icons.tsx";
import { clock, exact } from "./times.ts";

interface TabStop {
  readonly tabIndex?: number | undefined;
}

/** The letters are drawn and no text: who copies or hears a message has its name. */
export function Face({ user, name }: { readonly user: string; readonly name: string }): JSX.Element {
  return <span class={`face hue-${hueOf(user)}`} aria-hidden="true" data-initials={initials(name)} />;
}

interface HeadProps {
  readonly name: string;
  /** None yet for what is being sent. */
  readonly at?: number;
}

export function Head({ name, at }: HeadProps): JSX.Element {
  return (
    <header class="message-head">
      <b class="message-name">
        <bdi>{name}</bdi>
      </b>{" "}
      {at !== undefined && (
        <time dateTime={iso(at)} title={exact(at)}>
          {clock(at)}
        </time>
      )}
    </header>
  );
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}

interface QuoteProps extends TabStop {
  readonly id: string;
  readonly original: Message | undefined;
  readonly onGo: (id: string) => void;
}

/** One line is shown of any original. */
const MOST_QUOTED_CHARS = 160;

export function Quote({ id, original, onGo, tabIndex }: QuoteProps): JSX.Element {
  return (
    <button type="button" class="message-quote" tabIndex={tabIndex} onClick={() => onGo(id)}>
      <span class="unseen">In reply to </span>
      {original ? (
        <>
          <b>
            <bdi>{original.name}</bdi>
          </b>{" "}
          <bdi>{original.body?.slice(0, MOST_QUOTED_CHARS) ?? "Message deleted"}</bdi>
        </>
      ) : (
        "an earlier message"
      )}
    </button>
  );
}

interface ReactionsProps extends TabStop {
  readonly reactions: readonly Reaction[];
  readonly canReact: boolean;
  readonly onReact: (emoji: string, on: boolean) => void;
}

export function Reactions({ reactions, canReact, onReact, tabIndex }: ReactionsProps): JSX.Element {
  return (
    <div class="message-reactions">
      {reactions.map(({ emoji, count, mine }) => (
        <button
          key={emoji}
          type="button"
          class="reaction"
          tabIndex={tabIndex}
          aria-pressed={mine}
          aria-label={`${emoji} ${count}${mine ? ", you reacted" : ""}`}
          disabled={!canReact}
          onClick={() => onReact(emoji, !mine)}
        >
          <span aria-hidden="true">{emoji}</span> <span aria-hidden="true">{count}</span>
        </button>
      ))}
    </div>
  );
}

const DELIVERY = {
  sending: "Sending",
  sent: "Sent",
  saved: "Sent and saved",
  failed: "Not sent",
} as const;

export type Delivery = keyof typeof DELIVERY;

export function DeliveryState({ delivery }: { readonly delivery: Delivery }): JSX.Element {
  return (
    <span class={`message-state is-${delivery}`} title={DELIVERY[delivery]}>
      <Icon name={delivery} />
      <span class="unseen">{DELIVERY[delivery]}</span>
    </span>
  );
}
