// A choice of all emoji, by group or by name. Opened by the button beside the field, and for a reaction.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useEmoji } from "../writing/emoji.ts";
import type { EmojiList } from "../writing/emoji.ts";
import { Icon } from "./icons.tsx";

interface EmojiPickerProps {
  readonly onPick: (emoji: string) => void;
  readonly onClose: () => void;
}

const MOST_FOUND = 96;
/** As `composer.css` lays them out. */
const COLUMNS = 8;

export function EmojiPicker({ onPick, onClose }: EmojiPickerProps): JSX.Element {
  const list = useEmoji(true);
  const [part, setPart] = useState("");
  const [category, setCategory] = useState<string | undefined>(undefined);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.querySelector("input")?.focus({ preventScroll: true }), []);
  const shown = list ? shownOf(list, part, category ?? list.categories[0]) : [];
  return (
    <div
      class="picker"
      ref={box}
      role="dialog"
      aria-label="Choose an emoji"
      onKeyDown={(event) => walk(event, onClose)}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !box.current?.contains(relatedTarget)) onClose();
      }}
    >
      <input
        type="search"
        class="picker-search"
        aria-label="Search emoji"
        placeholder="Search emoji"
        value={part}
        onInput={({ currentTarget }) => setPart(currentTarget.value)}
      />
      {part === "" && (
        <div class="picker-groups" role="group" aria-label="Groups">
          {list?.categories.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === (category ?? list.categories[0])}
              aria-label={each}
              title={each}
              onClick={() => setCategory(each)}
            >
              {list.all.find((one) => one.category === each)?.emoji}
            </button>
          ))}
        </div>
      )}
      <div class="picker-grid" role="group" aria-label="Emoji">
        {shown.map(({ emoji, names: [name] }, n) => (
          <button
            key={emoji}
            type="button"
            tabIndex={n === 0 ? 0 : -1}
            aria-label={`${emoji} ${name}`}
            title={`:${name}:`}
            onClick={() => onPick(emoji)}
          >
            {emoji}
          </button>
        ))}
        {list && shown.length === 0 && <p class="quiet">None is called that.</p>}
      </div>
    </div>
  );
}

function shownOf(list: EmojiList, part: string, group: string | undefined): ReturnType<EmojiList["find"]> {
  return part === "" ? list.all.filter(({ category }) => category === group) : list.find(part, MOST_FOUND);
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowLeft: -1,
  ArrowDown: COLUMNS,
  ArrowUp: -COLUMNS,
};

/** The arrow keys walk the grid; down from the search leads into it. */
function walk(event: KeyboardEvent & { currentTarget: HTMLElement }, onClose: () => void): void {
  event.stopPropagation();
  const { key, target, currentTarget } = event;
  if (key === "Escape") {
    event.preventDefault();
    onClose();
    return;
  }
  const buttons = [...currentTarget.querySelectorAll<HTMLElement>(".picker-grid > button")];
  const at = buttons.findIndex((each) => each === target);
  const step = STEPS[key];
  const isSearch = target instanceof HTMLInputElement;
  if (step === undefined || (isSearch ? key !== "ArrowDown" : at < 0)) return;
  event.preventDefault();
  const next = isSearch ? buttons[0] : buttons[at + step];
  if (next) next.focus();
  else if (at + step < 0) currentTarget.querySelector("input")?.focus();
}

export function EmojiButton({ onPick }: Pick<EmojiPickerProps, "onPick">): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setOpen(false);
    button.current?.focus({ preventScroll: true });
  };
  return (
    <span class="emoji-place">
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label="Emoji"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="react" />
      </button>
      {isOpen && (
        <EmojiPicker
          onClose={close}
          onPick={(emoji) => {
            setOpen(false);
            onPick(emoji);
          }}
        />
      )}
    </span>
  );
}
