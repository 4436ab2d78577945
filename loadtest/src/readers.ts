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

/** What each sends once in so many ms. */
export interface Chatter {
  readonly text: string;
  readonly everyMs: number;
}

interface Order {
  readonly open?: OpenOrder;
  readonly count?: true;
  readonly delays?: true;
  readonly chatter?: Chatter;
  /** What each says at the end of it. */
  readonly quiet?: string;
  /** Nobody reads any more. */
  readonly stop?: true;
}

const AT_ONCE = 50;
/** One in a hundred has its frames looked at: more, and the readers would be what is measured. */
const SAMPLED_EVERY = 100;
const CHATTER_STEP_MS = 10;
const sockets: RawSocket[] = [];
/** Welcome, join replies and whatever else came before the measuring began. */
let greetings = { all: 0, messages: 0 };
let chattering: NodeJS.Timeout | undefined;
let delaysMs: number[] = [];

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit(0));

async function obey({ open, count, delays, chatter, quiet: lastWord, stop }: Order): Promise<void> {
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
  if (count === true) {
    const now = total();
    process.send?.({ all: now.all - greetings.all, messages: now.messages - greetings.messages });
  }
  if (delays === true) {
    process.send?.(delaysMs);
    delaysMs = [];
  }
  if (chatter !== undefined) {
    chattering = talk(chatter);
    process.send?.("told");
  }
  if (lastWord !== undefined) {
    clearInterval(chattering);
    for (const socket of sockets) socket.sendText(lastWord);
    process.send?.("told");
  }
  if (stop === true) {
    for (const socket of sockets) socket.stop();
    process.send?.("told");
  }
}

/** Each in its turn, at an even pace; what a late timer has missed is made up for. */
function talk({ text, everyMs }: Chatter): NodeJS.Timeout {
  const startedMs = performance.now();
  let sent = 0;
  return setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) * sockets.length) / everyMs);
    for (; sent < due; sent += 1) sockets[sent % sockets.length]?.sendText(text);
  }, CHATTER_STEP_MS);
}

function takeDelay(payload: Buffer): void {
  const delay = delayMs(payload);
  if (!Number.isNaN(delay)) delaysMs.push(delay);
}

/** Resolves when no frame has arrived for a moment. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== total().all;) {
    before = total().all;
    await pause(300);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function total(): { all: number; messages: number } {
  const sum = (of: "frames" | "messages"): number => sockets.reduce((before, socket) => before + socket[of], 0);
  return { all: sum("frames"), messages: sum("messages") };
}
