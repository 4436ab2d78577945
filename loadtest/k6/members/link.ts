// One WebSocket from its begin to its end: shows the token, hands on frames, says how it ended. Called by member.ts.
// States: opening, open, ended. k6 answers the server's pings by itself.
import { WebSocket } from "k6/websockets";
import type { Command, Frame } from "./frame.ts";

export interface Link {
  /** False once it is ending. */
  say(command: Command): boolean;
  close(): void;
}

export interface LinkEvents {
  frame(frame: Frame): void;
  /** The close code where there was one; 1006 otherwise. */
  ended(code: number): void;
}

const OPEN = 1;
/** As a client whose page goes to sleep would look to a server. */
const DROPPED = 1000;
const NO_CLOSE_FRAME = 1006;

export function openLink(url: string, token: string, events: LinkEvents): Link {
  const socket = new WebSocket(url);
  let hasEnded = false;
  socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "auth", token })));
  socket.addEventListener("message", (event) => {
    if (!("data" in event) || typeof event.data !== "string") return;
    const frame: Frame = JSON.parse(event.data);
    events.frame(frame);
  });
  // `close` follows, and says what to do.
  socket.addEventListener("error", () => undefined);
  socket.addEventListener("close", (event) => {
    if (hasEnded) return;
    hasEnded = true;
    events.ended("code" in event && typeof event.code === "number" ? event.code : NO_CLOSE_FRAME);
  });
  return {
    say(command) {
      if (socket.readyState !== OPEN) return false;
      socket.send(JSON.stringify(command));
      return true;
    },
    close: () => socket.close(DROPPED),
  };
}
