// A histogram that costs its owner a few comparisons and two additions for each value, one for all values or one for each value
// of a closed label. Made by metrics.ts, which hands it to the registry; it is put into words only when metrics are collected.
// Pure: it knows no registry.

/** Throws a `TypeError` for what is no finite number: it would spoil the sum for good. */
export interface PlainHistogram {
  observe(value: number): void;
}

interface Counts extends PlainHistogram {
  /** How many values fell into each bucket and no lower one; the last counts what is above all bounds. */
  readonly inBucket: readonly number[];
  sum(this: void): number;
}

export interface HistogramShape<V extends string> {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  /** The label and all its values; none, and one value, where the histogram has no label. */
  readonly label: string | undefined;
  readonly values: readonly V[];
}

/** A line of the exposition format, in the parts that prom-client writes it from. */
export interface HistogramSample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function createPlainHistogram<V extends string>({
  name,
  buckets,
  label,
  values,
}: HistogramShape<V>): {
  readonly byValue: ReadonlyMap<V, PlainHistogram>;
  samples(this: void): HistogramSample[];
} {
  const counts = values.map((value): [V, Counts] => [value, createCounts(buckets)]);
  const bounds = [...buckets.map(String), "+Inf"];
  const told = ([value, { inBucket, sum }]: [V, Counts]): HistogramSample[] => {
    const labels: Record<string, string> = label === undefined ? {} : { [label]: value };
    let total = 0;
    const below = bounds.map((le, at) => {
      total += inBucket[at] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total };
    });
    return [
      ...below,
      { metricName: `${name}_sum`, labels, value: sum() },
      { metricName: `${name}_count`, labels, value: total },
    ];
  };
  return { byValue: new Map(counts), samples: () => counts.flatMap(told) };
}

function createCounts(buckets: readonly number[]): Counts {
  const inBucket = Array.from({ length: buckets.length + 1 }, () => 0);
  let sum = 0;
  return {
    inBucket,
    sum: () => sum,
    observe(value) {
      if (!Number.isFinite(value)) throw new TypeError("a histogram takes finite numbers only");
      let at = 0;
      while (at < buckets.length && value > (buckets[at] ?? 0)) at += 1;
      inBucket[at] = (inBucket[at] ?? 0) + 1;
      sum += value;
    },
  };
}
