// Where one writes: what it is about, whether one may, and the field itself. What is being edited has a field of its own, so that a
// draft is still there afterwards.
import type { Channel, ChannelState, Message } from "@rookery/client";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { createDrafts } from "../writing/drafts.ts";
import { typistsLine, whyNotWrite } from "../writing/writing-words.ts";
import { wordsOf } from "../words-of.ts";
import type { Writing } from "./actions.ts";
import { clock } from "./times.ts";
import { WritingField } from "./writing-field.tsx";

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
  const { me, tell } = useChat();
  const drafts = useMemo(() => createDrafts(localStorage, me.user), [me.user]);
  const place = replyTo === undefined ? channel.id : `${channel.id}/${replyTo}`;
  const edited = writing.kind === "edit" ? writing.message : undefined;
  const answered = writing.kind === "reply" ? writing.message.id : replyTo;
  const whyNot = useWhyNot(state);
  const meetPeople = usePeople(channel, state);
  const send = (body: string): void => {
    if (edited) channel.edit(edited.id, body).catch((error: unknown) => tell(wordsOf(error)));
    // What fails stays in sight among the messages, with why.
    else channel.send(body, answered === undefined ? {} : { replyTo: answered }).catch(() => undefined);
    onDone();
  };
  const editLast = (): void => {
    const last = state.messages.findLast(({ user, deleted }) => user === me.user && !deleted);
    if (last && onEdit) onEdit(last);
  };
  return (
    <div class="composer">
      <p class="typists" aria-live="off">
        {replyTo === undefined && typistsLine(state.typing)}
      </p>
      <About writing={writing} onCancel={onDone} />
      {whyNot === undefined ? (
        <WritingField
          key={edited?.id ?? place}
          label={replyTo === undefined ? "Message" : "Reply in thread"}
          first={edited?.body ?? drafts.get(place)}
          writing={writing}
          state={state}
          onText={(text) => {
            if (text.includes("@")) meetPeople();
            if (edited) return;
            drafts.set(place, text);
            channel.typing(text !== "");
          }}
          onSend={send}
          onCancel={onDone}
          onEditLast={editLast}
        />
      ) : (
        <p class="why-not">{whyNot}</p>
      )}
    </div>
  );
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
  return whyNotWrite(state, nowMs, clock);
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
