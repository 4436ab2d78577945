// The small pictures on a message: of lines, in the colour of the text around them, and silent to screen readers.
import type { JSX } from "preact";

const PATHS = {
  reply: "M9 7 4 12l5 5M4 12h10a6 6 0 0 1 6 6v1",
  react: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18ZM8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.01M15 9.5v.01",
  thread: "M4 5h16v11H9l-5 4ZM8 9h8M8 12.500h5",
  edit: "M4 20l1-4L16.500 4.500l3 3L8 19ZM14 7l3 3",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  copy: "M9 9h11v11H9ZM5 15H4V4h11v1",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  sending: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18ZM12 7v5l3 2",
  sent: "M5 12.500l4.500 4.500L19 7.500",
  saved: "M2 12.500l4.500 4.500L16 7.500M11.500 16l1 1L22 7.500",
  failed: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18ZM12 7.500v5.500M12 16.500v.01",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
