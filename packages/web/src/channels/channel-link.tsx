// One channel of the side list: its kind, its name, what is unread in it.
import type { JSX } from "preact";
import { Icon } from "../look/icons.tsx";
import type { IconName } from "../look/icons.tsx";
import { useChannelState } from "../observe.ts";
import type { ChannelKind } from "../rest.ts";
import { linkTo } from "../route.ts";
import { nameOf } from "./open-channels.ts";
import type { OpenChannel } from "./open-channels.ts";

export const KIND_ICONS: Readonly<Record<ChannelKind, IconName>> = {
  public: "hash",
  private: "lock",
  password: "lock",
  direct: "person",
};

/** As far as the cluster counts. */
const MOST_COUNTED = 100;

interface ChannelLinkProps {
  readonly open: OpenChannel;
  readonly isCurrent: boolean;
}

export function ChannelLink({ open: { info, channel }, isCurrent }: ChannelLinkProps): JSX.Element {
  const { unread = 0, mentions = 0, phase } = useChannelState(channel);
  const count = phase === "out" ? 0 : unread;
  const name = nameOf(info);
  const told = [name, ...(count > 0 ? [`${count} unread`] : []), ...(mentions > 0 ? [`${mentions} mentions`] : [])];
  return (
    <li>
      <a
        class="channel-link"
        href={linkTo(info.id)}
        aria-current={isCurrent ? "page" : undefined}
        aria-label={told.join(", ")}
        data-unread={count > 0}
        data-out={phase === "out"}
        title={name}
      >
        <Icon name={KIND_ICONS[info.kind]} />
        <bdi class="channel-name">{name}</bdi>
        {count > 0 && (
          <span class="badge" data-mentions={mentions > 0}>
            {mentions > 0 && "@"}
            {count >= MOST_COUNTED ? `${MOST_COUNTED}+` : count}
          </span>
        )}
      </a>
    </li>
  );
}
