// A crowd of a bench: readers of one server, in a process of their own, that listen to what is published and count it, and
// the rate at which that is done. Used by the benches of delivery.

import type { ChildProcess } from "node:child_process";
import { bodyOf, sharedNowMs } from "./intended-time.ts";
import type { OpenOrder } from "./readers.ts";
import { nextMessage } from "./rig.ts";
import type { Rig } from "./rig.ts";

/** On a machine of two cores the readers are what is waited for at the highest rates. */
const DELIVERED_WITHIN_MS = 30_000;

export interface FramesRead {
  readonly all: number;
  readonly messages: number;
}

export interface Crowd {
  /** So far, without what came before the last of them was open. */
  framesRead(): Promise<FramesRead>;
  /** Of the frames that some of them have got since the last call, from when each was meant to be sent. */
  takeDelaysMs(): Promise<number[]>;
  /** Each sends this once in every so many ms, spread evenly over them, until it is told to be quiet: each then says a last word. */
  chatter(text: string, everyMs: number): Promise<void>;
  quiet(lastWord: string): Promise<void>;
  /** None of them reads any more. */
  stop(): Promise<void>;
  /** Their process ends, and with it all sockets. */
  leave(): void;
}

export async function openCrowd(rig: Rig, orders: readonly OpenOrder[]): Promise<Crowd> {
  const readers: ChildProcess = rig.forkHere("readers.js", []);
  const ask = async (order: object): Promise<unknown> => {
    readers.send(order);
    return nextMessage(readers);
  };
  for (const open of orders) await ask({ open });
  return {
    framesRead: async () => readOf(await ask({ count: true })),
    async takeDelaysMs() {
      const delays = await ask({ delays: true });
      return Array.isArray(delays) ? delays.map(Number) : [];
    },
    chatter: async (text, everyMs) => void (await ask({ chatter: { text, everyMs } })),
    quiet: async (lastWord) => void (await ask({ quiet: lastWord })),
    stop: async () => void (await ask({ stop: true })),
    leave: () => readers.disconnect(),
  };
}

function readOf(answer: unknown): FramesRead {
  if (typeof answer !== "object" || answer === null || !("all" in answer) || !("messages" in answer))
    throw new Error("the readers of a bench did not say what they have read");
  return { all: Number(answer.all), messages: Number(answer.messages) };
}

export interface Rate {
  readonly perSec: number;
  readonly seconds: number;
  /** Sockets that each message goes to. */
  readonly sockets: number;
}

/** Resolves when everything that was published has been read; throws on a shortfall. */
export async function deliver(crowd: Crowd, rate: Rate, publish: (body: string) => void): Promise<void> {
  const total = Math.round(rate.perSec * rate.seconds);
  const expected = (await crowd.framesRead()).messages + total * rate.sockets;
  const startedMs = sharedNowMs();
  for (let sent = 0; sent < total;) {
    // Open loop: what is due by now goes out now, whatever became of the messages before.
    const due = Math.min(total, Math.floor(((sharedNowMs() - startedMs) * rate.perSec) / 1000));
    for (; sent < due; sent += 1) publish(bodyOf(startedMs + ((sent + 1) * 1000) / rate.perSec));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const deadlineMs = sharedNowMs() + DELIVERED_WITHIN_MS;
  for (let read = 0; read < expected;) {
    read = (await crowd.framesRead()).messages;
    if (read > expected || sharedNowMs() > deadlineMs) throw new Error(`read ${read} messages instead of ${expected}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
