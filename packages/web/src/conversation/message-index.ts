// Messages by their ids, and the names of those who wrote them, over the list that a channel's state shows. Follows that list with a walk
// over what has changed in it, since it is another one with every message.
import type { ChannelState, Message } from "@rookery/client";
import { sharedEnds } from "./shared-ends.ts";

export interface MessageIndex {
  /** Before whatever is asked of it while a state is drawn; quick for the same state. */
  readonly follow: (state: Pick<ChannelState, "messages" | "present">) => void;
  readonly message: (id: string | undefined) => Message | undefined;
  /** Undefined for somebody who neither wrote anything here nor is known to be here. */
  readonly nameOf: (user: string) => string | undefined;
}

/** Of the channel that is shown: there is one at a time, and its thread is of the same state. */
export const messageIndex = createMessageIndex();

export function createMessageIndex(): MessageIndex {
  let seen: readonly Message[] = [];
  let present: ChannelState["present"] = [];
  const byId = new Map<string, Message>();
  const names = new Map<string, string>();
  const walk = (messages: readonly Message[]): void => {
    const { first, last } = sharedEnds(seen, messages);
    for (const { id } of seen.slice(first, seen.length - last)) byId.delete(id);
    for (const message of messages.slice(first, messages.length - last)) {
      byId.set(message.id, message);
      names.set(message.user, message.name);
    }
    seen = messages;
  };
  return {
    follow(state) {
      present = state.present;
      if (state.messages !== seen) walk(state.messages);
    },
    message: (id) => (id === undefined ? undefined : byId.get(id)),
    nameOf: (user) => names.get(user) ?? present.find((each) => each.user === user)?.name,
  };
}
