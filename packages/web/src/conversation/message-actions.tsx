// What can be done with a message, as a bar of buttons on it: which of them there are, the small choice of emoji, and the keys within.
// The bar is no stop of the Tab key: Enter on the message leads into it, Escape back out.
import type { ChannelState, Message } from "@rookery/client";
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import type { MessageActions } from "./actions.ts";
import type { EmojiPickerProps } from "./emoji-picker.tsx";
import { FloatingPicker } from "./floating-picker.tsx";
import { Icon } from "./icons.tsx";
import type { IconName } from "./icons.tsx";

export const COMMON_EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"] as const;

export interface Allowed {
  readonly write: boolean;
  readonly react: boolean;
  readonly edit: boolean;
  readonly delete: boolean;
}

export function allowedOn(message: Message, { can }: ChannelState, me: string): Allowed {
  const there = !message.deleted;
  const write = can.includes("write");
  const isMine = message.user === me;
  return {
    write: there && write,
    react: there && can.includes("react"),
    edit: there && isMine && write,
    delete: there && (isMine || can.includes("moderate")),
  };
}

interface ActionBarProps {
  readonly message: Message;
  readonly allowed: Allowed;
  readonly actions: MessageActions;
  readonly isPicking: boolean;
  readonly onPicking: (isPicking: boolean) => void;
  readonly onDelete: () => void;
  /** Something was chosen, or nothing is to be. */
  readonly onDone: () => void;
}

interface Choice {
  readonly name: string;
  readonly icon: IconName;
  readonly isThere: boolean;
  readonly choose: () => void;
}

export function ActionBar(props: ActionBarProps): JSX.Element {
  const { message, allowed, actions, isPicking, onPicking, onDelete, onDone } = props;
  const { tell } = useChat();
  const bar = useRef<HTMLDivElement>(null);
  const isCut = useCut(bar, "top");
  const then = (what: () => void) => (): void => {
    what();
    onDone();
  };
  const copy = (): void => {
    navigator.clipboard.writeText(message.body ?? "").then(
      () => tell("Copied"),
      () => tell("This browser does not let the page copy"),
    );
  };
  const choices: readonly Choice[] = [
    { name: "React", icon: "react", isThere: allowed.react, choose: () => onPicking(!isPicking) },
    { name: "Reply", icon: "reply", isThere: allowed.write, choose: then(() => actions.reply(message)) },
    { name: "Open thread", icon: "thread", isThere: true, choose: then(() => actions.openThread(rootOf(message))) },
    { name: "Copy", icon: "copy", isThere: message.body !== undefined, choose: then(copy) },
    { name: "Edit", icon: "edit", isThere: allowed.edit, choose: then(() => actions.edit(message)) },
    { name: "Delete", icon: "delete", isThere: allowed.delete, choose: onDelete },
  ];
  return (
    <div
      ref={bar}
      class={isCut ? "message-actions is-cut" : "message-actions"}
      role="toolbar"
      aria-label="Message actions"
      onKeyDown={(event) => rove(event, onDone)}
    >
      {choices.map(
        ({ name, icon, isThere, choose }) =>
          isThere && (
            <button
              key={name}
              type="button"
              tabIndex={-1}
              aria-label={name}
              title={name}
              aria-expanded={name === "React" ? isPicking : undefined}
              onClick={choose}
            >
              <Icon name={icon} />
            </button>
          ),
      )}
      {isPicking && (
        <EmojiChoice onPick={(emoji) => then(() => actions.react(message, emoji, true))()} onClose={onDone} />
      )}
    </div>
  );
}

export function rootOf({ id, replyTo }: Message): string {
  return replyTo ?? id;
}

/** Whether the list's edge cuts something off that has just been drawn. */
function useCut(part: RefObject<HTMLElement | null>, edge: "top" | "bottom"): boolean {
  const [isCut, setCut] = useState(false);
  useLayoutEffect(() => {
    const list = part.current?.closest("[role=log]")?.getBoundingClientRect();
    const own = part.current?.getBoundingClientRect();
    if (list && own) setCut(edge === "top" ? own.top < list.top : own.bottom > list.bottom);
  }, []);
  return isCut;
}

/** The common ones, and on demand all of them. */
function EmojiChoice(props: EmojiPickerProps): JSX.Element {
  const [isAll, setAll] = useState(false);
  return isAll ? <FloatingPicker {...props} /> : <CommonEmoji onPick={props.onPick} onMore={() => setAll(true)} />;
}

interface CommonEmojiProps {
  readonly onPick: (emoji: string) => void;
  readonly onMore: () => void;
}

function CommonEmoji({ onPick, onMore }: CommonEmojiProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const isAbove = useCut(box, "bottom");
  useEffect(() => box.current?.querySelector("button")?.focus({ preventScroll: true }), []);
  return (
    <div class={isAbove ? "emoji-choice is-above" : "emoji-choice"} ref={box} role="group" aria-label="Reactions">
      {COMMON_EMOJI.map((emoji) => (
        <button key={emoji} type="button" tabIndex={-1} aria-label={emoji} onClick={() => onPick(emoji)}>
          {emoji}
        </button>
      ))}
      <button
        type="button"
        class="emoji-more"
        tabIndex={-1}
        aria-label="More emoji"
        title="More emoji"
        onClick={onMore}
      >
        <Icon name="react" />
      </button>
    </div>
  );
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 };

/** Left and right among the buttons that are in one line; whatever else is pressed stays within, but for what leaves. */
function rove(event: KeyboardEvent & { currentTarget: HTMLElement }, onDone: () => void): void {
  if (event.key === "Tab") return;
  event.stopPropagation();
  if (event.key === "Escape") return onDone();
  const line = (event.target instanceof Element && event.target.closest("[role=group]")) || event.currentTarget;
  const buttons = [...line.querySelectorAll<HTMLElement>(":scope > button")];
  const at = buttons.findIndex((each) => each === event.target);
  const step = STEPS[event.key];
  if (step === undefined || at < 0) return;
  event.preventDefault();
  buttons.at((at + step) % buttons.length)?.focus({ preventScroll: true });
}

interface AskDeleteProps {
  readonly onAnswer: (isYes: boolean) => void;
}

/** In the message itself, so that what is asked about is seen. */
export function AskDelete({ onAnswer }: AskDeleteProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const isCut = useCut(box, "top");
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus({ preventScroll: true }), []);
  const leave = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === "Escape") onAnswer(false);
  };
  return (
    <div
      ref={box}
      class={isCut ? "ask-delete is-cut" : "ask-delete"}
      role="group"
      aria-label="Delete this message?"
      onKeyDown={leave}
    >
      <span>Delete?</span>
      <button type="button" class="is-danger" onClick={() => onAnswer(true)}>
        Yes
      </button>
      <button type="button" ref={no} onClick={() => onAnswer(false)}>
        No
      </button>
    </div>
  );
}
