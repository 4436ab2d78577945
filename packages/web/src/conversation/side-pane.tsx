// What stands beside a conversation, or over it where there is no room: a head with its name and a way out.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../look/icons.tsx";

interface SidePaneProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Takes the focus when it opens, and gives it back to where it was. */
export function SidePane({ title, onClose, children }: SidePaneProps): JSX.Element {
  const pane = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    pane.current?.querySelector<HTMLElement>("textarea, input, [data-first]")?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <aside
      ref={pane}
      class="side"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) onClose();
      }}
    >
      <header class="side-head">
        <h2>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" data-first onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </aside>
  );
}
