// One message as it is seen: whose, when, its text, its reactions, what can be done with it. The list, threads and the search draw it
// alike; where rows are windowed it may be gone and there again at any moment, so that nothing of worth is kept in it. Draws again for
// nothing but what it shows, however often the channel's state changes.
import type { ChannelState, Message, Person } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { MessageText } from "../text/message-text.tsx";
import type { MessageActions } from "./actions.ts";
import { ActionBar, allowedOn, AskDelete, rootOf } from "./message-actions.tsx";
import type { Allowed } from "./message-actions.tsx";
import { messageIndex } from "./message-index.ts";
import { DeliveryState, Face, Head, iso, Quote, Reactions } from "./message-parts.tsx";
import { clock, exact, shortClock } from "./times.ts";
import { useShownActions } from "./use-shown-actions.ts";

export interface MessageRowProps {
  readonly message: Message;
  readonly state: ChannelState;
  readonly actions: MessageActions;
  /** With face and name; the others follow the same person's within five minutes. */
  readonly isFirstOfGroup: boolean;
  /** Whether the Tab key comes here and to what is inside; everywhere but in a list that the arrow keys walk. */
  readonly isTabStop?: boolean;
  /** Somebody asked to see this one. */
  readonly isTarget?: boolean;
  /** Long ones that are unfolded, by id: kept by whoever draws rows that come and go. */
  readonly unfolded?: Set<string>;
}

export function MessageRow(props: MessageRowProps): JSX.Element {
  const { message, state, actions, isFirstOfGroup, isTabStop = true, isTarget = false, unfolded } = props;
  const { me } = useChat();
  messageIndex.follow(state);
  const original = messageIndex.message(message.replyTo);
  const isSaved = state.saved !== undefined && comparePositions(message, state.saved) <= 0;
  const sent = isSaved ? "saved" : "sent";
  const delivery: WholeProps["delivery"] = message.user !== me.user || message.deleted ? "none" : sent;
  return useMemo(() => {
    const allowed = allowedOn(message, state, me.user);
    const whole = { message, original, actions, isFirstOfGroup, isTabStop, isTarget, unfolded, allowed, delivery };
    return <Whole {...whole} me={me} />;
  }, [message, original, actions, isFirstOfGroup, isTabStop, isTarget, delivery, state.can, me]);
}

interface WholeProps extends Pick<MessageRowProps, "message" | "actions" | "isFirstOfGroup"> {
  readonly original: Message | undefined;
  readonly allowed: Allowed;
  readonly delivery: "none" | "sent" | "saved";
  readonly isTabStop: boolean;
  readonly isTarget: boolean;
  readonly unfolded: Set<string> | undefined;
  readonly me: Person;
}

function Whole(props: WholeProps): JSX.Element {
  const { message, actions, allowed, delivery, isFirstOfGroup, isTabStop, isTarget, me } = props;
  const shown = useShownActions();
  const [asked, setAsked] = useState<"nothing" | "emoji" | "delete">("nothing");
  const row = useRef<HTMLElement>(null);
  const done = (): void => {
    shown.hide();
    setAsked("nothing");
    if (row.current?.contains(document.activeElement)) row.current.focus({ preventScroll: true });
  };
  const answer = (isYes: boolean): void => {
    done();
    if (isYes) actions.remove(message);
  };
  const keys = keysOn(message, allowed, actions, setAsked);
  const isBarShown = (shown.isShown || asked === "emoji") && asked !== "delete" && !message.deleted;
  const classes = [
    "message",
    isFirstOfGroup && "is-first",
    isTarget && "is-target",
    (isBarShown || asked === "delete") && "is-active",
    message.mentions?.includes(me.user) && "is-to-me",
  ];
  return (
    <article
      ref={row}
      class={classes.filter(Boolean).join(" ")}
      data-message={message.id}
      data-seq={message.seq}
      aria-label={`${message.name}, ${clock(message.at)}`}
      tabIndex={isTabStop ? 0 : -1}
      onKeyDown={(event) => press(event, keys)}
      {...shown.listeners}
    >
      <Side {...message} isFirstOfGroup={isFirstOfGroup} />
      <Content {...props} />
      {delivery !== "none" && <DeliveryState delivery={delivery} />}
      {isBarShown && (
        <ActionBar
          {...{ message, allowed, actions }}
          isPicking={asked === "emoji"}
          onPicking={(isPicking) => setAsked(isPicking ? "emoji" : "nothing")}
          onDelete={() => setAsked("delete")}
          onDone={done}
        />
      )}
      {asked === "delete" && <AskDelete onAnswer={answer} />}
    </article>
  );
}

