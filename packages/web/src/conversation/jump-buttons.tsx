// The ways from where the reader is to where something is new, over the list's edges.
import type { Message } from "@rookery/client";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { newerThan } from "./announcer.tsx";
import { Icon } from "./icons.tsx";

const MOST_COUNTED = 99;

export function ToFirstUnread({ onGo }: { readonly onGo: () => void }): JSX.Element {
  return (
    <button type="button" class="jump is-up" onClick={onGo}>
      <Icon name="up" /> Jump to first unread
    </button>
  );
}

interface ToNewestProps {
  readonly messages: readonly Message[];
  readonly me: string;
  readonly onGo: () => void;
}

/** There from the moment the reader leaves the newest on, so that it knows what came since. */
export function ToNewest({ messages, me, onGo }: ToNewestProps): JSX.Element {
  const left = useRef(messages.at(-1));
  const news = newerThan(messages, left.current).filter(({ user, deleted }) => user !== me && !deleted).length;
  const count = news > MOST_COUNTED ? `${MOST_COUNTED}+` : String(news);
  return (
    <button
      type="button"
      class={news > 0 ? "jump is-down has-news" : "jump is-down"}
      aria-label="Jump to newest"
      onClick={onGo}
    >
      {news > 0 && `${count} new ${news === 1 ? "message" : "messages"} `}
      <Icon name="down" />
    </button>
  );
}
