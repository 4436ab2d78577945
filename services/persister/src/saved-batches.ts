// What Redis is told of a batch once Postgres has it: of each partition its last entry, the highest position of each
// channel, and whether every entry became a row of its own. Called by drain.ts. Pure.
import type { Correction, SavedBatch } from "@rookery/broker";
import { comparePositions, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { SaveOutcome } from "@rookery/store";
import type { FreeEntry } from "./holds.ts";

/** Sums that grow entry by entry. */
interface Growing {
  readonly channels: Map<string, Position>;
  readonly counted: Map<string, number>;
}

export function savedBatches(entries: readonly FreeEntry[], outcome: SaveOutcome | undefined): Map<number, SavedBatch> {
  const isUnstored = new Set(outcome?.kind === "saved" ? outcome.unstored : []);
  const told = new Map<number, SavedBatch & Growing>();
  for (const entry of entries) {
    const { partition, id, channel, position, counted } = entry;
    const auditedBytes = entry.kind === "audit" ? entry.auditedBytes : undefined;
    const before = told.get(partition);
    const { channels, counted: sums } = before ?? { channels: new Map<string, Position>(), counted: new Map() };
    for (const whose of counted === undefined ? [] : [`c|${channel}`, `u|${counted.user}`]) {
      sums.set(whose, (sums.get(whose) ?? 0) + (counted?.bytes ?? 0));
    }
    const known = channels.get(channel) ?? ORIGIN;
    // An entry without a position stands at ORIGIN.
    if (comparePositions(position, known) > 0) channels.set(channel, position);
    told.set(partition, {
      last: id,
      // An entry that nobody can read does not say how much was put in before it.
      cumulativeBytes: "cumulativeBytes" in entry ? entry.cumulativeBytes : (before?.cumulativeBytes ?? 0),
      channels,
      counted: sums,
      reached: outcome?.kind === "saved" ? outcome.reached.get(partition) : undefined,
      unstored: isUnstored.has(partition),
      head: outcome?.kind === "saved" ? outcome.heads.get(partition) : undefined,
      auditedBytes: auditedBytes ?? before?.auditedBytes,
    });
  }
  for (const [partition, corrected] of correctedIn(outcome)) {
    const saved = told.get(partition);
    if (saved !== undefined) told.set(partition, { ...saved, corrected });
  }
  return told;
}

/** By partition. */
function correctedIn(outcome: SaveOutcome | undefined): Map<number, NonNullable<SavedBatch["corrected"]>> {
  const raised = outcome?.kind === "saved" ? outcome.raised : [];
  const found = new Map<number, (Correction & { readonly channel: string })[]>();
  for (const { partition, channel, position: first, former, prev } of raised) {
    const known = found.get(partition) ?? [];
    found.set(partition, known);
    known.push({ channel, first, former, prev });
  }
  return found;
}
