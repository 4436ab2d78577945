// Once a second and Redis master, one script call that shows an edge what nothing else would: a lost last message, a topic
// that no longer reaches it, a change of rights it was not told of, another master. It reads the partitions that the edge
// watches, all in one run where one server holds them; on a Cluster a run names keys of one slot, so each by itself.
// Called by the edge, which feeds the reports to its relays.
// States of a master: resting, calling, answered (waits for its probe, so that heads are compared only with what has
// already arrived). Calls of a master never overlap; a failed one is counted and never thrown.
import type { Position } from "@rookery/protocol";
import { masterOf, ONE_SERVER } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Correction } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { createMissedProbes } from "./missed-probes.ts";
import { clusterSlot } from "./partitions.ts";
import type { Partitions } from "./partitions.ts";
import { runPulse } from "./pulse-run.ts";
import type { PartitionState, PulseAnswer, PulseTimes } from "./pulse-run.ts";
import { createRedisClock } from "./redis-clock.ts";

/** What one partition's Redis says of it. */
export interface PulseReport extends PartitionState, PulseTimes {
  /** The replication id of the server that answered. Another one than before: another master, or a restarted one. */
  readonly serving: string;
  /** Where the compared channels stand. A channel that Redis does not hold is left out. */
  readonly heads: ReadonlyMap<string, Position>;
  /** Of which of them Postgres knew better what an epoch follows, see correct.lua. */
  readonly corrected: ReadonlyMap<string, readonly Correction[]>;
}

export interface PulseListener {
  /** All that was announced before the heads were read has been told by the topics, unless it was lost. */
  report(report: PulseReport): void;
  /** So many probes in a row did not come back: told once when the trouble begins, then every tenth. */
  missed(probes: number): void;
  /** A call failed, for the metrics. */
  failed?(partition: number, error: unknown): void;
}

export interface Pulse {
  start(): void;
  /**
   * Looks at these at once, beside the calls of every second, and reads no heads. Of each, in order: resolves once it is
   * reported, rejects with ChatError `unavailable`.
   */
  look(this: void, partitions: readonly number[]): Promise<void>[];
  /** The topics tell that a probe came back. */
  probe(partition: number): void;
  stop(): void;
  /** What the clock of the server that holds the partition shows now, in ms; undefined before its first answer. */
  serverNowMs(this: void, partition: number): number | undefined;
  /** Age of the oldest of the masters' last answers, counted from the start where there is none. */
  ageMs(): number;
}

export interface PulseOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly partitions: Partitions;
  /** Whose probes these are: asked at each call. */
  node(this: void): string;
  readonly everyMs: number;
  /** The partitions to look at: asked before each call. */
  watched(this: void): readonly number[];
  /** The channels subscribed in a partition. */
  channels(this: void, partition: number): Iterable<string>;
  readonly on: PulseListener;
}

/** Each channel's head is compared in one of so many calls: with one call a second, well within 10 s. */
const TURNS = 8;
/** The probe travels with the answer; whatever has not come by then is taken for lost and the report told without it. */
const PROBE_WITHIN_MS = 250;
/** Read in one run: about half a millisecond of Redis, in which nobody else is served. */
const MOST_HEADS_A_RUN = 500;

const NO_ANSWER: PulseAnswer = { serving: "", states: [], broken: [], heads: [], corrected: [], askedAtMs: 0, atMs: 0 };

interface Master {
  readonly address: string;
  turn: number;
  isCalling: boolean;
  answeredAtMs: number;
  /** By which partition the last call sent its probe; undefined when that call failed, so that none can be missed. */
  probe: { readonly by: number; isBack: boolean } | undefined;
  /** Answered, and wait for the probe. */
  reports: readonly PulseReport[];
  /** Tells them without it. */
  late: NodeJS.Timeout | undefined;
}

