// The readers of a bench, a process of their own so that they cost the server nothing: opens sockets, counts their frames, and
// of some of them takes the time that each frame was on its way.

import { delayMs } from "./intended-time.ts";
import { openRawSocket } from "./raw-sockets.ts";
import type { RawSocket } from "./raw-sockets.ts";

export interface OpenOrder {
  readonly port: number;
  readonly sockets: number;
  readonly headers: Record<string, string> | Record<string, string>[];
  /** Sent by each as soon as it is open. */
  readonly frames: string[];
  /** Beyond these, sent by each its own. */
  readonly framesOf?: string[][];
  /** So many are opened at once, and each waits for so many frames before the next are. */
  readonly batches?: { readonly sockets: number; readonly answers: number };
}

interface Order {
  readonly open?: OpenOrder;
  readonly count?: true;
  readonly delays?: true;
}

const AT_ONCE = 50;
/** One in a hundred has its frames looked at: more, and the readers would be what is measured. */
const SAMPLED_EVERY = 100;
const sockets: RawSocket[] = [];
/** Welcome, join replies and whatever else came before the measuring began. */
let greetings = 0;
let delaysMs: number[] = [];

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit(0));

async function obey({ open, count, delays }: Order): Promise<void> {
  if (open !== undefined) {
    const { sockets: atOnce, answers } = open.batches ?? { sockets: AT_ONCE, answers: 0 };
    for (let opened = 0; opened < open.sockets; opened += atOnce) {
      const batch = Array.from({ length: Math.min(atOnce, open.sockets - opened) }, (_, n) =>
        openRawSocket(
          open.port,
          Array.isArray(open.headers) ? (open.headers[opened + n] ?? {}) : open.headers,
          (opened + n) % SAMPLED_EVERY === 0 ? takeDelay : undefined,
        ),
      );
      const fresh = await Promise.all(batch);
      sockets.push(...fresh);
      for (const [n, socket] of fresh.entries())
        for (const frame of [...open.frames, ...(open.framesOf?.[opened + n] ?? [])]) socket.sendText(frame);
      while (fresh.some((socket) => socket.frames < answers)) await pause(5);
    }
    await quiet();
    greetings = total();
    process.send?.("open");
  }
  if (count === true) process.send?.(total() - greetings);
  if (delays === true) {
    process.send?.(delaysMs);
    delaysMs = [];
  }
}

function takeDelay(payload: Buffer): void {
  const delay = delayMs(payload);
  if (!Number.isNaN(delay)) delaysMs.push(delay);
}

/** Resolves when no frame has arrived for a moment. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== total();) {
    before = total();
    await pause(300);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function total(): number {
  return sockets.reduce((sum, socket) => sum + socket.frames, 0);
}
