// The metrics of a process: a registry of its own, Node's process metrics, build info, and ways to register that keep hot
// paths at the cost of adding to a number. Made once per process; the internal server renders it.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { checkMetricName } from "./metric-name.ts";
import { createPlainHistogram } from "./plain-histogram.ts";
import type { HistogramShape, PlainHistogram } from "./plain-histogram.ts";

/** A count that its owner adds to with `+= 1`; it is read when metrics are collected and must never go down. */
export interface PlainCount {
  n: number;
}

/** Names are checked at registration and throw a `TypeError`; registering one name twice throws too. */
export interface Metrics {
  /** Text exposition format 0.0.4 and its content type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** A counter kept by prom-client (about half a microsecond a call): not for what happens per frame. */
  counter<L extends string = never>(name: string, help: string, labelNames?: readonly L[]): Counter<L>;
  /** A counter for hot paths. */
  plainCounter(name: string, help: string): PlainCount;
  /** Counters for hot paths, one for each value of one closed label; all values show from the start, at 0. */
  plainCounters<const V extends string>(
    name: string,
    help: string,
    label: string,
    values: readonly V[],
  ): Readonly<Record<V, PlainCount>>;
  /** A value that is asked for when metrics are collected; NaN is left out. */
  gauge(name: string, help: string, read: () => number): void;
  /** The same for each value of one closed label. */
  gauges<const V extends string>(
    name: string,
    help: string,
    label: string,
    values: readonly V[],
    read: (value: V) => number,
  ): void;
  /** For hot paths too. `buckets` are upper bounds in the name's unit, ascending. */
  histogram(name: string, help: string, buckets: readonly number[]): PlainHistogram;
  /** One histogram for each value of one closed label. */
  histograms<const V extends string>(
    name: string,
    help: string,
    label: string,
    values: readonly V[],
    buckets: readonly number[],
  ): Readonly<Record<V, PlainHistogram>>;
}

export interface MetricsOptions {
  readonly service: string;
  /** Asked whenever metrics are collected. */
  node(this: void): string;
  readonly version: string;
}

/** Labelled by the types of Node's internals, or gauges that end with `_total`: neither is a closed, well-named set. */
const UNFIT_DEFAULTS = ["handles", "requests", "resources"].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

/** Each look at the lag wakes the process: a hundred a second cost more than all else that an idle edge does. */
const LAG_EVERY_MS = 100;

/** A registry with process metrics, event-loop lag and `rookery_process_build_info`. */
export function createMetrics({ service, node, version }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS });
  for (const name of UNFIT_DEFAULTS) registry.removeSingleMetric(name);
  const build = new Gauge({
    name: "rookery_process_build_info",
    help: "Which build runs here, always 1.",
    labelNames: ["service", "node", "version", "nodejs"],
    registers,
  });
  const tellBuild = (): void => {
    build.reset();
    build.set({ service, node: node(), version, nodejs: process.versions.node }, 1);
  };

  return {
    async render() {
      tellBuild();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []) {
      checkMetricName(name, "counter", labelNames);
      return new Counter({ name, help, labelNames, registers });
    },
    plainCounter(name, help) {
      checkMetricName(name, "counter");
      const count: PlainCount = { n: 0 };
      registry.registerMetric(new Counter({ name, help, registers: [], collect: copyCount(count) }));
      return count;
    },
    plainCounters(name, help, label, values) {
      checkMetricName(name, "counter", [label]);
      return registerPlainCounters(registry, name, help, label, values);
    },
    gauge(name, help, read) {
      checkMetricName(name, "gauge");
      registry.registerMetric(new Gauge({ name, help, registers: [], collect: copyReading(read) }));
    },
    gauges(name, help, label, values, read) {
      checkMetricName(name, "gauge", [label]);
      registerGauges(registry, name, help, label, values, read);
    },
    histogram(name, help, buckets) {
      checkMetricName(name, "histogram");
      const values = ["all"] as const;
      return registerHistogram(registry, { name, help, buckets, label: undefined, values }).all;
    },
    histograms(name, help, label, values, buckets) {
      checkMetricName(name, "histogram", [label]);
      return registerHistogram(registry, { name, help, buckets, label, values });
    },
  };
}

function registerPlainCounters<V extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly V[],
): Readonly<Record<V, PlainCount>> {
  const counts = recordOf(values, (): PlainCount => ({ n: 0 }));
  const counter = new Counter({
    name,
    help,
    labelNames: [label],
    registers: [],
    collect() {
      this.reset();
      for (const value of values) this.inc({ [label]: value }, counts[value].n);
    },
  });
  registry.registerMetric(counter);
  return counts;
}

function registerGauges<V extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly V[],
  read: (value: V) => number,
): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [],
    collect() {
      this.reset();
      for (const value of values) {
        const reading = read(value);
        if (!Number.isNaN(reading)) this.set({ [label]: value }, reading);
      }
    },
  });
  registry.registerMetric(gauge);
}

function registerHistogram<const V extends string>(
  registry: Registry,
  shape: HistogramShape<V>,
): Readonly<Record<V, PlainHistogram>> {
  const { name, help, buckets } = shape;
  const { byValue, samples } = createPlainHistogram(shape);
  // The registry asks this of a metric that has it, and nothing else.
  const getForPromString = () => Promise.resolve({ name, help, type: "histogram", values: samples() });
  const empty = new Histogram({ name, help, buckets: [...buckets], registers: [] });
  registry.registerMetric(Object.assign(empty, { getForPromString }));
  return recordOf(shape.values, (value) => byValue.get(value));
}

function copyCount(count: PlainCount) {
  return function collect(this: Counter): void {
    this.reset();
    this.inc(count.n);
  };
}

function copyReading(read: () => number) {
  return function collect(this: Gauge): void {
    const reading = read();
    this.remove();
    if (!Number.isNaN(reading)) this.set(reading);
  };
}

function recordOf<V extends string, T>(
  values: readonly V[],
  make: (value: V) => T | undefined,
): Readonly<Record<V, T>> {
  const record: Partial<Record<V, T>> = {};
  for (const value of values) {
    const made = make(value);
    if (made !== undefined) record[value] = made;
  }
  if (!isComplete(record, values)) throw new TypeError("a label value got no metric");
  return record;
}

function isComplete<V extends string, T>(record: Partial<Record<V, T>>, values: readonly V[]): record is Record<V, T> {
  return values.every((value) => Object.hasOwn(record, value));
}
