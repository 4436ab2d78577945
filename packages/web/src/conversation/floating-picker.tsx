// The choice of all emoji over everything else, beside what it is for: where a list would cut it off. Stays within the window, under what
// holds it where there is room and over it otherwise.
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { EmojiPicker } from "./emoji-picker.tsx";
import type { EmojiPickerProps } from "./emoji-picker.tsx";

const GAP_PX = 8;

export function FloatingPicker(props: EmojiPickerProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = box;
    const holder = current?.parentElement?.getBoundingClientRect();
    if (!current || !holder) return;
    current.showPopover();
    const { offsetWidth: width, offsetHeight: height } = current;
    const below = holder.bottom + GAP_PX;
    const top = below + height + GAP_PX <= innerHeight ? below : holder.top - GAP_PX - height;
    const left = Math.min(holder.right - width, innerWidth - width - GAP_PX);
    current.style.top = `${Math.max(GAP_PX, top)}px`;
    current.style.left = `${Math.max(GAP_PX, left)}px`;
  }, []);
  return (
    <div ref={box} popover="manual" class="picker-float">
      <EmojiPicker {...props} />
    </div>
  );
}
