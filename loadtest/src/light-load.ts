// What a persister costs while little is sent, and how soon what is sent is `persisted`: one part of the bench `drain`.

import { setTimeout as delay } from "node:timers/promises";
import { compareEntryIds, composeMessage, connectRedis, parseAnnouncement, whenReady } from "@rookery/broker";
import type { EntryId, Keys, Publisher } from "@rookery/broker";
import { cpuSeconds } from "./process-cost.ts";
import { round } from "./report.ts";
import { UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const RATES_PER_SEC = [0, 100, 1000];
const FOR_SEC = 5;
/** The first seconds of a process are its compiler's. */
const WARM_UP_SEC = 3;
const CHANNELS = 50;
const TICK_MS = 10;
const READY_WITHIN_MS = 10_000;

export async function lightLoad(rig: Rig, keys: Keys) {
  const persister = await rig.startPersister({});
  const pid = rig.pidOf(persister);
  const lags = await watchLags(rig, keys);
  await send(rig.publisher(), 500, WARM_UP_SEC, () => undefined);
  const rows = [];
  for (const rate of RATES_PER_SEC) {
    lags.reset();
    const before = cpuSeconds(pid);
    const sent = await send(rig.publisher(), rate, FOR_SEC, lags.sent);
    const cpu = cpuSeconds(pid) - before;
    const [median, late] = [lags.quantile(0.5), lags.quantile(0.99)];
    rows.push({
      what: `persister at ${rate} messages/s`,
      "CPU ms/s": round((cpu / FOR_SEC) * 1000),
      ...(sent === 0 ? {} : { "CPU ms/message": round((cpu / sent) * 1000) }),
      ...(sent === 0 ? {} : { "persisted ms, median": round(median), "persisted ms, p99": round(late) }),
      ...(rate === 100 ? { target: "<= 0.3 ms" } : {}),
    });
  }
  lags.stop();
  await rig.end(persister);
  return rows;
}

/** At an even pace; resolves when the time is over, with how many were sent. */
async function send(publisher: Publisher, rate: number, forSec: number, told: (lag: Sent) => void): Promise<number> {
  const startedMs = performance.now();
  let sent = 0;
  const under: Promise<void>[] = [];
  for (let elapsedMs = 0; elapsedMs < forSec * 1000; elapsedMs = performance.now() - startedMs) {
    for (; sent < (elapsedMs / 1000) * rate; sent += 1) under.push(sendOne(publisher, told));
    await delay(TICK_MS);
  }
  await Promise.all(under);
  return sent;
}

interface Sent {
  readonly channel: string;
  readonly entry: EntryId;
  readonly atMs: number;
}

let made = 0;

async function sendOne(publisher: Publisher, told: (sent: Sent) => void): Promise<void> {
  made += 1;
  const id = `light-${String(made).padStart(15, "0")}`;
  const user = `user-${made % 20}`;
  const channel = `light-${made % CHANNELS}`;
  const message = composeMessage({ channel, id, clientId: id, user, name: user, body: "x".repeat(120) });
  const atMs = performance.now();
  const { entry } = await publisher.publish({
    ...message,
    ...UNFENCED,
  });
  told({ channel, entry, atMs });
}

/** From a send to the watermark that covers it, as every edge hears it. */
async function watchLags(rig: Rig, keys: Keys) {
  const listener = connectRedis({ url: rig.redisUrl, use: "subscriptions", commandTimeoutMs: READY_WITHIN_MS });
  await whenReady(listener, READY_WITHIN_MS);
  const partitionOf = new Map<string, number>();
  const marks = new Map<number, EntryId>();
  let waiting: Sent[] = [];
  let lagsMs: number[] = [];
  const settle = (): void => {
    const isCovered = ({ channel, entry }: Sent): boolean => {
      const mark = marks.get(keys.partitions.of(channel));
      return mark !== undefined && compareEntryIds(mark, entry) >= 0;
    };
    const nowMs = performance.now();
    lagsMs.push(...waiting.filter(isCovered).map(({ atMs }) => nowMs - atMs));
    waiting = waiting.filter((sent) => !isCovered(sent));
  };
  listener.on("smessage", (topic: string, text: string) => {
    const [partition, upTo] = [partitionOf.get(topic), parseAnnouncement(text)?.upTo];
    if (partition === undefined || upTo === undefined) return;
    marks.set(partition, upTo);
    settle();
  });
  for (let n = 0; n < keys.partitions.count; n += 1) {
    partitionOf.set(keys.partition(n).control, n);
    await listener.ssubscribe(keys.partition(n).control);
  }
  return {
    sent(this: void, sent: Sent): void {
      waiting.push(sent);
    },
    reset(): void {
      [waiting, lagsMs] = [[], []];
    },
    quantile: (share: number): number =>
      lagsMs.toSorted((a, b) => a - b)[Math.floor(lagsMs.length * share)] ?? Number.NaN,
    stop: () => listener.disconnect(),
  };
}
