// How much an edge with too much to do gives up: levels in the order in which work is shed, each with what raises it. Pure: it
// is shown how late the loop comes round and how full the memory is, and knows no clock. Called by overload.
// States: `calm`, then one level for each row of the table, for either load by itself; the higher one counts. Up at once, as
// far as a look asks for; down by one level, once a whole second asked for no more. Sends are in no row: whoever was let in is
// served.

/** What is shed, first to last. */
const ROWS = [
  /** Others may serve them, and nothing of theirs is under way. */
  { level: "newcomers", lateTimes: 1, memoryShare: 0.85 },
  /** Nobody was promised them; what they say of a crowd is told when they come back. */
  { level: "signals", lateTimes: 2, memoryShare: 0.9 },
  /** It is there later as well. */
  { level: "history", lateTimes: 4, memoryShare: 0.95 },
] as const;

export type Level = "calm" | (typeof ROWS)[number]["level"];
export const LEVELS: readonly Level[] = ["calm", ...ROWS.map(({ level }) => level)];

export interface Load {
  /** By how much the loop came round later than it should have. */
  readonly lateMs: number;
  /** Of what the process may use: from 0 to 1. */
  readonly memoryShare: number;
}

export interface Levels {
  /** To be called so many times a second; answers how many levels above `calm` it is from now on. */
  look(this: void, load: Load): number;
  /** The same of memory alone. */
  byMemory(this: void): number;
  /** As it is judged: what most of the last looks found. */
  lateMs(this: void): number;
}

export const LOOKS_PER_SEC = 10;
/** The middle one of these is judged, so that one long pause, after which all is well, sheds nothing. */
const LOOKS_JUDGED = 5;
/** What keeps a level, of what raises it: a load that is shed becomes less by that, and must not swing. */
const LATE_KEPT = 0.5;
const MEMORY_KEPT = 0.95;

/** `lateLoopMs`: from when on a loop is late; 0 for never. */
export function createLevels(lateLoopMs: number): Levels {
  const late = createClimb(
    ROWS.map(({ lateTimes }) => (lateLoopMs > 0 ? lateTimes * lateLoopMs : Number.POSITIVE_INFINITY)),
    LATE_KEPT,
  );
  const memory = createClimb(
    ROWS.map(({ memoryShare }) => memoryShare),
    MEMORY_KEPT,
  );
  const looks: number[] = [];
  let judgedMs = 0;
  return {
    look({ lateMs, memoryShare }) {
      looks.push(lateMs);
      if (looks.length > LOOKS_JUDGED) looks.shift();
      judgedMs = looks.length < LOOKS_JUDGED ? 0 : (looks.toSorted((a, b) => a - b)[(LOOKS_JUDGED - 1) / 2] ?? 0);
      late.look(judgedMs);
      memory.look(memoryShare);
      return Math.max(late.height(), memory.height());
    },
    byMemory: memory.height,
    lateMs: () => judgedMs,
  };
}

/** How many ascending marks a value has reached; one is kept until the value was below `kept` of it for a second. */
function createClimb(marks: readonly number[], kept: number) {
  let height = 0;
  let looksBelow = 0;
  const reached = (value: number): number => marks.filter((mark) => value >= mark).length;
  return {
    height: (): number => height,
    look(value: number): void {
      height = Math.max(height, reached(value));
      looksBelow = reached(value / kept) >= height ? 0 : looksBelow + 1;
      if (looksBelow < LOOKS_PER_SEC) return;
      height -= 1;
      looksBelow = 0;
    },
  };
}
