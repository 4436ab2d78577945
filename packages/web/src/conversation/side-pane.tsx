// What stands beside a conversation, or over it where there is no room: a head with its name and a way out.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../look/icons.tsx";

interface SidePaneProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Takes the focus when it opens, to what is marked by `data-first` or else to the way out, and gives it back to where it was. */
export function SidePane({ title, onClose, children }: SidePaneProps): JSX.Element {
  const pane = useRef<HTMLElement>(null);
  // Before any field within takes the focus.
  const [before] = useState(() => document.activeElement);
  useEffect(() => {
    const within = pane.current;
    const first = within?.querySelector<HTMLElement>("[data-first]") ?? within?.querySelector("button");
    if (!within?.contains(document.activeElement)) first?.focus({ preventScroll: true });
    return () => {
      // Nobody is called away from where they have gone on meanwhile.
      if (document.activeElement !== document.body && !within?.contains(document.activeElement)) return;
      const back = before instanceof HTMLElement && before.isConnected ? before : undefined;
      (back ?? document.querySelector<HTMLElement>("[data-composer]"))?.focus({ preventScroll: true });
    };
  }, []);
  useEscapeOfNobody(onClose);
  return (
    <aside
      ref={pane}
      tabIndex={-1}
      class="side"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) onClose();
      }}
    >
      <header class="side-head">
        <h2>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </aside>
  );
}

/** A button that goes away while it has the focus leaves it to nobody: the key is meant for what is open all the same. */
function useEscapeOfNobody(close: () => void): void {
  const last = useRef(close);
  last.current = close;
  useEffect(() => {
    const look = ({ key, target, defaultPrevented }: KeyboardEvent): void => {
      if (key === "Escape" && target === document.body && !defaultPrevented) last.current();
    };
    document.addEventListener("keydown", look);
    return () => document.removeEventListener("keydown", look);
  }, []);
}
