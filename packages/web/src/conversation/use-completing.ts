// What may be meant at the caret of a field, and the keys that walk it. The list itself is drawn by `completion-list.tsx`.
import type { ChannelState } from "@rookery/client";
import { useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { completed, completionAt } from "../writing/completion.ts";
import type { Completion } from "../writing/completion.ts";
import type { EmojiList } from "../writing/emoji.ts";
import { peopleFor } from "../writing/people.ts";
import type { Field } from "./use-field.ts";

export type Keys = Readonly<Record<string, () => void>>;

export interface Choice {
  readonly key: string;
  /** What is put into the text. */
  readonly text: string;
  /** What is read. */
  readonly name: string;
  /** Of a person. */
  readonly user?: string;
}

export interface Completing {
  readonly kind: Completion["kind"];
  readonly choices: readonly Choice[];
  /** Which one Enter takes. */
  readonly at: number;
  readonly take: (choice: Choice) => void;
  readonly move: (at: number) => void;
  readonly keys: Keys;
}

const MOST_EMOJI = 8;

/** Undefined while nothing is: also while the field is left, and after Escape until something else is typed. */
export function useCompleting(
  { text, caret, write }: Field,
  isIn: boolean,
  state: ChannelState,
  emoji: EmojiList | undefined,
): Completing | undefined {
  const { me } = useChat();
  const [dismissed, setDismissed] = useState<string | undefined>(undefined);
  const [chosen, setChosen] = useState<{ readonly of: string; readonly at: number }>({ of: "", at: 0 });
  const completion = isIn && dismissed !== text ? completionAt(text, caret) : undefined;
  if (!completion) return undefined;
  const choices = choicesFor(completion, state, me.user, emoji);
  const at = chosen.of === text ? Math.min(chosen.at, choices.length - 1) : 0;
  const choice = choices[at];
  if (!choice) return undefined;
  const move = (to: number): void => setChosen({ of: text, at: (to + choices.length) % choices.length });
  const take = (taken: Choice): void => write(completed(text, caret, completion, taken.text));
  return {
    ...{ kind: completion.kind, choices, at, take, move },
    keys: {
      Enter: () => take(choice),
      Tab: () => take(choice),
      ArrowDown: () => move(at + 1),
      ArrowUp: () => move(at - 1),
      Escape: () => setDismissed(text),
    },
  };
}

function choicesFor(
  { kind, part }: Completion,
  state: ChannelState,
  me: string,
  emoji: EmojiList | undefined,
): readonly Choice[] {
  if (kind === "person")
    return peopleFor(part, state, me).map(({ user, name }) => ({ key: user, text: `@${user}`, name, user }));
  const found = emoji?.find(part, MOST_EMOJI) ?? [];
  return found.map(({ emoji: text, names: [name = ""] }) => ({ key: text, text, name: `:${name}:` }));
}
