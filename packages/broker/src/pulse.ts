// Once a second and partition, one script call that shows an edge what nothing else would: a lost last message, a topic
// that no longer reaches it, another master. Called by the edge, which feeds the reports to its relays.
// States of a partition: resting, calling, answered (waits for its own probe, so that heads are compared only with what
// has already arrived). Calls of a partition never overlap; a failed one is counted and never thrown.
import { comparePositions, parsePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { RedisConnection } from "./connect.ts";
import { BEFORE_FIRST_ENTRY, parseEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import type { Keys } from "./keys.ts";
import type { Partitions } from "./partitions.ts";
import { toWatermark } from "./watermark.ts";
import type { Watermark } from "./watermark.ts";

/** What one partition's Redis says of it. */
export interface PulseReport {
  readonly partition: number;
  /** The watermark; undefined before anything was saved. */
  readonly saved: Watermark | undefined;
  /** `part.owner`: the replication id under which the partition's epoch began; "" before the first message. */
  readonly owner: string;
  /** The replication id of the server that answered. Another one than before: another master, or a restarted one. */
  readonly serving: string;
  readonly epoch: number;
  /** Number of the last change of rights. */
  readonly control: EntryId;
  /** Where the compared channels stand. A channel that Redis does not hold is left out. */
  readonly heads: ReadonlyMap<string, Position>;
}

export interface PulseListener {
  /** All that was announced before the heads were read has been told by the topics, unless it was lost. */
  report(report: PulseReport): void;
  /** So many probes of one partition in a row did not come back: told once when the trouble begins, then every tenth. */
  missed(probes: number): void;
  /** A call failed, for the metrics. */
  failed?(partition: number, error: unknown): void;
}

export interface Pulse {
  start(): void;
  /** The topics tell that a probe came back. */
  probe(partition: number): void;
  stop(): void;
  /** Age of the oldest of the partitions' last answers, counted from the start where there is none. */
  ageMs(): number;
}

export interface PulseOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly partitions: Partitions;
  /** Whose probes these are: asked at each call. */
  node(this: void): string;
  readonly everyMs: number;
  /** The channels subscribed in a partition. */
  channels(partition: number): readonly string[];
  readonly on: PulseListener;
}

/** Each channel's head is compared in one of so many calls: with one call a second, well within 10 s. */
const TURNS = 8;
/** A partition's calls are made together with those of its group, the groups spread over the interval. */
const MOST_GROUPS = 16;
/** The probe travels with the answer; whatever has not come by then is taken for lost and the report told without it. */
const PROBE_WITHIN_MS = 250;
const MISSED_AT_FIRST = 2;
const MISSED_AGAIN = 10;

interface Beat {
  readonly partition: number;
  turn: number;
  isCalling: boolean;
  answeredAtMs: number;
  probe: "none" | "sent" | "returned";
  missed: number;
  /** Answered, and waits for its probe. */
  report: PulseReport | undefined;
}

export function createPulse(options: PulseOptions): Pulse {
  const { partitions, on } = options;
  const beats = Array.from({ length: partitions.count }, (_, partition) => restingBeat(partition));
  const groupCount = Math.min(MOST_GROUPS, partitions.count);
  let timer: NodeJS.Timeout | undefined;
  let group = 0;
  /** The partition whose probes were told to be missing, until one of them returns. */
  let trouble: Beat | undefined;

  function tick(): void {
    const nowMs = performance.now();
    for (const beat of beats) {
      if (beat.report !== undefined && nowMs - beat.answeredAtMs >= PROBE_WITHIN_MS) tell(beat);
    }
    for (let partition = group; partition < beats.length; partition += groupCount) {
      const beat = beats[partition];
      if (beat === undefined || beat.isCalling) continue;
      call(beat).catch((error: unknown) => on.failed?.(beat.partition, error));
    }
    group = (group + 1) % groupCount;
  }

  async function call(beat: Beat): Promise<void> {
    judgeProbe(beat);
    beat.isCalling = true;
    const channels = channelsDue(beat, options.channels(beat.partition));
    try {
      const reply = await send(options, beat.partition, channels);
      if (timer === undefined) return;
      beat.answeredAtMs = performance.now();
      beat.report = readReply(beat.partition, channels, reply);
      if (beat.probe === "returned") tell(beat);
      else beat.probe = "sent";
    } catch (error) {
      on.failed?.(beat.partition, error);
    } finally {
      beat.isCalling = false;
    }
  }

  function tell(beat: Beat): void {
    const { report } = beat;
    beat.report = undefined;
    if (report !== undefined) on.report(report);
  }

  /** Looks back at the call before this one. One that failed sent no probe that could be missed. */
  function judgeProbe(beat: Beat): void {
    tell(beat);
    if (beat.probe === "sent") beat.missed += 1;
    beat.probe = "none";
    if (beat.missed < (trouble === undefined ? MISSED_AT_FIRST : MISSED_AGAIN)) return;
    const { missed } = beat;
    trouble = beat;
    // One lost connection silences every partition within the same second: what they missed until now is told with this.
    for (const other of beats) {
      other.missed = 0;
      other.probe = "none";
    }
    on.missed(missed);
  }

  return {
    start() {
      const nowMs = performance.now();
      for (const beat of beats) beat.answeredAtMs = nowMs;
      timer ??= setInterval(tick, options.everyMs / groupCount);
    },
    probe(partition) {
      const beat = beats[partition];
      if (beat === undefined) return;
      beat.probe = "returned";
      beat.missed = 0;
      if (trouble === beat) trouble = undefined;
      tell(beat);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      for (const beat of beats) beat.report = undefined;
    },
    ageMs: () => performance.now() - Math.min(...beats.map((beat) => beat.answeredAtMs)),
  };
}

function restingBeat(partition: number): Beat {
  return {
    partition,
    turn: 0,
    isCalling: false,
    answeredAtMs: 0,
    probe: "none",
    missed: 0,
    report: undefined,
  };
}

/** A channel's turn hangs on its name alone, so that no coming and going of others makes it wait longer. */
function channelsDue(beat: Beat, channels: readonly string[]): readonly string[] {
  const { turn } = beat;
  beat.turn = (turn + 1) % TURNS;
  return channels.filter((channel) => turnOf(channel) === turn);
}

/** FNV-1a, for an even share of each turn. */
function turnOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < channel.length; at += 1) hash = Math.imul(hash ^ channel.charCodeAt(at), 0x01000193);
  return (hash >>> 16) % TURNS;
}

