// The senders of the bench `accept`, a process of its own: each keeps so many sends in flight for a while, then waits until
// all are answered and tells how many there were. Frames are told apart by one byte and never parsed.

import { openRawSocket } from "./raw-sockets.ts";
import type { RawSocket } from "./raw-sockets.ts";

interface Order {
  /** One socket for each of `channels`, which it joins and sends to. */
  readonly open?: { port: number; headers: Record<string, string>; channels: string[] };
  readonly send?: { inFlight: number; forMs: number };
}

/** `{"type":"ok"`, and nothing else that arrives here, has an o there. */
const TYPE_AT = 9;
const OF_OK = "o".charCodeAt(0);
const OF_ERROR = "e".charCodeAt(0);
const BODY = "x".repeat(100);

interface Sender {
  readonly channel: string;
  readonly socket: RawSocket;
  inFlight: number;
}

const senders: Sender[] = [];
let sent = 0;
let answered = 0;
let until = 0;
let run = 0;

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit(0));

async function obey({ open, send }: Order): Promise<void> {
  if (open !== undefined) {
    for (const channel of open.channels) await openSender(open.port, open.headers, channel);
    process.send?.("open");
  }
  if (send === undefined) return;
  [sent, answered, run] = [0, 0, run + 1];
  until = performance.now() + send.forMs;
  for (const sender of senders) for (let n = 0; n < send.inFlight; n += 1) sendOne(sender);
  const settle = setInterval(() => {
    if (performance.now() < until || answered < sent) return;
    clearInterval(settle);
    process.send?.(answered);
  }, 5);
}

async function openSender(port: number, headers: Record<string, string>, channel: string): Promise<void> {
  const socket = await openRawSocket(port, headers, (payload) => {
    const type = payload[TYPE_AT];
    if (type === OF_ERROR) throw new Error(payload.toString());
    if (type !== OF_OK || sender.inFlight === 0) return;
    sender.inFlight -= 1;
    answered += 1;
    if (performance.now() < until) sendOne(sender);
  });
  const sender: Sender = { channel, socket, inFlight: 0 };
  senders.push(sender);
  socket.sendText(JSON.stringify({ type: "join", ref: "j", channel, limit: 1 }));
}

function sendOne(sender: Sender): void {
  sender.inFlight += 1;
  sent += 1;
  const id = `c${process.pid}-${run}-${sent}`;
  const frame = { type: "send", ref: id, channel: sender.channel, clientId: id, body: BODY };
  sender.socket.sendText(JSON.stringify(frame));
}