export function createPulse(options: PulseOptions): Pulse {
  const { connection, partitions, on } = options;
  const slots = Array.from({ length: partitions.count }, (_, n) => clusterSlot(partitions.tag(n)));
  const misses = createMissedProbes();
  const serverClock = createRedisClock(!connection.isCluster);
  /** Those whose clock is known. */
  const timed = new Set<number>();
  const madeAtMs = performance.now();
  let masters = new Map<string, Master>();
  let timer: NodeJS.Timeout | undefined;

  const addressOf = (partition: number): string => masterOf(connection, slots[partition] ?? 0);
  const failed = (some: readonly number[], error: unknown): void =>
    some.forEach((partition) => on.failed?.(partition, error));

  function beat(): void {
    const former = masters;
    masters = new Map();
    for (const [address, watched] of groups(options.watched(), addressOf)) {
      const master = former.get(address) ?? restingMaster(address);
      masters.set(address, master);
      if (!master.isCalling) call(master, watched).catch((error: unknown) => failed(watched, error));
    }
  }

  async function call(master: Master, watched: readonly number[]): Promise<void> {
    judgeProbe(master);
    const { turn } = master;
    master.turn += 1;
    // The probe goes by each partition in its turn, so that the topics of one alone cannot be deaf for long.
    const by = turn % watched.length;
    const order = [...watched.slice(by + 1), ...watched.slice(0, by + 1)];
    const runs = runnable(master.address, order);
    const last = runs.pop() ?? [];
    const probe = { by: order.at(-1) ?? 0, isBack: false };
    master.isCalling = true;
    master.probe = probe;
    try {
      const before = await Promise.all(runs.map((run) => tryRead(run, turn)));
      const final = await read(last, turn, true);
      if (timer === undefined) return;
      master.answeredAtMs = performance.now();
      master.reports = [...before, final].flatMap((answer) => toReports(answer, final.serving, partitions));
      if (probe.isBack) tell(master);
      else master.late = setTimeout(() => tell(master), PROBE_WITHIN_MS);
    } catch (error) {
      // No probe, and nobody who says who serves: what the other runs read is told by the next call.
      master.probe = undefined;
      failed(last, error);
    } finally {
      master.isCalling = false;
    }
  }

  /** Those whose keys may be named together: all of a single server, but of a Cluster's each by itself. */
  function runnable(address: string, some: readonly number[]): (readonly number[])[] {
    return address === ONE_SERVER ? [some] : some.map((partition) => [partition]);
  }

  /** Partitions first, then the heads that are due; the probe stands behind all of them. */
  async function read(some: readonly number[], turn: number | undefined, probes: boolean): Promise<PulseAnswer> {
    const due = turn === undefined ? [] : some.flatMap((partition) => dueOf(options.channels(partition), turn));
    const by = some.at(-1) ?? 0;
    let whole = NO_ANSWER;
    for (let from = 0; from === 0 || from < due.length; from += MOST_HEADS_A_RUN) {
      const channels = due.slice(from, from + MOST_HEADS_A_RUN);
      const isLast = from + MOST_HEADS_A_RUN >= due.length;
      const run = { partitions: from === 0 ? some : [], channels, by, probes: probes && isLast };
      const answer = await runPulse(options, run);
      serverClock.learn(by, answer.askedAtMs, performance.now(), answer.atMs);
      timed.add(connection.isCluster ? by : 0);
      failed(answer.broken, new Error("the partition's key holds no hash"));
      whole = from === 0 ? answer : withHeads(whole, answer);
    }
    return whole;
  }

  /** One partition of a Cluster that is being moved keeps nobody from hearing of the others. */
  async function tryRead(some: readonly number[], turn: number): Promise<PulseAnswer> {
    try {
      return await read(some, turn, false);
    } catch (error) {
      failed(some, error);
      return NO_ANSWER;
    }
  }

  function tell(master: Master): void {
    clearTimeout(master.late);
    const { reports } = master;
    master.reports = [];
    for (const report of reports) on.report(report);
  }

  /** Looks back at the call before this one. */
  function judgeProbe(master: Master): void {
    tell(master);
    const { probe } = master;
    master.probe = undefined;
    if (probe === undefined || probe.isBack) return;
    const count = misses.missed(master.address) ?? misses.missed(probe.by);
    if (count === undefined) return;
    // The others' are told with this one.
    for (const other of masters.values()) other.probe = undefined;
    on.missed(count);
  }

  async function lookAt(some: readonly number[]): Promise<void> {
    const answer = await read(some, undefined, true);
    for (const report of toReports(answer, answer.serving, partitions)) on.report(report);
  }

  return {
    start() {
      if (timer !== undefined) return;
      timer = setInterval(beat, options.everyMs);
      beat();
    },
    look(some) {
      const looks = [...groups(some, addressOf)].flatMap(([address, ours]) =>
        runnable(address, ours).map((run) => [run, lookAt(run)] as const),
      );
      const lookOf = new Map(looks.flatMap(([run, look]) => run.map((partition) => [partition, look])));
      return some.map((partition) => lookOf.get(partition) ?? Promise.resolve());
    },
    probe(partition) {
      misses.returned(partition);
      const master = masters.get(addressOf(partition));
      if (master === undefined) return;
      misses.returned(master.address);
      if (master.probe?.by !== partition) return;
      master.probe.isBack = true;
      tell(master);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      for (const master of masters.values()) clearTimeout(master.late);
      masters = new Map();
    },
    serverNowMs: (partition) =>
      timed.has(connection.isCluster ? partition : 0) ? serverClock.toServer(partition, performance.now()) : undefined,
    ageMs() {
      const answers = [...masters.values()].map(({ answeredAtMs }) => answeredAtMs);
      return performance.now() - (answers.length === 0 ? madeAtMs : Math.min(...answers));
    },
  };
}

