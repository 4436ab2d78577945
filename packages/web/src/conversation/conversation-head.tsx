// The head of a conversation: the way back, what channel it is, who is there, what can be shown beside it.
import type { ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import { KIND_ICONS } from "../channels/channel-link.tsx";
import { nameOf } from "../channels/open-channels.ts";
import { Icon } from "../look/icons.tsx";
import type { ChannelInfo } from "../rest.ts";
import type { Side } from "./actions.ts";

interface ConversationHeadProps {
  readonly info: ChannelInfo;
  readonly state: ChannelState;
  readonly side: Side;
  readonly show: (side: Side) => void;
  readonly onLeave: () => void;
}

const NONE: Side = { kind: "none" };

export function ConversationHead({ info, state, side, show, onLeave }: ConversationHeadProps): JSX.Element {
  const toggle = (kind: "search" | "members"): void => show(side.kind === kind ? NONE : { kind });
  const count = state.phase === "out" ? undefined : state.online;
  const people = count === undefined ? "People" : `People, ${count} here`;
  return (
    <header class="conversation-head">
      <a class="icon-button back" href="#/" aria-label="All channels">
        <Icon name="back" />
      </a>
      <Icon name={KIND_ICONS[info.kind]} />
      <h1 title={info.id}>
        <bdi>{nameOf(info)}</bdi>
      </h1>
      <button
        type="button"
        class="head-button"
        aria-label={people}
        aria-pressed={side.kind === "members"}
        title={people}
        onClick={() => toggle("members")}
      >
        <Icon name="people" />
        <span class="head-count">{count}</span>
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Search"
        aria-pressed={side.kind === "search"}
        onClick={() => toggle("search")}
      >
        <Icon name="search" />
      </button>
      <button type="button" class="icon-button" aria-label="Leave channel" title="Leave channel" onClick={onLeave}>
        <Icon name="leave" />
      </button>
    </header>
  );
}
