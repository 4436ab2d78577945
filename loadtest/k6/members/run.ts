// What every script begins and ends with: a name of its own for the run, its channels, the moment at which members leave, and
// the summary. `setup` of a script calls beginRun once; members get what it gave.
import http from "k6/http";
import type { CommonKnobs } from "./knobs.ts";
import { TREND_STATS } from "./metrics.ts";

export interface Run {
  readonly name: string;
  /** Without their numbers. */
  readonly channelName: string;
  readonly untilMs: number;
}

export interface Summary {
  readonly metrics: Readonly<Record<string, SummaryMetric>>;
  readonly state: { readonly testRunDurationMs: number };
}

interface SummaryMetric {
  readonly type: string;
  readonly contains: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** Members take so long at most to end what they began. */
export const GRACE_SEC = 15;
const CREATED: ReadonlySet<number> = new Set([200, 201, 409]);

/** With an API key the channels are made; without one they are there, or the cluster makes them when they are joined. */
export async function beginRun({ api, apiKey, channelName, durationSec }: CommonKnobs, channels: number): Promise<Run> {
  const name = Date.now().toString(36);
  const run = { name, channelName: channelName === "" ? `load-${name}` : channelName };
  if (apiKey !== "") {
    for (let n = 0; n < channels; n += 1) await createChannel(api, apiKey, channelOf(run, n));
  }
  return { ...run, untilMs: Date.now() + durationSec * 1_000 };
}

async function createChannel(api: string, apiKey: string, id: string): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const body = JSON.stringify({ id, kind: "public" });
  const { status } = await http.asyncRequest("POST", `${api}/v1/channels`, body, { headers });
  if (!CREATED.has(status)) throw new Error(`${api} did not make the channel ${id}: it answered ${status}`);
}

export function channelOf(run: Pick<Run, "channelName">, n: number): string {
  return `${run.channelName}-${n}`;
}

/** What k6 writes at the end: the text to the terminal, and with RESULTS both forms to files of that name. */
export function summarize(script: string, { results }: CommonKnobs, summary: Summary): Record<string, string> {
  const text = `${textOf(script, summary)}\n`;
  if (results === "") return { stdout: text };
  return { stdout: text, [`${results}.txt`]: text, [`${results}.json`]: `${jsonOf(script, summary)}\n` };
}

function textOf(script: string, { metrics, state }: Summary): string {
  const rows = Object.entries(metrics)
    .filter(([name]) => name.startsWith("chat_"))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, metric]) => `  ${name.padEnd(20)} ${valuesOf(metric)}`);
  const crossed = crossedOf(metrics).map((line) => `  crossed: ${line}`);
  const verdict = crossed.length === 0 ? "every bound held" : `${crossed.length} bounds crossed`;
  return [`${script}, ${Math.round(state.testRunDurationMs / 1_000)} s: ${verdict}`, ...rows, ...crossed].join("\n");
}

function valuesOf({ type, values }: SummaryMetric): string {
  if (type === "counter") return String(values["count"] ?? 0);
  if (type === "rate") return `${((values["rate"] ?? 0) * 100).toFixed(2)} %`;
  return TREND_STATS.map((stat) => `${stat} ${Math.round(values[stat] ?? 0)}`).join(", ");
}

function crossedOf(metrics: Summary["metrics"]): string[] {
  return Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).flatMap(([bound, { ok }]) => (ok ? [] : [`${name} ${bound}`])),
  );
}

function jsonOf(script: string, { metrics, state }: Summary): string {
  const ours = Object.entries(metrics).filter(([name]) => name.startsWith("chat_"));
  const values = Object.fromEntries(ours.map(([name, metric]) => [name, metric.values]));
  const report = { script, durationMs: state.testRunDurationMs, crossed: crossedOf(metrics), metrics: values };
  return JSON.stringify(report, null, 2);
}
