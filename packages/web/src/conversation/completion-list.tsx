// What may be meant by what was just typed: a list over the field, walked from within it.
import type { JSX } from "preact";
import type { Completion } from "../writing/completion.ts";
import { Face } from "./message-parts.tsx";

export interface Choice {
  readonly key: string;
  /** What is put into the text. */
  readonly text: string;
  /** What is read. */
  readonly name: string;
  /** Of a person. */
  readonly user?: string;
}

interface CompletionListProps {
  readonly id: string;
  readonly kind: Completion["kind"];
  readonly choices: readonly Choice[];
  /** Which one Enter takes. */
  readonly at: number;
  readonly onTake: (choice: Choice) => void;
  /** The pointer is over another one. */
  readonly onMove: (at: number) => void;
}

export function CompletionList({ id, kind, choices, at, onTake, onMove }: CompletionListProps): JSX.Element {
  return (
    <ul id={id} class="completions" role="listbox" aria-label={kind === "person" ? "People" : "Emoji"}>
      {choices.map((choice, n) => (
        <li
          key={choice.key}
          id={`${id}-${n}`}
          role="option"
          aria-selected={n === at}
          class="completion"
          onMouseMove={() => onMove(n)}
          onMouseDown={(event) => {
            // The field keeps the focus.
            event.preventDefault();
            onTake(choice);
          }}
        >
          {choice.user === undefined ? (
            <span class="completion-emoji">{choice.text}</span>
          ) : (
            <Face user={choice.user} name={choice.name} />
          )}
          <bdi class="channel-name">{choice.name}</bdi>
          {choice.user !== undefined && <span class="quiet">{choice.user}</span>}
        </li>
      ))}
    </ul>
  );
}
