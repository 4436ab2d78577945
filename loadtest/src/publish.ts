// publish: what one message costs Redis, measured by Redis itself (`INFO commandstats`), alone in its run and together with
// others, with every rule on; beside it a history publish, which checks nothing, and a bare SET. Redis measures elapsed time,
// so everything else that the machine does is in its figures: the cases take turns, messages go out in windows during which
// this process waits, and the quietest tenth of the windows is told beside their median.

import { composeMessage, connectRedis, createKeys, createPartitions, watchBudget, whenReady } from "@rookery/broker";
import type { Partitions } from "@rookery/broker";
import { createHistoryPublish } from "./history-publish.ts";
import { median, quietest, round } from "./report.ts";
import type { Report } from "./report.ts";
import { startRig, UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const WINDOWS = 100;
const WARM_UP_WINDOWS = 8;
/** As many turns of a case as make this many messages. */
const MESSAGES_A_WINDOW = 320;
const PARTITIONS = 64;
const BUDGET_BYTES = 64 * 2 ** 30;
const REMEMBERED_MS = 600_000;
const KEPT_ENTRIES = 1000;
const COMMAND_TIMEOUT_MS = 5000;
const FRAME = "x".repeat(300);

interface Case {
  readonly what: string;
  readonly target: string;
  /** What Redis calls it. */
  readonly command: string;
  /** Messages that go out in one turn of the loop. */
  readonly together: number;
  turn(this: void): Promise<unknown>;
  /** Redis' own µs a message, one figure a window. */
  readonly micros: number[];
}

export async function publish(): Promise<Report> {
  const rig = await startRig();
  try {
    const partitions = createPartitions(PARTITIONS);
    const cases = casesOf(rig, partitions);
    for (let n = 0; n < WARM_UP_WINDOWS; n += 1) for (const each of cases) await inWindow(each);
    await allowOneEnvelope(rig, partitions);
    for (let n = 0; n < WINDOWS; n += 1) {
      for (const each of n % 2 === 0 ? cases : cases.toReversed()) await measure(rig, each);
      await emptyOutboxes(rig, partitions);
    }
    return { name: "publish", messagesAWindow: MESSAGES_A_WINDOW, windows: WINDOWS, rows: rowsOf(cases) };
  } finally {
    await rig.stop();
  }
}

function casesOf(rig: Rig, partitions: Partitions): Case[] {
  const publisher = rig.publisher();
  let n = 0;
  const compose = (channel: string): ReturnType<typeof composeMessage> => {
    n += 1;
    const id = `bench-${String(n).padStart(15, "0")}`;
    return composeMessage({ channel, id, clientId: id, user: "bench", name: "bench", body: "x".repeat(60) });
  };
  const send = (channel: string): Promise<unknown> => publisher.publish({ ...compose(channel), ...UNFENCED });
  const all = (channels: readonly string[]): Promise<unknown> => Promise.all(channels.map(send));
  const published = (what: string, channels: readonly string[], target = ""): Case => {
    return { what, target, command: "evalsha", together: channels.length, turn: () => all(channels), micros: [] };
  };
  const apart = channelsApart(partitions, 40);
  const some = (partitionsUsed: number, messages: number): string[] =>
    apart.slice(0, partitionsUsed).flatMap((channel) => Array.from({ length: messages }, () => channel));
  const inOne = [0, 1, 2, 3].flatMap((partition) => channelsOf(partitions, partition, 16));
  const history = createHistoryPublish(rig.redis);
  const opponent = { command: "evalsha", together: apart.length, target: "", micros: [] };
  return [
    {
      ...{ ...opponent, what: "history publish: no dedupe, outbox, fence" },
      turn: () => Promise.all(apart.map((channel) => history(channel, frameOf(compose(channel))))),
    },
    published("publish, alone in its run", apart, "<= 2.6x"),
    published("publish, 4 of one channel a run", some(10, 4)),
    published("publish, 16 of one channel a run", some(4, 16), "<= 1.35x"),
    published("publish, 16 of 16 channels a run", inOne),
    {
      ...{ ...opponent, command: "set", what: "bare SET with a time to live", micros: [] },
      turn: () => Promise.all(apart.map(() => rig.redis.set(`bare:${(n += 1)}`, FRAME, "PX", REMEMBERED_MS))),
    },
  ];
}

/** The same bytes that publish.lua makes. */
function frameOf({ halves }: ReturnType<typeof composeMessage>): string {
  return `${halves.head},"epoch":1760000000000,"seq":1234,"at":1760000000000${halves.tail}`;
}

/** Each of another partition, so that messages of one turn meet in no run. */
function channelsApart(partitions: Partitions, count: number): string[] {
  return Array.from({ length: count }, (_, partition) => channelsOf(partitions, partition, 1)).flat();
}

function channelsOf(partitions: Partitions, partition: number, count: number): string[] {
  const found: string[] = [];
  for (let n = 0; found.length < count; n += 1) {
    if (partitions.of(`bench-${n}`) === partition) found.push(`bench-${n}`);
  }
  return found;
}

/** As a cluster does once it has looked at its edges: here are none that could not read it. */
async function allowOneEnvelope(rig: Rig, partitions: Partitions): Promise<void> {
  const connection = connectRedis({ url: rig.redisUrl, use: "commands", commandTimeoutMs: COMMAND_TIMEOUT_MS });
  await whenReady(connection, COMMAND_TIMEOUT_MS);
  const keys = createKeys(partitions);
  const watch = watchBudget({ connection, keys, node: () => "bench", budgetBytes: BUDGET_BYTES });
  const { part } = keys.partition(0);
  while ((await rig.redis.hget(part, "envelopes")) === null) await watch.look();
  watch.stop();
  connection.disconnect();
}

/** What a persister would do; outside the windows. */
async function emptyOutboxes(rig: Rig, partitions: Partitions): Promise<void> {
  const keys = createKeys(partitions);
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    await rig.redis.xtrim(keys.partition(partition).outbox, "MAXLEN", 0);
  }
  for (const channel of channelsApart(partitions, 40)) {
    await rig.redis.xtrim(keys.channel(channel).log, "MAXLEN", KEPT_ENTRIES);
  }
}

async function inWindow({ together, turn }: Case): Promise<number> {
  const turns = Math.ceil(MESSAGES_A_WINDOW / together);
  for (let n = 0; n < turns; n += 1) await turn();
  return turns * together;
}

async function measure(rig: Rig, each: Case): Promise<void> {
  await rig.redis.config("RESETSTAT");
  const messages = await inWindow(each);
  const stats = await rig.redis.info("commandstats");
  const used = new RegExp(`^cmdstat_${each.command}:calls=\\d+,usec=(\\d+)`, "m").exec(stats)?.[1];
  each.micros.push(Number(used) / messages);
}

function rowsOf(cases: readonly Case[]): Report["rows"] {
  const baseline = cases[0]?.micros ?? [];
  return cases.map(({ what, micros, target }) => {
    const ratios = micros.map((value, n) => value / (baseline[n] ?? Number.NaN));
    return {
      what,
      "Redis µs/message": round(median(micros)),
      "quietest tenth": round(quietest(micros)),
      "of a history publish": round(median(ratios)),
      "of its quietest tenth": round(quietest(micros) / quietest(baseline)),
      target,
    };
  });
}
