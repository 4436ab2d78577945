// The naming rule of metrics, checked when one is registered: `rookery_<part>_<what>_<unit>`, base units, closed labels.
// Called by metrics.ts alone. Pure: it throws at the start of a process, never while it serves.

export type MetricKind = "counter" | "gauge" | "histogram";

const SHAPE = /^rookery_[a-z][a-z0-9]*(_[a-z][a-z0-9]*)+$/;
/** Units that Prometheus asks to be written in their base: milliseconds in seconds, megabytes in bytes. */
const UNBASED_UNITS = ["ms", "millis", "milliseconds", "us", "micros", "microseconds", "ns", "nanoseconds", "minutes"];
const UNBASED_SIZES = ["kb", "mb", "gb", "kib", "mib", "gib", "kilobytes", "megabytes", "percent"];
const UNBASED = new Set([...UNBASED_UNITS, ...UNBASED_SIZES]);
/** Endings that the exposition format itself adds to a metric's name. */
const TAKEN_ENDINGS = /_(total|count|sum|bucket|created)$/;
/** How a gauge or histogram may end: a base unit, a state (0 or 1, or a small closed set), or the plural of what is counted. */
const UNIT_ENDING = /_(seconds|bytes|ratio|info|state|[a-z0-9]*[a-z]s)$/;
/** Labels whose values would grow with use; such a metric fills the memory of whoever stores it. */
const OPEN_LABELS = new Set([
  "user",
  "channel",
  "session",
  "connection",
  "address",
  "ip",
  "token",
  "ref",
  "id",
  "node",
]);

/** Throws a `TypeError` that says what is wrong with the name, or with a label. */
export function checkMetricName(name: string, kind: MetricKind, labelNames: readonly string[] = []): void {
  const fault = nameFault(name, kind) ?? labelFault(labelNames);
  if (fault !== undefined) throw new TypeError(`metric ${name}: ${fault}`);
}

function nameFault(name: string, kind: MetricKind): string | undefined {
  if (!SHAPE.test(name)) return "a name is rookery_<part>_<what>_<unit> in lower case";
  const unbased = name.split("_").find((segment) => UNBASED.has(segment));
  if (unbased !== undefined) return `"${unbased}" is not a base unit; use seconds, bytes or ratio`;
  if (kind === "counter") {
    return /^rookery(_[a-z0-9]+){2,}_total$/.test(name)
      ? undefined
      : "a counter has a part and a subject and ends with _total";
  }
  if (TAKEN_ENDINGS.test(name)) return `a ${kind} must not end with ${name.slice(name.lastIndexOf("_"))}`;
  return UNIT_ENDING.test(name) ? undefined : "it ends with no unit: seconds, bytes, ratio, info, state, or a plural";
}

function labelFault(labelNames: readonly string[]): string | undefined {
  const open = labelNames.find((label) => OPEN_LABELS.has(label));
  return open === undefined ? undefined : `the values of label "${open}" are not a closed set`;
}
