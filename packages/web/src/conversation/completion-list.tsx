// What may be meant by what was just typed: a list over the field, walked from within it.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Face } from "./message-parts.tsx";
import type { Completing } from "./use-completing.ts";

interface CompletionListProps {
  readonly id: string;
  readonly completing: Completing;
}

export function CompletionList({
  id,
  completing: { kind, choices, at, take, move },
}: CompletionListProps): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: "nearest" }), [at]);
  return (
    <ul
      ref={list}
      id={id}
      class="completions"
      role="listbox"
      aria-label={kind === "person" ? "People" : "Emoji"}
      // The field keeps the focus, wherever in the list is pressed.
      onMouseDown={(event) => event.preventDefault()}
    >
      {choices.map((choice, n) => (
        <li
          key={choice.key}
          id={`${id}-${n}`}
          role="option"
          aria-selected={n === at}
          class="completion"
          onMouseMove={() => n !== at && move(n)}
          onClick={() => take(choice)}
        >
          {choice.user === undefined ? (
            <span class="completion-emoji">{choice.text}</span>
          ) : (
            <Face user={choice.user} name={choice.name} />
          )}
          <bdi class="channel-name">{choice.name}</bdi>
          {choice.user !== undefined && <bdi class="quiet">{choice.user}</bdi>}
        </li>
      ))}
    </ul>
  );
}
