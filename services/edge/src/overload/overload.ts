// Whether this edge has too much to do, and what it sheds then. Made by main; the door, dispatch and whoever tells signals ask
// it before they begin something, and are counted when the answer is no. It must never be asked about a send, nor in the middle
// of a command: what has begun is done.
// States: those of its levels; closed (it looks no more).

import type { PlainCount } from "@rookery/runtime";
import { createLevels, LEVELS, LOOKS_PER_SEC } from "./levels.ts";
import type { Level } from "./levels.ts";

/** What may be shed, and from which level on. */
const SHED_FROM = {
  connection: LEVELS.indexOf("newcomers"),
  typing: LEVELS.indexOf("signals"),
  presence: LEVELS.indexOf("signals"),
  history: LEVELS.indexOf("history"),
} as const;
export type Shed = keyof typeof SHED_FROM;
export const SHED_CLASSES = ["connection", "typing", "presence", "history"] as const satisfies readonly Shed[];

export interface Overload {
  /** 0 when this is served; else it is counted as shed, and may be asked for again after so many milliseconds. */
  shedMs(this: void, what: Shed): number;
  /** How many levels above `calm`. */
  level(this: void): number;
  /** By how much the loop comes round late. */
  lateMs(this: void): number;
  /** Of what the process may use, at the last look. */
  memoryShare(this: void): number;
  /** Why nobody new is taken, where memory is the reason. */
  memoryTrouble(this: void): string | undefined;
  close(this: void): void;
}

export interface OverloadOptions {
  /** From when on a loop is late; 0 for never. */
  readonly lateLoopMs: number;
  readonly counts: Readonly<Record<Shed, PlainCount>>;
  memoryShare(this: void): number;
  changed(this: void, level: Level, lateMs: number, memoryShare: number): void;
}

const LOOK_EVERY_MS = 1000 / LOOKS_PER_SEC;
/** Memory moves more slowly than the loop, and asking for it costs more. */
const MEMORY_LOOK_EVERY = LOOKS_PER_SEC;
/** A level is left after a second at the earliest; whoever was turned away does not come back with all others at one moment. */
const RETRY_MS = 1000;

export function createOverload({ lateLoopMs, counts, memoryShare, changed }: OverloadOptions): Overload {
  const levels = createLevels(lateLoopMs);
  let lookedAtMs = performance.now();
  let looks = 0;
  let share = 0;
  let level = 0;

  function look(): void {
    const nowMs = performance.now();
    const lateMs = Math.max(0, nowMs - lookedAtMs - LOOK_EVERY_MS);
    lookedAtMs = nowMs;
    if (looks % MEMORY_LOOK_EVERY === 0) share = memoryShare();
    looks += 1;
    const next = levels.look({ lateMs, memoryShare: share });
    if (next === level) return;
    level = next;
    changed(LEVELS[level] ?? "calm", levels.lateMs(), share);
  }

  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return {
    shedMs(what) {
      if (level < SHED_FROM[what]) return 0;
      counts[what].n += 1;
      return Math.ceil(RETRY_MS * (1 + Math.random()));
    },
    level: () => level,
    lateMs: levels.lateMs,
    memoryShare: () => share,
    memoryTrouble: () => (levels.byMemory() > 0 ? "memory is short: new connections are refused" : undefined),
    close: () => clearInterval(timer),
  };
}
