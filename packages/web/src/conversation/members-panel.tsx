// Who is in a channel, beside the conversation: those of whom this client was told, and everybody, at once where they are few and when
// somebody asks where they are many.
import type { Channel, ChannelState, Person } from "@rookery/client";
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { wordsOf } from "../words-of.ts";
import { peopleListed } from "../writing/people.ts";
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
/** From here on one looks for somebody by name. */
const SOUGHT_FROM = 12;

export function MembersPanel({ channel, state, onDirect, onClose }: MembersPanelProps): JSX.Element {
  const { me } = useChat();
  const { online = 0 } = state;
  const { known, isAsking, ask } = useEverybody(channel, state);
  const [part, setPart] = useState("");
  const people = useMemo(() => peopleListed(known, me, part), [known, me, part]);
  const isSought = known.length >= SOUGHT_FROM;
  return (
    <SidePane title="People" onClose={onClose}>
      <div class="side-search">
        {isSought && (
          <input
            type="search"
            aria-label="Find people"
            placeholder="Find people"
            value={part}
            onInput={({ currentTarget }) => setPart(currentTarget.value)}
          />
        )}
        <p class="quiet" role="status">
          {online === 1 ? "1 person is here" : `${online.toLocaleString()} people are here`}
        </p>
      </div>
      <ul class="side-body people">
        {people.slice(0, MOST_SHOWN).map((person) => (
          <Row key={person.user} person={person} isMe={person.user === me.user} onDirect={onDirect} />
        ))}
        {people.length === 0 && <li class="quiet side-note">Nobody here is called that.</li>}
        {people.length > MOST_SHOWN && (
          <li class="quiet side-note">And {(people.length - MOST_SHOWN).toLocaleString()} more: find them by name.</li>
        )}
        {known.length < online && (
          <li class="person">
            <button type="button" class="button-small" disabled={isAsking} onClick={ask}>
              {isAsking ? "Loading…" : "Load everyone"}
            </button>
          </li>
        )}
      </ul>
    </SidePane>
  );
}

interface RowProps {
  readonly person: Person;
  readonly isMe: boolean;
  readonly onDirect: (user: string) => void;
}

function Row({ person: { user, name }, isMe, onDirect }: RowProps): JSX.Element {
  return (
    <li class="person">
      <Face user={user} name={name} />
      <span class="person-name">
        <bdi>{name}</bdi>
        <bdi class="quiet">{isMe ? "You" : user}</bdi>
      </span>
      {!isMe && (
        <button type="button" class="button-small" aria-label={`Message ${name}`} onClick={() => onDirect(user)}>
          Message
        </button>
      )}
    </li>
  );
}

interface Everybody {
  readonly known: readonly Person[];
  readonly isAsking: boolean;
  readonly ask: () => void;
}

/** So many come with one answer. */
const AT_ONCE = 1_000;

function useEverybody(channel: Channel, { phase, mode, online = 0, present }: ChannelState): Everybody {
  const { tell } = useChat();
  const [all, setAll] = useState<readonly Person[]>([]);
  const [isAsking, setAsking] = useState(false);
  // Where people are only counted, the state holds nobody; elsewhere it takes in those who were asked for, and goes on.
  const known = mode === "count" ? all : present;
  const ask = (): void => {
    setAsking(true);
    channel
      .members()
      .then(setAll, (error: unknown) => tell(wordsOf(error)))
      .finally(() => setAsking(false));
  };
  useEffect(() => {
    if (phase === "live" && known.length < online && online <= AT_ONCE) ask();
  }, [channel, phase]);
  return { known, isAsking, ask };
}
