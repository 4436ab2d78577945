// What every part of the page is given once somebody is signed in: the client, the REST api, who this is. Made by `app.tsx`.
import type { Client, Person } from "@rookery/client";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Rest } from "./rest.ts";
import type { OpenChannels } from "./channels/open-channels.ts";
import type { Notifications } from "./notifications.ts";
import type { Store } from "./store.ts";
import type { Theme } from "./theme.ts";
import type { Toasts } from "./toasts.tsx";

export interface Chat {
  readonly client: Client;
  readonly rest: Rest;
  /** As the token says; the name may change with the next one. */
  readonly me: Person;
  readonly channels: OpenChannels;
  readonly theme: Store<Theme>;
  readonly toasts: Toasts;
  readonly notifications: Notifications;
  readonly signOut: () => void;
  /** One line at the foot of the page for a few seconds, read out by screen readers. */
  readonly tell: (text: string) => void;
}

export const ChatContext = createContext<Chat | undefined>(undefined);

export function useChat(): Chat {
  const chat = useContext(ChatContext);
  if (!chat) throw new Error("used outside of a signed-in page");
  return chat;
}
