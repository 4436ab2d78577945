// What one does with a message, and what the parts of a conversation tell each other: types alone.
import type { Message } from "@rookery/client";

export interface MessageActions {
  readonly reply: (message: Message) => void;
  readonly edit: (message: Message) => void;
  /** Asks nobody: whoever calls it has asked. */
  readonly remove: (message: Message) => void;
  readonly react: (message: Message, emoji: string, on: boolean) => void;
  readonly openThread: (rootId: string) => void;
  /** Shows it where it stands, among the messages around it. */
  readonly goTo: (id: string) => void;
}

/** What the composer is writing. */
export type Writing =
  | { readonly kind: "new" }
  | { readonly kind: "reply"; readonly message: Message }
  | { readonly kind: "edit"; readonly message: Message };

/** What stands beside the messages. */
export type Side =
  | { readonly kind: "none" }
  | { readonly kind: "search" }
  | { readonly kind: "members" }
  | { readonly kind: "thread"; readonly rootId: string };