function restingMaster(address: string): Master {
  const nowMs = performance.now();
  return { address, turn: 0, isCalling: false, answeredAtMs: nowMs, probe: undefined, reports: [], late: undefined };
}

function groups(some: readonly number[], addressOf: (partition: number) => string): Map<string, number[]> {
  const byAddress = new Map<string, number[]>();
  for (const partition of some) {
    const address = addressOf(partition);
    const group = byAddress.get(address);
    if (group === undefined) byAddress.set(address, [partition]);
    else group.push(partition);
  }
  return byAddress;
}

/** A later run of the same look. */
function withHeads(whole: PulseAnswer, { serving, heads, corrected }: PulseAnswer): PulseAnswer {
  return { ...whole, serving, heads: [...whole.heads, ...heads], corrected: [...whole.corrected, ...corrected] };
}

function toReports(
  { states, heads, corrected, askedAtMs, atMs }: PulseAnswer,
  serving: string,
  partitions: Partitions,
): PulseReport[] {
  const headsOf = new Map(states.map(({ partition }) => [partition, new Map<string, Position>()]));
  for (const [channel, head] of heads) headsOf.get(partitions.of(channel))?.set(channel, head);
  const isOf = (partition: number) => corrected.filter(([channel]) => partitions.of(channel) === partition);
  return states.map((state) => ({
    ...state,
    askedAtMs,
    atMs,
    serving,
    heads: headsOf.get(state.partition) ?? new Map(),
    corrected: new Map(corrected.length === 0 ? [] : isOf(state.partition)),
  }));
}

/** A channel's turn hangs on its name alone, so that no coming and going of others makes it wait longer. */
function dueOf(channels: Iterable<string>, turn: number): string[] {
  const due = [];
  for (const channel of channels) if (turnOf(channel) === turn % TURNS) due.push(channel);
  return due;
}

/** FNV-1a, for an even share of each turn. */
function turnOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < channel.length; at += 1) hash = Math.imul(hash ^ channel.charCodeAt(at), 0x01000193);
  return (hash >>> 16) % TURNS;
}
