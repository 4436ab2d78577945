// Where one writes: what it is about, whether one may, and the field itself. What is being edited has a field of its own, so that a
// draft is still there afterwards.
import type { Channel, ChannelState, Message } from "@rookery/client";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { createDrafts } from "../writing/drafts.ts";
import type { Drafts } from "../writing/drafts.ts";
import { typistsLine, whyNotWrite } from "../writing/writing-words.ts";
import { wordsOf } from "../words-of.ts";
import type { Writing } from "./actions.ts";
import { clock, dayAndClock, dayOf } from "./times.ts";
import { WritingField } from "./writing-field.tsx";
import { browserStorage } from "../storage.ts";

interface ComposerProps {
  readonly channel: Channel;
  readonly state: ChannelState;
  readonly writing: Writing;
  /** In a thread every message answers this one. */
  readonly replyTo?: string;
  /** Back to a new message. */
  readonly onDone: () => void;
  readonly onEdit?: (message: Message) => void;
}

export function Composer({ channel, state, writing, replyTo, onDone, onEdit }: ComposerProps): JSX.Element {
  const { me } = useChat();
  const drafts = useMemo(() => createDrafts(browserStorage, me.user), [me.user]);
  const place = replyTo === undefined ? channel.id : `${channel.id}/${replyTo}`;
  const edited = writing.kind === "edit" ? writing.message : undefined;
  const answered = writing.kind === "reply" ? writing.message.id : replyTo;
  const whyNot = useWhyNot(state);
  const meetPeople = usePeople(channel, state);
  const saveEdit = useSaveEdit(channel, drafts);
  const send = (body: string): void => {
    if (edited) saveEdit(edited, body);
    // What fails stays in sight among the messages, with why.
    else channel.send(body, answered === undefined ? {} : { replyTo: answered }).catch(() => undefined);
    onDone();
  };
  const cancel = (): void => {
    if (edited) drafts.set(editPlace(channel, edited), "");
    onDone();
  };
  const editLast = (): void => {
    const isHere = (each: Message): boolean => replyTo === undefined || each.replyTo === replyTo;
    const last = state.messages.findLast((each) => each.user === me.user && !each.deleted && isHere(each));
    if (last && onEdit) onEdit(last);
  };
  return (
    <div class="composer">
      <p class="typists" aria-live="off">
        {replyTo === undefined && typistsLine(state.typing)}
      </p>
      <About writing={writing} onCancel={cancel} />
      {whyNot === undefined ? (
        <WritingField
          key={edited?.id ?? place}
          label={replyTo === undefined ? "Message" : "Reply in thread"}
          first={edited ? drafts.get(editPlace(channel, edited)) || (edited.body ?? "") : drafts.get(place)}
          writing={writing}
          state={state}
          onText={(text) => {
            if (text.includes("@")) meetPeople();
            if (edited) return;
            drafts.set(place, text);
            channel.typing(text !== "");
          }}
          onSend={send}
          onCancel={cancel}
          onEditLast={editLast}
        />
      ) : (
        <p class="why-not">{whyNot}</p>
      )}
    </div>
  );
}

const editPlace = (channel: Channel, { id }: Message): string => `${channel.id}/edit/${id}`;

/** What was not taken is there again when the same message is edited once more. */
function useSaveEdit(channel: Channel, drafts: Drafts): (message: Message, body: string) => void {
  const { client, tell } = useChat();
  return (message, body) => {
    if (body === message.body) return;
    const place = editPlace(channel, message);
    drafts.set(place, body);
    if (client.state() !== "open") tell("Your change is made once the connection is back.");
    channel.edit(message.id, body).then(
      () => drafts.set(place, ""),
      (error: unknown) => tell(`Your change was not made: ${wordsOf(error)}`),
    );
  };
}

/** Those who were there before this client are known once somebody asks: for whoever begins to mention one, and once a channel. */
function usePeople(channel: Channel, { phase, mode }: ChannelState): () => void {
  const asked = useRef<Channel | undefined>(undefined);
  return () => {
    if (asked.current === channel || phase !== "live" || mode === "count") return;
    asked.current = channel;
    channel.members().catch(() => {
      asked.current = undefined;
    });
  };
}

/** Again once a mute is over. */
function useWhyNot(state: ChannelState): string | undefined {
  const [nowMs, setNow] = useState(Date.now);
  const { mutedUntil } = state;
  useEffect(() => {
    setNow(Date.now());
    if (mutedUntil === undefined || mutedUntil <= Date.now()) return undefined;
    const timer = setTimeout(() => setNow(Date.now()), Math.min(mutedUntil - Date.now() + 50, MOST_TIMER_MS));
    return () => clearTimeout(timer);
  }, [mutedUntil]);
  return whyNotWrite(state, nowMs, (at) => momentOf(at, nowMs));
}

function momentOf(at: number, nowMs: number): string {
  return at < dayOf(nowMs).toMs ? clock(at) : dayAndClock(at);
}

/** A timer cannot be longer. */
const MOST_TIMER_MS = 2 ** 31 - 1;

interface AboutProps {
  readonly writing: Writing;
  readonly onCancel: () => void;
}

function About({ writing, onCancel }: AboutProps): JSX.Element | null {
  if (writing.kind === "new") return null;
  const { message, kind } = writing;
  const name = kind === "reply" ? "Cancel reply" : "Cancel edit";
  return (
    <div class="about">
      <span class="about-text">
        {kind === "reply" ? (
          <>
            Replying to <bdi>{message.name}</bdi>: <span class="quiet">{message.body}</span>
          </>
        ) : (
          "Editing your message"
        )}
      </span>
      <button type="button" class="button-small" onClick={onCancel}>
        {name}
      </button>
    </div>
  );
}
