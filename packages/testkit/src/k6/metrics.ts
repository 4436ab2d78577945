// Owns the numbers of one run of a load script, as k6 gathers and names them. Filled by the scripts' own metrics, read by
// thresholds and summary. Pure. Must never round: what is judged is what was added.

export const METRIC_KINDS = ["counter", "trend", "rate"] as const;
export type MetricKind = (typeof METRIC_KINDS)[number];

export interface Sink {
  readonly kind: MetricKind;
  readonly isTime: boolean;
  add: (value: number | boolean) => void;
  isEmpty: () => boolean;
  /** By the names that thresholds use: `count`, `rate`, `avg`, `min`, `max`, `med`, `p(95)`. */
  value: (stat: string) => number;
}

export interface Registry {
  /** The same sink for the same name; throws when it is of another kind. */
  metric: (name: string, kind: MetricKind, isTime?: boolean) => Sink;
  find: (name: string) => Sink | undefined;
  all: () => ReadonlyMap<string, Sink>;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const PERCENTILE = /^p\((\d+(?:\.\d+)?)\)$/;

const sinkOf = (kind: MetricKind, isTime: boolean): Sink => {
  const values: number[] = [];
  let sum = 0;
  const add = (value: number | boolean): void => {
    const number = Number(value);
    if (!Number.isFinite(number)) throw new Error(`a metric takes no ${String(value)}`);
    sum += number;
    values.push(number);
  };
  const shared = { kind, isTime, add, isEmpty: () => values.length === 0 };
  if (kind === "counter") return { ...shared, value: (stat) => statOf({ count: () => sum }, stat) };
  const share = (): number => values.filter((value) => value !== 0).length / Math.max(1, values.length);
  if (kind === "rate") return { ...shared, value: (stat) => statOf({ rate: share }, stat) };
  const stats = {
    count: () => values.length,
    avg: () => sum / Math.max(1, values.length),
    min: () => percentile(values, 0),
    max: () => percentile(values, 1),
    med: () => percentile(values, 0.5),
  };
  return {
    ...shared,
    value: (stat) => {
      const part = PERCENTILE.exec(stat)?.[1];
      return part === undefined ? statOf(stats, stat) : percentile(values, Number(part) / 100);
    },
  };
};

const statOf = (stats: Readonly<Record<string, () => number>>, stat: string): number => {
  const found = stats[stat];
  if (found === undefined) throw new Error(`no ${stat} of such a metric; there are ${Object.keys(stats).join(", ")}`);
  return found();
};

/** Between two neighbours in proportion, as k6 does; 0 of nothing. */
const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.max(0, Math.floor(at))] ?? 0;
  const high = sorted[Math.max(0, Math.ceil(at))] ?? 0;
  return low + (high - low) * (at - Math.floor(at));
};

export const createRegistry = (): Registry => {
  const sinks = new Map<string, Sink>();
  return {
    metric: (name, kind, isTime = false) => {
      if (!NAME.test(name)) throw new Error(`"${name}" is no name of a metric`);
      const found = sinks.get(name) ?? sinkOf(kind, isTime);
      if (found.kind !== kind) throw new Error(`${name} is a ${found.kind} already, and no ${kind}`);
      sinks.set(name, found);
      return found;
    },
    find: (name) => sinks.get(name),
    all: () => sinks,
  };
};
