// The public channels of the cluster, to pick one from: fetched when it is shown, narrowed by what is typed elsewhere.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { Icon } from "../look/icons.tsx";
import type { ChannelInfo } from "../rest.ts";
import { linkTo } from "../route.ts";
import { nameOf } from "./open-channels.ts";

interface PublicChannelsProps {
  /** Of an id or a name. */
  readonly part: string;
  readonly onPick: () => void;
  /** What stands where there is none. */
  readonly none: JSX.Element;
}

/** More than anybody reads: who wants another types a part of its name. */
const MOST_SHOWN = 100;
const SKELETONS = [1, 2, 3];

type Fetched = readonly ChannelInfo[] | "away" | undefined;

export function PublicChannels({ part, onPick, none }: PublicChannelsProps): JSX.Element {
  const { rest, channels } = useChat();
  const [all, setAll] = useState<Fetched>(undefined);
  useEffect(() => {
    rest.publicChannels().then(setAll, () => setAll("away"));
  }, [rest]);
  if (all === undefined) return <Skeletons />;
  if (all === "away") return <p class="trouble">The list of channels cannot be had now.</p>;
  const sought = part.trim().toLowerCase();
  const found = all.filter(({ id, name = "" }) => `${id}\n${name}`.toLowerCase().includes(sought));
  if (found.length === 0) return none;
  return (
    <ul class="picks">
      {found.slice(0, MOST_SHOWN).map((info) => (
        <li key={info.id}>
          <a
            class="pick"
            href={linkTo(info.id)}
            onClick={() => {
              channels.open(info);
              onPick();
            }}
          >
            <Icon name="hash" />
            <bdi class="channel-name">{nameOf(info)}</bdi>
            {info.name !== undefined && info.name !== info.id && <span class="quiet">{info.id}</span>}
          </a>
        </li>
      ))}
      {found.length > MOST_SHOWN && (
        <li class="quiet">And {found.length - MOST_SHOWN} more: type a part of the name.</li>
      )}
    </ul>
  );
}

function Skeletons(): JSX.Element {
  return (
    <div class="picks" aria-busy="true" aria-label="Fetching the channels">
      {SKELETONS.map((n) => (
        <div key={n} class="skeleton pick" />
      ))}
    </div>
  );
}
