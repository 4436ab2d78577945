// What was done here for the last changes of rights, so that one which is announced again (its announcer may not have heard an
// answer) closes nobody twice and is confirmed with the same figure. Owned by the enforcement. Pure.

import type { Control } from "@rookery/protocol";

export interface Acts {
  /** How many sessions it closed, where it was acted upon before. */
  closedFor(control: Control): number | undefined;
  acted(control: Control, closed: number): void;
}

/** An api announces again within seconds, or not at all. */
const MOST_KEPT = 1000;

export function createActs(): Acts {
  const closedBy = new Map<string, number>();
  return {
    closedFor(control) {
      const key = keyOf(control);
      return key === undefined ? undefined : closedBy.get(key);
    },
    acted(control, closed) {
      const key = keyOf(control);
      if (key === undefined) return;
      closedBy.set(key, closed);
      for (const oldest of closedBy.keys()) {
        if (closedBy.size <= MOST_KEPT) break;
        closedBy.delete(oldest);
      }
    },
  };
}

/** Undefined for a farewell to a user's sessions: another one closes those that have come since. */
function keyOf(control: Control): string | undefined {
  if (control.kind === "channel") return `c|${control.channel}|${control.record.version}`;
  if (control.kind === "global") return `g|${control.version}`;
  return control.frame === null ? undefined : `u|${control.user}|${control.frame}`;
}
