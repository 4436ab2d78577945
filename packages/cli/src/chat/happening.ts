// What the core of `chat` has to show: the seam to whatever shows it. Types only. Text of others in it is as it came, but in
// `text`, which is one line that is safe to show.
import type { Said } from "./scrollback.ts";

export type Happening =
  | { readonly kind: "said"; readonly said: Said }
  /** From here on it is new to the user. */
  | { readonly kind: "unread"; readonly count: number }
  /** A message is not what it was; `body` is told where it has a new one. */
  | { readonly kind: "changed"; readonly text: string; readonly body?: string | undefined }
  | { readonly kind: "note"; readonly text: string };
