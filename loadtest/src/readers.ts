// The readers of a bench, a process of their own so that they cost the server nothing: opens sockets, counts their frames.

import { openRawSocket } from "./raw-sockets.ts";
import type { RawSocket } from "./raw-sockets.ts";

interface Order {
  readonly open?: {
    port: number;
    sockets: number;
    headers: Record<string, string> | Record<string, string>[];
    frames: string[];
  };
  readonly count?: true;
}

const AT_ONCE = 50;
const sockets: RawSocket[] = [];
/** Welcome, join replies and whatever else came before the measuring began. */
let greetings = 0;

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit(0));

async function obey({ open, count }: Order): Promise<void> {
  if (open !== undefined) {
    for (let opened = 0; opened < open.sockets; opened += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, open.sockets - opened) }, (_, n) =>
        openRawSocket(open.port, Array.isArray(open.headers) ? (open.headers[opened + n] ?? {}) : open.headers),
      );
      for (const socket of await Promise.all(batch)) {
        sockets.push(socket);
        for (const frame of open.frames) socket.sendText(frame);
      }
    }
    await quiet();
    greetings = total();
    process.send?.("open");
  }
  if (count === true) process.send?.(total() - greetings);
}

/** Resolves when no frame has arrived for a moment. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== total();) {
    before = total();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function total(): number {
  return sockets.reduce((sum, socket) => sum + socket.frames, 0);
}