type KeysOn = Readonly<Record<string, (row: HTMLElement) => void>>;

function keysOn(
  message: Message,
  allowed: Allowed,
  actions: MessageActions,
  ask: (what: "emoji" | "delete") => void,
): KeysOn {
  const enter = (row: HTMLElement): void => {
    row.querySelector<HTMLElement>(".message-actions > button")?.focus({ preventScroll: true });
  };
  return {
    Enter: enter,
    ContextMenu: enter,
    t: () => actions.openThread(rootOf(message)),
    ...(allowed.write ? { r: () => actions.reply(message) } : {}),
    ...(allowed.edit ? { e: () => actions.edit(message) } : {}),
    ...(allowed.react ? { "+": () => ask("emoji") } : {}),
    ...(allowed.delete ? { Delete: () => ask("delete") } : {}),
  };
}

/** Only what is pressed on the message itself, and alone. */
function press(event: KeyboardEvent & { currentTarget: HTMLElement }, keys: KeysOn): void {
  const isFree = !event.ctrlKey && !event.metaKey && !event.altKey && event.target === event.currentTarget;
  const what = isFree ? keys[event.key] : undefined;
  if (!what) return;
  event.preventDefault();
  event.stopPropagation();
  what(event.currentTarget);
}

function Content({
  message,
  original,
  actions,
  allowed,
  isFirstOfGroup,
  isTabStop,
  unfolded,
  me,
}: WholeProps): JSX.Element {
  const tabIndex = isTabStop ? undefined : -1;
  const { id, replyTo, body, editedAt, reactions = [], replies = 0, mentions = [] } = message;
  const nameOf = (user: string): string | undefined =>
    user === me.user ? me.name : (messageIndex.nameOf(user) ?? (mentions.includes(user) ? user : undefined));
  return (
    <div class="message-main">
      {isFirstOfGroup && <Head {...message} />}
      {replyTo !== undefined && <Quote id={replyTo} original={original} onGo={actions.goTo} tabIndex={tabIndex} />}
      {body === undefined ? (
        <div class="message-body is-deleted">Message deleted</div>
      ) : (
        <MessageText
          body={body}
          me={me.user}
          nameOf={nameOf}
          tabIndex={tabIndex}
          isUnfolded={unfolded?.has(id)}
          onFold={(isUnfolded) => (isUnfolded ? unfolded?.add(id) : unfolded?.delete(id))}
        />
      )}
      {editedAt !== undefined && !message.deleted && (
        <time class="message-edited" dateTime={iso(editedAt)} title={`Edited ${exact(editedAt)}`}>
          edited
        </time>
      )}
      {reactions.length > 0 && (
        <Reactions
          reactions={reactions}
          canReact={allowed.react}
          onReact={(emoji, on) => actions.react(message, emoji, on)}
          tabIndex={tabIndex}
        />
      )}
      {replies > 0 && (
        <button type="button" class="message-replies" tabIndex={tabIndex} onClick={() => actions.openThread(id)}>
          {replies === 1 ? "1 reply" : `${replies} replies`}
        </button>
      )}
    </div>
  );
}

type SideProps = Pick<Message, "user" | "name" | "at"> & { readonly isFirstOfGroup: boolean };

function Side({ user, name, at, isFirstOfGroup }: SideProps): JSX.Element {
  return (
    <div class="message-side">
      {isFirstOfGroup ? (
        <Face user={user} name={name} />
      ) : (
        <time class="message-time" dateTime={iso(at)} title={exact(at)}>
          {shortClock(at)}
        </time>
      )}
    </div>
  );
}
