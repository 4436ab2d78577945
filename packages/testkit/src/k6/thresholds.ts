// Owns the bounds of a load script: reads `p(99)<500`, judges it by what was gathered. Called at the end of a run. Pure.
// Must never pass what it cannot read, nor a bound on a metric that does not exist: k6 refuses to begin with either.
import type { Registry, Sink } from "./metrics.ts";

export interface Bound {
  readonly metric: string;
  /** As it was written. */
  readonly text: string;
  readonly sink: Sink;
  readonly stat: string;
  readonly holds: (value: number) => boolean;
}

export interface Verdict {
  readonly metric: string;
  readonly text: string;
  readonly isOk: boolean;
}

type Operator = (a: number, b: number) => boolean;

const OPERATORS: Readonly<Record<string, Operator>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
  "===": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};
const BOUND = /^\s*(count|rate|avg|min|max|med|p\(\d+(?:\.\d+)?\))\s*(<=|<|>=|>|===|==|!=)\s*(-?\d+(?:\.\d+)?)\s*$/;

const boundOf = (registry: Registry, metric: string, text: string): Bound => {
  const [, stat = "", operator = "", number = ""] = BOUND.exec(text) ?? [];
  const compare = OPERATORS[operator];
  if (compare === undefined) throw new Error(`"${text}" is no threshold`);
  const sink = registry.find(metric);
  if (sink === undefined) throw new Error(`there is a threshold on ${metric}, and no such metric`);
  // A stat that this kind of metric does not have ends the run before it begins.
  sink.value(stat);
  return { metric, text, sink, stat, holds: (value) => compare(value, Number(number)) };
};

/** Throws at what k6 would not begin with. */
export const readBounds = (registry: Registry, thresholds: Readonly<Record<string, readonly string[]>>): Bound[] =>
  Object.entries(thresholds).flatMap(([metric, texts]) => texts.map((text) => boundOf(registry, metric, text)));

export const judge = (bounds: readonly Bound[]): Verdict[] =>
  bounds.map(({ metric, text, sink, stat, holds }) => ({ metric, text, isOk: holds(sink.value(stat)) }));
