// One partition's outbox and two persisters that both believe it is theirs, each with batches read ahead, dying and going on
// at any moment: the rules of drain.ts, saveBatch and save.lua as a model for explore.ts.
import type { Model } from "./explore.ts";

/** What may be left out, to see that it is needed. */
export type OutboxBreak = "position apart" | "no read-after" | "trims first";

/** Entries read after `after`, which are to be committed together. */
interface Batch {
  readonly after: number;
  readonly last: number;
}

interface Persister {
  /** Where its next read begins. */
  readonly cursor: number;
  /** Read and not committed yet, in order. */
  readonly batches: readonly Batch[];
  /** Committed, and Redis not told yet: up to where. */
  readonly committed: number;
  /** Its rows stand and its position does not yet: only where they are not written together. */
  readonly rowsUpTo: number;
}

interface State {
  /** Entries are numbered from 1; so many were appended, and those up to `trimmed` are gone from Redis. */
  readonly appended: number;
  readonly trimmed: number;
  /** Of Postgres: its position, and how often each entry has a row. */
  readonly position: number;
  readonly rows: readonly number[];
  readonly persisters: readonly [Persister, Persister];
  readonly faults: number;
}

const FRESH: Persister = { cursor: 0, batches: [], committed: 0, rowsUpTo: 0 };
const BOTH = [0, 1] as const;
const READ_AHEAD = 2;
const ENTRIES_A_BATCH = 2;

const withPersister = (state: State, n: 0 | 1, change: Partial<Persister>): State => {
  const changed = { ...state.persisters[n], ...change };
  return { ...state, persisters: n === 0 ? [changed, state.persisters[1]] : [state.persisters[0], changed] };
};

/** A row more for each entry of the batch beyond Postgres' position. */
const rowsWith = ({ rows, position }: State, { after, last }: Batch): number[] =>
  rows.map((count, at) => (at + 1 > Math.max(position, after) && at + 1 <= last ? count + 1 : count));

function read(state: State, n: 0 | 1): State {
  const { cursor, batches } = state.persisters[n];
  const after = Math.max(cursor, state.trimmed);
  const last = Math.min(state.appended, after + ENTRIES_A_BATCH);
  return withPersister(state, n, { cursor: last, batches: [...batches, { after: cursor, last }] });
}

function* commits(state: State, n: 0 | 1, broken: OutboxBreak | undefined): Iterable<readonly [string, State]> {
  const { batches, committed } = state.persisters[n];
  const [batch, ...rest] = batches;
  if (batch === undefined) return;
  const name = `persister ${n + 1}`;
  const hasGap = batch.after > state.position && broken !== "no read-after";
  if (hasGap) {
    yield [`${name} finds a batch missing`, withPersister(state, n, { cursor: 0, batches: [] })];
    return;
  }
  const rows = rowsWith(state, batch);
  const position = Math.max(state.position, batch.last);
  const done = { batches: rest, committed: Math.max(committed, batch.last) };
  if (broken === "position apart") {
    yield [`${name} commits rows`, { ...withPersister(state, n, { ...done, rowsUpTo: position }), rows }];
    return;
  }
  yield [`${name} commits`, { ...withPersister(state, n, done), rows, position }];
  // What became of it is not known here: all that was read is dropped and read again.
  const unheard = withPersister(state, n, { cursor: 0, batches: [] });
  if (state.faults > 0)
    yield [`${name} commits and does not hear of it`, { ...unheard, rows, position, faults: state.faults - 1 }];
}

function* stepsOf(state: State, n: 0 | 1, broken: OutboxBreak | undefined): Iterable<readonly [string, State]> {
  const name = `persister ${n + 1}`;
  const { cursor, batches, committed, rowsUpTo } = state.persisters[n];
  const isMore = Math.max(cursor, state.trimmed) < state.appended;
  if (isMore && batches.length < READ_AHEAD) yield [`${name} reads`, read(state, n)];
  if (rowsUpTo > 0) {
    const moved = withPersister(state, n, { rowsUpTo: 0 });
    yield [`${name} commits its position`, { ...moved, position: Math.max(state.position, rowsUpTo) }];
  } else yield* commits(state, n, broken);
  const [first] = batches;
  const told = broken === "trims first" && first !== undefined ? first.last : committed;
  if (told > 0) {
    const isAll = batches.length === 0;
    const after = withPersister(state, n, { committed: 0, ...(isAll ? { cursor: 0 } : {}) });
    yield [`${name} trims`, { ...after, trimmed: Math.max(state.trimmed, told) }];
  }
  if (state.faults === 0) return;
  const spent = { ...state, faults: state.faults - 1 };
  yield [`${name} dies and begins anew`, withPersister(spent, n, FRESH)];
  if (batches.length > 0) {
    yield [`${name} cannot commit a batch and drops what follows`, withPersister(spent, n, { cursor: 0, batches: [] })];
    // It should not, and Postgres alone has to stop it.
    yield [`${name} cannot commit a batch and goes on`, withPersister(spent, n, { batches: batches.slice(1) })];
  }
}

/** Whatever the state, one persister that begins anew and is left in peace brings everything to Postgres and empties the outbox. */
function settled(state: State): State {
  let at: State = { ...withPersister(withPersister(state, 0, FRESH), 1, FRESH), faults: 0 };
  for (let round = 0; at.trimmed < at.appended && round <= at.appended; round += 1) {
    const reading = read(at, 0);
    const [batch] = reading.persisters[0].batches;
    if (batch === undefined) return at;
    const position = Math.max(at.position, batch.last);
    at = { ...withPersister(at, 0, FRESH), rows: rowsWith(at, batch), position, trimmed: batch.last };
  }
  return at;
}

export function outboxModel(entries: number, faults: number, broken?: OutboxBreak): Model<State> {
  const rows = Array.from({ length: entries }, () => 0);
  return {
    start: { appended: 0, trimmed: 0, position: 0, rows, persisters: [FRESH, FRESH], faults },
    *steps(state) {
      if (state.appended < entries) yield ["an entry comes", { ...state, appended: state.appended + 1 }];
      for (const n of BOTH) yield* stepsOf(state, n, broken);
    },
    wrong(state) {
      const twice = state.rows.findIndex((count) => count > 1);
      if (twice >= 0) return `entry ${twice + 1} has two rows`;
      const lost = state.rows.findIndex((count, at) => count === 0 && at < state.trimmed);
      if (lost >= 0) return `entry ${lost + 1} is trimmed and has no row`;
      const end = settled(state);
      const missing = end.rows.findIndex((count, at) => count !== 1 && at < end.appended);
      return missing < 0 ? undefined : `entry ${missing + 1} ends with ${end.rows[missing]} rows`;
    },
  };
}
