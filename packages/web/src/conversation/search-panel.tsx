// Finds text among the messages that are loaded, and says that it looks at those alone.
import type { Channel, ChannelState, Message } from "@rookery/client";
import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { wordsOf } from "../words-of.ts";
import { beginSearch, searchOn } from "../writing/search.ts";
import type { Found, Search } from "../writing/search.ts";
import type { MessageActions } from "./actions.ts";
import { SidePane } from "./side-pane.tsx";
import { dayName, clock, exact } from "./times.ts";

interface SearchPanelProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly actions: MessageActions;
  readonly onClose: () => void;
}

const MOST_FOUND = 100;

export function SearchPanel({ channel, state, actions, onClose }: SearchPanelProps): JSX.Element {
  const { tell } = useChat();
  const [part, setPart] = useState("");
  const [isAsking, setAsking] = useState(false);
  const { messages, hasOlder } = state;
  const { found, left } = useSearch(messages, part);
  const older = (): void => {
    setAsking(true);
    channel
      .older({ limit: 200 })
      .catch((error: unknown) => tell(wordsOf(error)))
      .finally(() => setAsking(false));
  };
  return (
    <SidePane title="Search" onClose={onClose}>
      <div class="side-search">
        <input
          type="search"
          data-first
          aria-label="Search messages"
          placeholder="Search messages"
          value={part}
          onInput={({ currentTarget }) => setPart(currentTarget.value)}
        />
        <p class="quiet" role="status">
          {left > 0 ? "Searching…" : countLine(part, found.length, messages.length)}
        </p>
        {hasOlder && (
          <button type="button" class="button-small" disabled={isAsking} onClick={older}>
            Load older
          </button>
        )}
      </div>
      <ul class="side-body results">
        {found.map((each) => (
          <Result key={each.message.id} found={each} onGo={actions.goTo} />
        ))}
      </ul>
    </SidePane>
  );
}

/** The first stride at once, the others as soon as nothing else is to be done. */
function useSearch(messages: readonly Message[], part: string): Search {
  const [search, setSearch] = useState(() => beginSearch(messages, ""));
  useLayoutEffect(() => {
    let now = beginSearch(messages, part);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const goOn = (): void => {
      now = searchOn(now, messages, part, MOST_FOUND);
      setSearch(now);
      if (now.left > 0) timer = setTimeout(goOn);
    };
    goOn();
    return () => clearTimeout(timer);
  }, [messages, part]);
  return search;
}

function countLine(part: string, found: number, of: number): string {
  const loaded = `${of} loaded ${of === 1 ? "message" : "messages"}`;
  if (part.trim() === "") return `Searches the ${loaded}.`;
  return `${found === MOST_FOUND ? `The newest ${found}` : found} of ${loaded}.`;
}

interface ResultProps {
  readonly found: Found;
  readonly onGo: (id: string) => void;
}

function Result({ found: { message, parts }, onGo }: ResultProps): JSX.Element {
  const [before, sought, after] = parts;
  const { id, name, at } = message;
  return (
    <li>
      <button type="button" class="result" onClick={() => onGo(id)}>
        <span class="result-head">
          <bdi>{name}</bdi>{" "}
          <time class="quiet" title={exact(at)}>
            {dayName(at, Date.now())}, {clock(at)}
          </time>
        </span>
        <span class="result-text" dir="auto">
          {before}
          <mark>{sought}</mark>
          {after}
        </span>
      </button>
    </li>
  );
}
