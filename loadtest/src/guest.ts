// One client of a bench that joins and leaves channels and waits for each answer. Frames are told apart by one byte and never
// parsed: a guest must cost the machine less than what it makes the server do.

import { openRawSocket } from "./raw-sockets.ts";

/** `{"type":"ok"`, and nothing else that arrives here, has an o there; an error has an e. */
const TYPE_AT = 9;
const OF_OK = "o".charCodeAt(0);
const OF_ERROR = "e".charCodeAt(0);

export interface Guest {
  /** Resolve with the answer; one at a time. Leaving a channel in which it is not is nothing. */
  join(this: void, channel: string): Promise<void>;
  leave(this: void, channel: string): Promise<void>;
}

export async function openGuest(port: number, token: string): Promise<Guest> {
  let answered: () => void = () => undefined;
  const socket = await openRawSocket(port, { Authorization: `Bearer ${token}` }, (payload) => {
    const type = payload[TYPE_AT];
    if (type === OF_ERROR) throw new Error(payload.toString());
    if (type === OF_OK) answered();
  });
  const joined = new Set<string>();
  const ask = (type: "join" | "leave", channel: string): Promise<void> => {
    const answer = new Promise<void>((resolve) => (answered = resolve));
    socket.sendText(JSON.stringify({ type, ref: "1", channel }));
    return answer;
  };
  return {
    join(channel) {
      joined.add(channel);
      return ask("join", channel);
    },
    leave: (channel) => (joined.delete(channel) ? ask("leave", channel) : Promise.resolve()),
  };
}
