// Reads what a partition's control topic said last, and what it says now. Called by edges, which act upon it.
import { parseControl } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { ControlLog, NumberedControl } from "./control-log.ts";
import { BEFORE_FIRST_ENTRY, compareEntryIds, formatEntryId, parseEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import type { Keys } from "./keys.ts";
import { fieldOf } from "./log.ts";

const NUMBERED = /^\{"control":"(\d+-\d+)","c":(\{.*\})\}$/s;

/** What announce.lua says on a control topic. Undefined for anything else, and for a control that a newer build made. */
export function parseNumberedControl(partition: number, text: string): NumberedControl | undefined {
  const [, written = "", json = ""] = NUMBERED.exec(text) ?? [];
  return numberedControl(partition, written, json);
}

/** More than are ever kept. */
const MOST_READ = 2_000;

export function createControlLog({ connection, keys }: { connection: RedisConnection; keys: Keys }): ControlLog {
  return {
    async since(partition, after) {
      const { part, controlLog } = keys.partition(partition);
      const [last, rows] = await answered(connection, () =>
        Promise.all([
          connection.hget(part, "control"),
          connection.xrange(controlLog, `(${formatEntryId(after)}`, "+", "COUNT", MOST_READ),
        ]),
      );
      // Read first, so what it names stands in the rows, unless that is kept no longer.
      const newest = parseEntryId(last ?? "") ?? BEFORE_FIRST_ENTRY;
      if (compareEntryIds(newest, after) === 0) return [];
      const controls = rows.map(([id, fields]) => numberedControl(partition, id, fieldOf(fields, "c") ?? ""));
      return isUnbroken(after, newest, controls) ? controls : undefined;
    },
  };
}

/** Each follows the one before it, and the newest is there. */
function isUnbroken(
  after: EntryId,
  newest: EntryId,
  controls: readonly (NumberedControl | undefined)[],
): controls is readonly NumberedControl[] {
  const follows = controls.every(
    (each, n) => each?.number.epoch === after.epoch && each.number.number === after.number + 1 + n,
  );
  if (newest.epoch !== after.epoch) return false;
  return follows && compareEntryIds(newest, after) > 0 && newest.number - after.number <= controls.length;
}

function numberedControl(partition: number, written: string, json: string): NumberedControl | undefined {
  const number = parseEntryId(written);
  const control = parseControl(json);
  return number === undefined || control === undefined ? undefined : { partition, number, control };
}
