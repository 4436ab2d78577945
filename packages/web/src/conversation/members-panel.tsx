// Who is in a channel, beside the conversation: those of whom this client was told, and everybody when somebody asks.
import type { Channel, ChannelState, Person } from "@rookery/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { wordsOf } from "../words-of.ts";
import { Face } from "./message-parts.tsx";
import { SidePane } from "./side-pane.tsx";

interface MembersPanelProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly onDirect: (user: string) => void;
  readonly onClose: () => void;
}

/** More names than anybody reads. */
const MOST_SHOWN = 200;

export function MembersPanel({ channel, state, onDirect, onClose }: MembersPanelProps): JSX.Element {
  const { me, tell } = useChat();
  const [all, setAll] = useState<readonly Person[] | undefined>(undefined);
  const { online = 0, present } = state;
  const known = all ?? present;
  const people = [me, ...known.filter(({ user }) => user !== me.user)];
  const ask = (): void => {
    channel.members().then(setAll, (error: unknown) => tell(wordsOf(error)));
  };
  return (
    <SidePane title="People" onClose={onClose}>
      <p class="side-note quiet">{online === 1 ? "1 person is here." : `${online} people are here.`}</p>
      <ul class="side-body people">
        {people.slice(0, MOST_SHOWN).map(({ user, name }) => (
          <li key={user} class="person">
            <Face user={user} name={name} />
            <span class="person-name">
              <bdi>{name}</bdi>
              <bdi class="quiet">{user === me.user ? "You" : user}</bdi>
            </span>
            {user !== me.user && (
              <button type="button" class="button-small" aria-label={`Message ${name}`} onClick={() => onDirect(user)}>
                Message
              </button>
            )}
          </li>
        ))}
        {people.length > MOST_SHOWN && <li class="quiet">And {people.length - MOST_SHOWN} more.</li>}
        {people.length < online && (
          <li>
            <button type="button" class="button-small" onClick={ask}>
              Load everyone
            </button>
          </li>
        )}
      </ul>
    </SidePane>
  );
}
