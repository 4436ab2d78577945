// The field in which one writes, with what helps there: it grows, completes names and emoji, and says when a text is too long. Enter
// sends where there are keys; where there are none, a button does. Knows nothing of channels or drafts.
import type { ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { completed, completionAt, emojiTyped, inserted } from "../writing/completion.ts";
import type { Completion, Written } from "../writing/completion.ts";
import { useEmoji } from "../writing/emoji.ts";
import { peopleFor } from "../writing/people.ts";
import { roomFor } from "../writing/writing-words.ts";
import type { Writing } from "./actions.ts";
import { CompletionList } from "./completion-list.tsx";
import type { Choice } from "./completion-list.tsx";
import { EmojiButton } from "./emoji-picker.tsx";

interface WritingFieldProps {
  readonly label: string;
  /** What stands there at first. */
  readonly first: string;
  readonly writing: Writing;
  readonly state: ChannelState;
  readonly onText: (text: string) => void;
  readonly onSend: (text: string) => void;
  readonly onCancel: () => void;
  readonly onEditLast: () => void;
}

const MOST_EMOJI = 8;
const hasKeys = (): boolean => !matchMedia("(pointer: coarse)").matches;

export function WritingField(props: WritingFieldProps): JSX.Element {
  const { label, writing, state, onSend } = props;
  const field = useField(props);
  const { box, text, write } = field;
  const [dismissed, setDismissed] = useState<string | undefined>(undefined);
  const [chosen, setChosen] = useState(0);
  const listId = useId();
  const completion = dismissed === text ? undefined : completionAt(text, field.caret);
  const emoji = useEmoji(text.includes(":"));
  const choices = useChoices(completion, state, emoji?.find);
  const at = Math.min(chosen, choices.length - 1);
  const room = roomFor(text);
  const canSend = text.trim() !== "" && !room.isTooLong;
  const take = (choice: Choice): void => {
    if (!completion) return;
    write(completed(text, field.caret, completion, choice.text));
    setChosen(0);
  };
  const send = (): void => {
    if (!canSend) return;
    onSend(text);
    write({ text: "", caret: 0 });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // What an input method is still composing is its own.
    if (event.isComposing) return;
    const choice = choices[at];
    const keys = choice
      ? listKeys({
          take: () => take(choice),
          move: (by) => setChosen(wrapped(at + by, choices.length)),
          leave: () => setDismissed(text),
        })
      : fieldKeys(props, { text, send });
    const act = event.shiftKey ? undefined : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <form
      class="writing"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {choices.length > 0 && completion && (
        <CompletionList id={listId} kind={completion.kind} choices={choices} at={at} onTake={take} onMove={setChosen} />
      )}
      <textarea
        ref={box}
        class="writing-box"
        rows={1}
        aria-label={label}
        data-composer={label === "Message" ? "" : undefined}
        placeholder={label}
        value={text}
        aria-autocomplete="list"
        aria-controls={choices.length > 0 ? listId : undefined}
        aria-activedescendant={choices.length > 0 ? `${listId}-${at}` : undefined}
        onInput={({ currentTarget: { value, selectionStart } }) => {
          setChosen(0);
          write(emojiTyped(value, selectionStart, emoji?.named ?? nobody) ?? { text: value, caret: selectionStart });
        }}
        onSelect={({ currentTarget }) => field.moved(currentTarget.selectionStart)}
        onKeyDown={onKeyDown}
      />
      <span class="room" data-too-long={room.isTooLong} role={room.isTooLong ? "alert" : undefined}>
        {room.words}
      </span>
      <EmojiButton
        onPick={(picked) => {
          const { selectionStart = field.caret, selectionEnd = field.caret } = box.current ?? {};
          write(inserted(text, selectionStart, selectionEnd, picked));
        }}
      />
      <button type="submit" class="button" disabled={!canSend}>
        {writing.kind === "edit" ? "Save" : "Send"}
      </button>
    </form>
  );
}

const nobody = (): undefined => undefined;
const wrapped = (at: number, length: number): number => (at + length) % length;

type Keys = Readonly<Record<string, () => void>>;

interface ListActs {
  readonly take: () => void;
  readonly move: (by: number) => void;
  readonly leave: () => void;
}

const listKeys = ({ take, move, leave }: ListActs): Keys => ({
  Enter: take,
  Tab: take,
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Escape: leave,
});

interface FieldActs {
  readonly text: string;
  readonly send: () => void;
}

const fieldKeys = ({ writing, onCancel, onEditLast }: WritingFieldProps, { text, send }: FieldActs): Keys => ({
  ...(hasKeys() ? { Enter: send } : {}),
  ...(writing.kind === "new" ? {} : { Escape: onCancel }),
  ...(text === "" && writing.kind === "new" ? { ArrowUp: onEditLast } : {}),
});

function useChoices(
  completion: Completion | undefined,
  state: ChannelState,
  findEmoji:
    | ((part: string, most: number) => readonly { readonly emoji: string; readonly names: readonly string[] }[])
    | undefined,
): readonly Choice[] {
  const { me } = useChat();
  if (!completion) return [];
  if (completion.kind === "person") {
    return peopleFor(completion.part, state, me.user).map(({ user, name }) => ({
      key: user,
      text: `@${user}`,
      name,
      user,
    }));
  }
  return (findEmoji?.(completion.part, MOST_EMOJI) ?? []).map(({ emoji, names: [name = ""] }) => ({
    ...{ key: emoji, text: emoji, name: `:${name}:` },
  }));
}

interface Field {
  readonly box: { readonly current: HTMLTextAreaElement | null };
  readonly text: string;
  readonly caret: number;
  /** Puts a text there, and the caret into it. */
  readonly write: (next: Written) => void;
  readonly moved: (caret: number) => void;
}

/** The text and the caret; as high as its lines, up to what the style allows. */
function useField({ first, onText, writing }: WritingFieldProps): Field {
  const box = useRef<HTMLTextAreaElement>(null);
  const [{ text, caret }, setWritten] = useState<Written>({ text: first, caret: first.length });
  const wanted = useRef<number | undefined>(undefined);
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    current.style.height = "auto";
    current.style.height = `${current.scrollHeight}px`;
    if (wanted.current === undefined) return;
    current.setSelectionRange(wanted.current, wanted.current);
    wanted.current = undefined;
  }, [text]);
  useEffect(() => {
    if (!hasKeys() && writing.kind === "new") return;
    box.current?.focus({ preventScroll: true });
    box.current?.setSelectionRange(first.length, first.length);
  }, [writing]);
  return {
    box,
    text,
    caret,
    write(next) {
      wanted.current = next.caret;
      setWritten(next);
      if (next.text !== text) onText(next.text);
      box.current?.focus({ preventScroll: true });
    },
    moved: (to) => setWritten((last) => (last.caret === to ? last : { ...last, caret: to })),
  };
}
