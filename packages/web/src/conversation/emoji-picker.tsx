// A choice of all emoji: those used last, by group, or by name. Whoever opens it places it and takes it away; the button beside the field
// is one that does.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useEmojiOrFailure } from "../writing/emoji.ts";
import type { EmojiList } from "../writing/emoji.ts";
import { createRecentEmoji } from "../writing/recent-emoji.ts";
import { Icon } from "./icons.tsx";
import { walkPicker } from "./picker-keys.ts";
import { browserStorage } from "../storage.ts";

export interface EmojiPickerProps {
  readonly onPick: (emoji: string) => void;
  /** By Escape the focus goes back to where it was; elsewhere is where somebody has just put it. */
  readonly onClose: (by: "escape" | "elsewhere") => void;
}

const MOST_FOUND = 96;
const RECENT = "Recently used";

interface Shown {
  readonly emoji: string;
  readonly name: string;
}

export function EmojiPicker({ onPick, onClose }: EmojiPickerProps): JSX.Element {
  const { list, hasFailed } = useEmojiOrFailure();
  const recent = useMemo(() => createRecentEmoji(browserStorage), []);
  const groups = useMemo(() => (list ? groupsOf(list, recent.list()) : []), [list, recent]);
  const [part, setPart] = useState("");
  const [chosen, setGroup] = useState<string | undefined>(undefined);
  const group = groups.find(({ title }) => title === chosen) ?? groups[0];
  const shown = list && part.trim() !== "" ? list.find(part, MOST_FOUND).map(shownOf) : (group?.shown ?? []);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.querySelector("input")?.focus({ preventScroll: true }), []);
  useElsewhere(box, () => onClose("elsewhere"));
  const pick = (emoji: string): void => {
    recent.add(emoji);
    onPick(emoji);
  };
  const choose = (title: string): void => {
    setGroup(title);
    setPart("");
  };
  const first = shown[0];
  return (
    <div
      class="picker"
      ref={box}
      role="dialog"
      aria-label="Choose an emoji"
      onKeyDown={(event) =>
        walkPicker(event, { leave: () => onClose("escape"), takeFirst: () => first && pick(first.emoji) })
      }
    >
      <input
        type="search"
        class="picker-search"
        aria-label="Search emoji"
        placeholder="Search emoji"
        value={part}
        onInput={({ currentTarget }) => setPart(currentTarget.value)}
      />
      <Groups groups={groups} current={part.trim() === "" ? group : undefined} onChoose={choose} />
      <div class="picker-grid" role="group" aria-label="Emoji">
        {shown.map(({ emoji, name }, n) => (
          <button
            key={emoji}
            type="button"
            tabIndex={n === 0 ? 0 : -1}
            aria-label={`${emoji} ${name}`}
            title={`:${name}:`}
            onClick={() => pick(emoji)}
          >
            {emoji}
          </button>
        ))}
        {list && !first && <p class="quiet">No emoji is called that.</p>}
        {hasFailed && <p class="quiet">The emoji could not be fetched. Close this and try again.</p>}
      </div>
    </div>
  );
}

interface Group {
  readonly title: string;
  readonly shown: readonly Shown[];
}

const shownOf = ({ emoji, names: [name = ""] }: EmojiList["all"][number]): Shown => ({ emoji, name });

function groupsOf({ all, categories }: EmojiList, recent: readonly string[]): readonly Group[] {
  const used = recent.flatMap((emoji) => all.filter((each) => each.emoji === emoji));
  return [
    ...(used.length > 0 ? [{ title: RECENT, shown: used.map(shownOf) }] : []),
    ...categories.map((title) => ({ title, shown: all.filter(({ category }) => category === title).map(shownOf) })),
  ];
}

interface GroupsProps {
  readonly groups: readonly Group[];
  /** None while names are sought: those are of all groups. */
  readonly current: Group | undefined;
  readonly onChoose: (title: string) => void;
}

function Groups({ groups, current, onChoose }: GroupsProps): JSX.Element {
  return (
    <div class="picker-groups" role="group" aria-label="Groups">
      {groups.map(({ title, shown: [first] }) => (
        <button
          key={title}
          type="button"
          tabIndex={title === (current ?? groups[0])?.title ? 0 : -1}
          aria-pressed={title === current?.title}
          aria-label={title}
          title={title}
          onClick={() => onChoose(title)}
        >
          {title === RECENT ? <Icon name="sending" /> : first?.emoji}
        </button>
      ))}
    </div>
  );
}

/** Somebody goes on elsewhere, by mouse, finger or keys. What holds the picker, as with the button that opened it, is not elsewhere. */
function useElsewhere(box: { readonly current: HTMLElement | null }, leave: () => void): void {
  const last = useRef(leave);
  last.current = leave;
  useEffect(() => {
    const look = ({ target }: Event): void => {
      if (target instanceof Node && !box.current?.parentElement?.contains(target)) last.current();
    };
    document.addEventListener("pointerdown", look);
    document.addEventListener("focusin", look);
    return () => {
      document.removeEventListener("pointerdown", look);
      document.removeEventListener("focusin", look);
    };
  }, [box]);
}

export function EmojiButton({ onPick }: Pick<EmojiPickerProps, "onPick">): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <span class="emoji-place">
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label="Emoji"
        title="Emoji"
        aria-expanded={isOpen}
        aria-haspopup="dialog"
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="react" />
      </button>
      {isOpen && (
        <EmojiPicker
          onClose={(by) => {
            setOpen(false);
            if (by === "escape") button.current?.focus({ preventScroll: true });
          }}
          onPick={(emoji) => {
            setOpen(false);
            onPick(emoji);
          }}
        />
      )}
    </span>
  );
}
