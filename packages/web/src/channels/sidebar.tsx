// The pane of channels: those that are open, by kind, with what is unread; where others are found or made; who one is.
import type { JSX } from "preact";
import { useChat } from "../chat.ts";
import { Icon } from "../look/icons.tsx";
import { useObserved } from "../observe.ts";
import type { DialogName } from "./dialog-name.ts";
import { YouMenu } from "../you-menu.tsx";
import { ChannelLink } from "./channel-link.tsx";

interface SidebarProps {
  /** The id of the channel that is shown. */
  readonly current: string | undefined;
  readonly show: (dialog: DialogName) => void;
}

export function Sidebar({ current, show }: SidebarProps): JSX.Element {
  const list = useObserved(useChat().channels.list);
  const direct = list.filter(({ info }) => info.kind === "direct");
  const others = list.filter(({ info }) => info.kind !== "direct");
  return (
    <div class="sidebar">
      <header class="sidebar-head">
        <span class="logo logo-small" aria-hidden="true">
          R
        </span>
        <strong>Rookery</strong>
        <button type="button" class="icon-button" aria-label="Browse channels" onClick={() => show("browse")}>
          <Icon name="compass" />
        </button>
        <button type="button" class="icon-button" aria-label="New channel" onClick={() => show("new")}>
          <Icon name="plus" />
        </button>
      </header>
      <nav class="channel-nav" aria-label="Channels">
        <ChannelGroup title="Channels" list={others} current={current} />
        {others.length === 0 && (
          <p class="quiet nav-empty">
            None yet.{" "}
            <button type="button" class="button-small" onClick={() => show("browse")}>
              Find one
            </button>{" "}
            <button type="button" class="button-small" onClick={() => show("new")}>
              Start one
            </button>
          </p>
        )}
        {direct.length > 0 && <ChannelGroup title="Direct messages" list={direct} current={current} />}
      </nav>
      <YouMenu />
    </div>
  );
}

interface ChannelGroupProps {
  readonly title: string;
  readonly list: ReturnType<ReturnType<typeof useChat>["channels"]["list"]["state"]>;
  readonly current: string | undefined;
}

function ChannelGroup({ title, list, current }: ChannelGroupProps): JSX.Element {
  return (
    <>
      <h2 class="nav-title">{title}</h2>
      <ul class="channel-list">
        {list.map((open) => (
          <ChannelLink key={open.info.id} open={open} isCurrent={open.info.id === current} />
        ))}
      </ul>
    </>
  );
}
