// Finds what is wrong with a page of metrics in the text format 0.0.4, by the rules of `promtool check metrics`, so that a machine
// without it holds a process to the same. Called with what a process serves. Pure; it must never mend a line.

/** One line for each fault; none for a page that is in order. */
export function faultsOf(page: string): string[] {
  const families = new Map<string, Family>();
  const faults: string[] = [];
  const samples = new Set<string>();
  for (const line of page.split("\n").filter((each) => each !== "")) {
    const [, what, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (what === undefined) faults.push(...sampleFaults(line, families, samples));
    else if (what === "HELP") declare(families, name, "help", rest, faults);
    else declare(families, name, "type", rest, faults);
  }
  for (const [name, family] of families) faults.push(...familyFaults(name, family).map((fault) => `${name}: ${fault}`));
  return faults;
}

interface Family {
  help?: string;
  type?: string;
  samples: number;
}

const TYPES = new Set(["counter", "gauge", "histogram", "summary"]);
const PARTS: Readonly<Record<string, RegExp>> = { histogram: /_(bucket|sum|count)$/, summary: /_(sum|count)$/ };
const NAME = /^[a-z_][a-z0-9_]*$/;
const SAMPLE = /^([^{\s]+)(\{(.*)\})? (\S+)$/;
const LABEL = /([^=,{]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;
const NUMBER = /^([+-]?(\d+(\.\d+)?(e[+-]?\d+)?|Inf)|NaN)$/i;
/** Words for a unit that Prometheus wants written out, and in its base. */
const UNITS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["ms", "us", "ns", "sec", "s", "m", "h", "d", "minutes", "hours", "days"].map((each) => [each, "seconds"]),
  ),
  ...Object.fromEntries(["milliseconds", "microseconds", "nanoseconds"].map((each) => [each, "seconds"])),
  ...Object.fromEntries(
    ["b", "kb", "mb", "gb", "tb", "kilobytes", "megabytes", "gigabytes", "bits"].map((each) => [each, "bytes"]),
  ),
  ...{ percent: "ratio", percentage: "ratio" },
};

function declare(
  families: Map<string, Family>,
  name: string,
  what: "help" | "type",
  text: string,
  faults: string[],
): void {
  const family = families.get(name) ?? { samples: 0 };
  if (family[what] !== undefined) faults.push(`${name}: a second ${what}`);
  if (family.samples > 0) faults.push(`${name}: its ${what} stands behind its samples`);
  family[what] = text;
  families.set(name, family);
}

function sampleFaults(line: string, families: ReadonlyMap<string, Family>, seen: Set<string>): string[] {
  const [, name = "", , inner = "", value = ""] = SAMPLE.exec(line) ?? [];
  if (name === "" || !NUMBER.test(value)) return [`no sample: ${line}`];
  const family = familyOf(name, families);
  if (family === undefined) return [`${name}: no type was told`];
  family.samples += 1;
  const labels = [...inner.matchAll(LABEL)];
  const faults: string[] = [];
  if (labels.map(([all]) => all).join("") !== inner) faults.push(`${name}: labels that cannot be read`);
  const names = labels.map(([, label = ""]) => label);
  if (names.some((label) => !NAME.test(label))) faults.push(`${name}: a label that is not written in lower case`);
  if (new Set(names).size < names.length) faults.push(`${name}: a label twice`);
  if (names.includes("le") && family.type !== "histogram") faults.push(`${name}: le belongs to histograms`);
  if (names.includes("quantile") && family.type !== "summary") faults.push(`${name}: quantile belongs to summaries`);
  const key = `${name} ${labels
    .map(([, label, text]) => `${label}=${text}`)
    .toSorted()
    .join(" ")}`;
  if (seen.has(key)) faults.push(`${name}: the same sample twice`);
  seen.add(key);
  return faults;
}

function familyOf(sample: string, families: ReadonlyMap<string, Family>): Family | undefined {
  const own = families.get(sample);
  if (own?.type !== undefined && PARTS[own.type] === undefined) return own;
  const whole = families.get(sample.replace(/_(bucket|sum|count)$/, ""));
  return PARTS[whole?.type ?? ""]?.test(sample) ? whole : undefined;
}

function familyFaults(name: string, { help = "", type = "" }: Family): string[] {
  const segments = name.split("_");
  const rules: readonly (readonly [boolean, string])[] = [
    [help === "", "no help"],
    [!TYPES.has(type), `no such type: ${type}`],
    [!NAME.test(name), "a name is in lower case, with underscores alone"],
    [type === "counter" && !name.endsWith("_total"), "a counter ends with _total"],
    [type !== "counter" && name.endsWith("_total"), "only counters end with _total"],
    [PARTS[type] === undefined && /_(bucket|sum|count)$/.test(name), "this ending belongs to histograms and summaries"],
    [segments.some((each) => TYPES.has(each)), "the type does not belong into the name"],
    ...segments
      .filter((each) => UNITS[each] !== undefined)
      .map((each) => [true, `use ${UNITS[each]} instead of ${each}`] as const),
  ];
  return rules.filter(([isBroken]) => isBroken).map(([, fault]) => fault);
}
