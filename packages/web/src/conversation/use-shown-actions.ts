// When a message shows what can be done with it: while the mouse is over it, while the keyboard is on it, and after a long press of a
// finger until something else is touched.
import { useEffect, useRef, useState } from "preact/hooks";
import type { DOMAttributes } from "preact";

const LONG_PRESS_MS = 450;
/** A finger that moves further scrolls. */
const MOST_MOVED_PX = 10;

export interface ShownActions {
  readonly isShown: boolean;
  readonly hide: () => void;
  readonly listeners: DOMAttributes<HTMLElement>;
}

export function useShownActions(): ShownActions {
  const [by, setBy] = useState<"none" | "mouse" | "keys" | "press">("none");
  const pressed = useRef<
    { readonly timer: ReturnType<typeof setTimeout>; readonly x: number; readonly y: number } | undefined
  >(undefined);
  const release = (): void => {
    clearTimeout(pressed.current?.timer);
    pressed.current = undefined;
  };
  useEffect(() => release, []);
  const hide = (): void => setBy("none");
  const listeners: DOMAttributes<HTMLElement> = {
    onPointerEnter: ({ pointerType }) => pointerType === "mouse" && by === "none" && setBy("mouse"),
    onPointerLeave: ({ pointerType, currentTarget }) => {
      if (pointerType === "mouse" && !currentTarget.querySelector(":focus-visible, .emoji-choice")) hide();
    },
    onPointerDown: ({ pointerType, clientX, clientY }) => {
      release();
      if (pointerType === "mouse") return;
      pressed.current = { timer: setTimeout(() => setBy("press"), LONG_PRESS_MS), x: clientX, y: clientY };
    },
    onPointerMove: ({ clientX, clientY }) => {
      const { x, y } = pressed.current ?? { x: clientX, y: clientY };
      if (Math.hypot(clientX - x, clientY - y) > MOST_MOVED_PX) release();
    },
    onPointerUp: release,
    onPointerCancel: release,
    onContextMenu: (event) => {
      if (by === "press" || pressed.current) event.preventDefault();
    },
    onFocusIn: ({ target }) => {
      if (by === "none" && target instanceof Element && target.matches(":focus-visible")) setBy("keys");
    },
    onFocusOut: ({ currentTarget, relatedTarget }) => {
      const isWithin = relatedTarget instanceof Node && currentTarget.contains(relatedTarget);
      if (!isWithin && !currentTarget.matches(":hover")) hide();
    },
  };
  usePressElsewhere(by === "press", hide);
  return { isShown: by !== "none", hide, listeners };
}

function usePressElsewhere(isOn: boolean, hide: () => void): void {
  useEffect(() => {
    if (!isOn) return undefined;
    const look = ({ target }: Event): void => {
      if (!(target instanceof Element && target.closest(".message-actions"))) hide();
    };
    document.addEventListener("pointerdown", look);
    return () => document.removeEventListener("pointerdown", look);
  }, [isOn]);
}
