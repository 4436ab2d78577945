// The field in which one writes, with what helps there: it grows, completes names and emoji, and says when a text is too long. Enter
// sends where there are keys; where there are none, a button does. Knows nothing of channels or drafts.
import type { ChannelState } from "@rookery/client";
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { emojiTyped, inserted, namesEmoji } from "../writing/completion.ts";
import { useEmoji } from "../writing/emoji.ts";
import type { EmojiList } from "../writing/emoji.ts";
import { asSent, roomFor } from "../writing/writing-words.ts";
import type { Room } from "../writing/writing-words.ts";
import type { Writing } from "./actions.ts";
import { CompletionList } from "./completion-list.tsx";
import { EmojiButton } from "./emoji-picker.tsx";
import { useCompleting } from "./use-completing.ts";
import type { Completing, Keys } from "./use-completing.ts";
import { hasKeys, useField } from "./use-field.ts";
import type { Field } from "./use-field.ts";

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

export function WritingField(props: WritingFieldProps): JSX.Element {
  const { label, writing, state, onSend } = props;
  const field = useField(props);
  const { text, caret, box, write } = field;
  const [isIn, setIn] = useState(false);
  const listId = useId();
  const emoji = useEmoji(namesEmoji(text));
  const completing = useCompleting(field, isIn, state, emoji);
  useEffect(() => {
    // Whoever types quickly has typed a whole name before there are any.
    const typed = emoji && emojiTyped(text, caret, emoji.named);
    if (typed) write(typed);
  }, [emoji]);
  const body = asSent(text);
  const room = roomFor(body);
  const canSend = body !== "" && !room.isTooLong;
  const send = (): void => {
    if (!canSend) return;
    onSend(body);
    write({ text: "", caret: 0 });
  };
  const pick = (picked: string): void => {
    const { selectionStart = caret, selectionEnd = caret } = box.current ?? {};
    write(inserted(text, selectionStart, selectionEnd, picked));
  };
  const fieldKeys = keysOf(props, text, send);
  return (
    <form
      class="writing"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <RoomLine room={room} />
      {completing && <CompletionList id={listId} completing={completing} />}
      <Box
        {...{ label, field, emoji, completing, listId }}
        keys={completing?.keys ?? fieldKeys}
        isTooLong={room.isTooLong}
        onIn={setIn}
      />
      <EmojiButton onPick={pick} />
      <button type="submit" class="button" disabled={!canSend}>
        {writing.kind === "edit" ? "Save" : "Send"}
      </button>
    </form>
  );
}

function keysOf({ writing, onCancel, onEditLast }: WritingFieldProps, text: string, send: () => void): Keys {
  return {
    ...(hasKeys() ? { Enter: send } : {}),
    ...(writing.kind === "new" ? {} : { Escape: onCancel }),
    ...(text === "" && writing.kind === "new" ? { ArrowUp: onEditLast } : {}),
  };
}

interface BoxProps {
  readonly label: string;
  readonly field: Field;
  readonly emoji: EmojiList | undefined;
  readonly completing: Completing | undefined;
  readonly listId: string;
  readonly keys: Keys;
  readonly isTooLong: boolean;
  readonly onIn: (isIn: boolean) => void;
}

function Box({ label, field, emoji, completing, listId, keys, isTooLong, onIn }: BoxProps): JSX.Element {
  const { box, text, write, moved } = field;
  return (
    <textarea
      ref={box}
      class="writing-box"
      rows={1}
      aria-label={label}
      data-composer={label === "Message" ? "" : undefined}
      placeholder={label}
      value={text}
      aria-invalid={isTooLong || undefined}
      aria-autocomplete="list"
      aria-controls={completing && listId}
      aria-activedescendant={completing && `${listId}-${completing.at}`}
      onInput={({ currentTarget: { value, selectionStart: caret }, isComposing }) => {
        const typed = emoji && !isComposing ? emojiTyped(value, caret, emoji.named) : undefined;
        write(typed ?? { text: value, caret });
      }}
      onSelect={({ currentTarget }) => moved(currentTarget.selectionStart)}
      onKeyDown={(event) => press(event, keys)}
      onFocus={() => onIn(true)}
      onBlur={() => onIn(false)}
    />
  );
}

/** What a key says to an input method is the method's own; Safari says so by a number alone, once it has ended. */
const COMPOSING_KEY_CODE = 229;

function press(event: KeyboardEvent, keys: Keys): void {
  if (event.isComposing || event.keyCode === COMPOSING_KEY_CODE || event.shiftKey) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** How much is left, where it is little. Read out when it is too much, and not again at each letter. */
function RoomLine({ room: { isTooLong, words } }: { readonly room: Room }): JSX.Element {
  return (
    <>
      <span class="room" data-too-long={isTooLong} aria-hidden="true">
        {words}
      </span>
      <span class="unseen" role="status">
        {isTooLong && "This is too long to be sent."}
      </span>
    </>
  );
}