async function send(options: PulseOptions, partition: number, channels: readonly string[]): Promise<readonly string[]> {
  const names = options.keys.partition(partition);
  const heads = channels.map((channel) => options.keys.channel(channel).head);
  const reply = await options.connection.rookeryPulse(
    2 + heads.length,
    names.part,
    names.probe(options.node()),
    ...heads,
  );
  if (!Array.isArray(reply) || reply.length !== 6 + 2 * heads.length)
    throw new Error("the pulse script answered oddly");
  return reply.map(String);
}

function readReply(partition: number, channels: readonly string[], reply: readonly string[]): PulseReport {
  const [owner = "", serving = "", epoch = "0", stored = "", unstored = "", control = ""] = reply;
  const heads = new Map<string, Position>();
  for (const [index, channel] of channels.entries()) {
    const numbered = parsePosition(reply[6 + 2 * index] ?? "");
    const saved = parsePosition(reply[7 + 2 * index] ?? "");
    if (numbered === undefined) continue;
    // After a failover Postgres may hold more than the new master: the next message follows the greater of the two.
    heads.set(channel, saved !== undefined && comparePositions(saved, numbered) > 0 ? saved : numbered);
  }
  return {
    partition,
    saved: toWatermark(stored, unstored),
    owner,
    serving,
    epoch: Number(epoch),
    control: parseEntryId(control) ?? BEFORE_FIRST_ENTRY,
    heads,
  };
}
