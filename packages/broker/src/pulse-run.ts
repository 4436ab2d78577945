// One call of pulse.lua: which partitions and heads it reads, and what its answer says of them. Used by the pulse alone.
// Holds no state; whatever keeps Redis from answering is thrown.
import { comparePositions, parsePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import { readCorrections } from "./correction.ts";
import { BEFORE_FIRST_ENTRY, parseEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import type { Correction } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { toWatermark } from "./watermark.ts";
import type { Watermark } from "./watermark.ts";

/** What Redis keeps of one partition. */
export interface PartitionState {
  readonly partition: number;
  /** The watermark; undefined before anything was saved. */
  readonly saved: Watermark | undefined;
  /** `part.owner`: the replication id under which the partition's epoch began; "" before the first message. */
  readonly owner: string;
  readonly epoch: number;
  /** Number of the last change of rights. */
  readonly control: EntryId;
}

/** When a run was sent, by performance.now(), and when it was answered, on the clock of the server that did. */
export interface PulseTimes {
  readonly askedAtMs: number;
  readonly atMs: number;
}

export interface PulseRun {
  readonly partitions: readonly number[];
  readonly channels: readonly string[];
  /** The partition by whose topic a probe is sent, of those whose keys may be named in this run. */
  readonly by: number;
  readonly probes: boolean;
}

export interface PulseAnswer extends PulseTimes {
  /** The replication id of the server; "" where no probe was asked for. */
  readonly serving: string;
  readonly states: readonly PartitionState[];
  /** Partitions of whose hash another type stands there. */
  readonly broken: readonly number[];
  /** Channels that Redis does not hold are left out. */
  readonly heads: readonly (readonly [channel: string, head: Position])[];
  /** Of those whose head tells one. */
  readonly corrected: readonly (readonly [channel: string, corrections: readonly Correction[]])[];
}

/** Throws ChatError `unavailable`. */
export async function runPulse(
  { connection, keys, node }: { connection: RedisConnection; keys: Keys; node(this: void): string },
  run: PulseRun,
): Promise<PulseAnswer> {
  const { partitions, channels } = run;
  const hashes = [
    ...partitions.map((partition) => keys.partition(partition).part),
    ...channels.map((channel) => keys.channel(channel).head),
  ];
  const probe = keys.partition(run.by).probe(node());
  const which = run.probes ? "probe" : "";
  const askedAtMs = performance.now();
  const reply = await answered(connection, () =>
    connection.rookeryPulse(1 + hashes.length, probe, ...hashes, partitions.length, which),
  );
  if (!Array.isArray(reply) || reply.length !== 2 + hashes.length) throw new Error("the pulse script answered oddly");
  const [atMs, serving, ...fields] = reply.map((each: unknown) =>
    Array.isArray(each) ? each.map(textOf) : textOf(each),
  );
  const states = partitions.map((partition, n) => toState(partition, fields[n] ?? []));
  return {
    askedAtMs,
    atMs: Number(atMs),
    serving: String(serving),
    states: states.filter((state) => state !== undefined),
    broken: partitions.filter((_, n) => states[n] === undefined),
    heads: toHeads(channels, fields.slice(partitions.length)),
    corrected: toCorrections(channels, fields.slice(partitions.length)),
  };
}

/** Every field is a text; one that is not there is null. The time is a number. */
const textOf = (field: unknown): string =>
  typeof field === "string" || typeof field === "number" ? String(field) : "";

function toState(partition: number, fields: string | readonly string[]): PartitionState | undefined {
  if (fields.length === 0) return undefined;
  const [owner = "", epoch = "", stored = "", unstored = "", control = ""] = fields;
  return {
    partition,
    owner,
    saved: toWatermark(stored, unstored),
    epoch: Number(epoch),
    control: parseEntryId(control) ?? BEFORE_FIRST_ENTRY,
  };
}

function toCorrections(
  channels: readonly string[],
  answers: readonly (string | readonly string[])[],
): PulseAnswer["corrected"] {
  return channels.flatMap((channel, n) => {
    const corrections = readCorrections(answers[n]?.[3] ?? "");
    return corrections.length === 0 ? [] : [[channel, corrections] as const];
  });
}

function toHeads(channels: readonly string[], answers: readonly (string | readonly string[])[]): PulseAnswer["heads"] {
  const heads: [string, Position][] = [];
  for (const [n, channel] of channels.entries()) {
    const [epoch = "", seq = "", stored = ""] = answers[n] ?? [];
    const numbered = parsePosition(`${epoch}-${seq}`);
    if (numbered === undefined) continue;
    const saved = parsePosition(stored);
    // After a failover Postgres may hold more than the new master: the next message follows the greater of the two.
    heads.push([channel, saved !== undefined && comparePositions(saved, numbered) > 0 ? saved : numbered]);
  }
  return heads;
}
