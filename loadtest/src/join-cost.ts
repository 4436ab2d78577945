// What a join costs Redis, all told, beside a message alone in its run on the same server in the same minutes: one part of the
// bench `life`. Redis' own elapsed time, by `INFO commandstats`, of every command that is sent for it. There what scripts call is
// counted once more beside the scripts: so it is first heard by MONITOR how often a turn sends each command itself, and of a
// command that scripts call too so many are taken at the mean of all. Members come one after the other and fifty at once, to a
// channel in which somebody is already.

import { composeMessage, createKeys, createPartitions } from "@rookery/broker";
import { openGuest } from "./guest.ts";
import type { Guest } from "./guest.ts";
import { median, quietest, round } from "./report.ts";
import { UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const PARTITIONS = 64;
const GUESTS = 50;
const WINDOWS = 30;
const WARM_UP_WINDOWS = 3;
/** Of a window: as many joins as a round of guests makes, and as many messages. */
const TURNS = 2;
const SPEAKING = 40;
const LOGGED = 200;
const LEFT_WITHIN_MS = 10_000;
/** What this bench asks itself. */
const OWN = new Set(["config", "info", "echo", "monitor"]);
const TARGET = "<= 2.2x";

interface Case {
  readonly what: string;
  readonly target: string;
  /** Joins or messages of a turn. */
  readonly together: number;
  /** Not measured, like what comes after. */
  before?(this: void): Promise<void>;
  /** Resolves with how many it was that Redis worked for. */
  turn(this: void): Promise<number>;
  after(this: void): Promise<void>;
  /** What a turn sends, by the name of the command. */
  sent: ReadonlyMap<string, number>;
  readonly micros: number[];
}

/** `channels`: an empty one, and one that gets messages. */
export async function joinCost(rig: Rig, port: number) {
  const guests = await Promise.all(
    Array.from({ length: GUESTS }, async (_, n) => openGuest(port, await rig.token(`guest-${n}`))),
  );
  const cases = [loneMessage(rig)];
  for (const [name, messages] of [
    ["an empty channel", 0] as const,
    [`${LOGGED} messages in the log`, LOGGED] as const,
  ]) {
    const channel = `joined-${messages}`;
    await speak(rig, channel, messages);
    const resident = await openGuest(port, await rig.token("resident"));
    await resident.join(channel);
    const inTurn = async (): Promise<void> => {
      for (const guest of guests) await guest.join(channel);
    };
    const atOnce = async (): Promise<void> => void (await Promise.all(guests.map((guest) => guest.join(channel))));
    cases.push(joins(rig, `join one after the other, ${name}`, channel, guests, inTurn));
    cases.push(joins(rig, `join ${GUESTS} at once, ${name}`, channel, guests, atOnce));
  }
  const spoken = `joined-${LOGGED}`;
  const [guest] = guests;
  if (guest === undefined) throw new Error("life: there are no guests");
  const one = joins(rig, "join after a message that nobody has read yet", spoken, [guest], () => guest.join(spoken));
  cases.push({ ...one, target: "", before: () => speak(rig, spoken, 1) });
  for (let n = 0; n < WARM_UP_WINDOWS; n += 1) for (const each of cases) await measure(rig, each);
  for (const each of cases) {
    await hear(rig, each);
    each.micros.length = 0;
  }
  for (let n = 0; n < WINDOWS; n += 1) {
    for (const each of n % 2 === 0 ? cases : cases.toReversed()) await measure(rig, each);
  }
  return rowsOf(cases);
}

function loneMessage(rig: Rig): Case {
  const publisher = rig.publisher();
  const partitions = createPartitions(PARTITIONS);
  const keys = createKeys(partitions);
  const channels = Array.from({ length: SPEAKING }, (_, partition) => {
    for (let n = 0; ; n += 1) if (partitions.of(`alone-${n}`) === partition) return `alone-${n}`;
  });
  return {
    what: "a message, alone in its run",
    target: "",
    together: SPEAKING,
    async turn() {
      await Promise.all(channels.map((channel) => publisher.publish({ ...messageIn(channel), ...UNFENCED })));
      return channels.length;
    },
    async after() {
      for (let n = 0; n < SPEAKING; n += 1) await rig.redis.xtrim(keys.partition(n).outbox, "MAXLEN", 0);
    },
    micros: [],
    sent: new Map(),
  };
}

function joins(rig: Rig, what: string, channel: string, guests: readonly Guest[], come: () => Promise<void>): Case {
  const { here } = createKeys(createPartitions(PARTITIONS)).channel(channel);
  return {
    what,
    target: TARGET,
    together: guests.length,
    async turn() {
      await come();
      return guests.length;
    },
    async after() {
      await Promise.all(guests.map((guest) => guest.leave(channel)));
      const deadlineMs = performance.now() + LEFT_WITHIN_MS;
      while ((await rig.redis.hlen(here)) > 1) {
        if (performance.now() > deadlineMs) throw new Error(`life: guests are still in ${channel}`);
      }
    },
    micros: [],
    sent: new Map(),
  };
}

async function hear({ redis }: Rig, each: Case): Promise<void> {
  const sent = new Map<string, number>();
  await each.before?.();
  const heard = await redis.monitor();
  heard.on("monitor", (_at: string, [name = ""]: string[], source: string) => {
    if (source !== "lua" && !OWN.has(name.toLowerCase()))
      sent.set(name.toLowerCase(), (sent.get(name.toLowerCase()) ?? 0) + 1);
  });
  await each.turn();
  // What Redis has shown of the turn stands before what it shows of this.
  const told = new Promise<void>((resolve) => {
    heard.on("monitor", (_at: string, [name = ""]: string[]) => name.toLowerCase() === "echo" && resolve());
  });
  await redis.echo("end");
  await told;
  heard.disconnect();
  await each.after();
  each.sent = sent;
}

async function measure({ redis }: Rig, each: Case): Promise<void> {
  let [of, micros] = [0, 0];
  for (let n = 0; n < TURNS; n += 1) {
    await each.before?.();
    await redis.config("RESETSTAT");
    of += await each.turn();
    const stats = await redis.info("commandstats");
    for (const [, name = "", calls, usec] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)) {
      const share = name === "evalsha" ? 1 : Math.min(1, (each.sent.get(name) ?? 0) / Number(calls));
      micros += Number(usec) * share;
    }
    await each.after();
  }
  each.micros.push(micros / of);
}

let made = 0;
function messageIn(channel: string): ReturnType<typeof composeMessage> {
  made += 1;
  const id = `bench-${String(made).padStart(15, "0")}`;
  return composeMessage({ channel, id, clientId: id, user: "bench", name: "bench", body: "x".repeat(60) });
}

async function speak(rig: Rig, channel: string, messages: number): Promise<void> {
  const publisher = rig.publisher();
  for (let n = 0; n < messages; n += 1) await publisher.publish({ ...messageIn(channel), ...UNFENCED });
}

function rowsOf(cases: readonly Case[]) {
  const baseline = cases[0]?.micros ?? [];
  return cases.map(({ what, micros, sent, together, target }) => {
    const ratios = micros.map((value, n) => value / (baseline[n] ?? Number.NaN));
    return {
      what,
      "Redis µs": round(median(micros)),
      "quietest tenth": round(quietest(micros)),
      commands: round([...sent.values()].reduce((sum, count) => sum + count, 0) / together),
      ratio: round(median(ratios)),
      "of its quietest tenth": round(quietest(micros) / quietest(baseline)),
      target,
    };
  });
}
