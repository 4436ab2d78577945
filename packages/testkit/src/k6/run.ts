// Runs a load script as `k6 run` would: loads it for each virtual user, setup, scenarios side by side, thresholds, summary.
// Called by tests where k6 itself is not on this machine. Must never let a run pass that k6 would fail, nor leave a socket.
import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { createRegistry } from "./metrics.ts";
import type { Registry, Sink } from "./metrics.ts";
import { readScript } from "./script.ts";
import type { LoadedScript, LoadOptions, Scenario, ScriptSource } from "./script.ts";
import { judge, readBounds } from "./thresholds.ts";
import type { Verdict } from "./thresholds.ts";

export interface LoadRun {
  file: string;
  /** What the script reads from `__ENV`. */
  env: Record<string, string>;
}

export interface LoadResult {
  /** As k6 ends: 0; 99 when a threshold was crossed; 107 when the script did not load or its setup failed. */
  exitCode: number;
  /** What the script's summary says. */
  stdout: string;
  /** What went wrong in an iteration, which by itself fails no run. */
  stderr: string;
}

const CROSSED = 99;
const SCRIPT_FAILED = 107;
const SETUP_MS = 60_000;
/** Where a scenario names none. */
const GRACEFUL_STOP_MS = 30_000;
const DEFAULT_TREND_STATS = ["avg", "min", "med", "max", "p(90)", "p(95)"];

export const runLoadScript = async ({ file, env }: LoadRun): Promise<LoadResult> => {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const registry = createRegistry();
  try {
    const source = await readScript({ file, env, registry, log });
    const { options } = source.load(0);
    const bounds = readBounds(registry, options.thresholds ?? {});
    const startedMs = Date.now();
    await runScenarios(source, options, log);
    const verdicts = judge(bounds);
    const stdout = await summarize(source, summaryOf(registry, options, verdicts, Date.now() - startedMs));
    const exitCode = verdicts.every(({ isOk }) => isOk) ? 0 : CROSSED;
    return { exitCode, stdout, stderr: lines.join("\n") };
  } catch (error) {
    return { exitCode: SCRIPT_FAILED, stdout: "", stderr: [...lines, textOf(error)].join("\n") };
  }
};

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

const runScenarios = async (source: ScriptSource, options: LoadOptions, log: (line: string) => void): Promise<void> => {
  const scenarios = Object.values(options.scenarios ?? {}).map(readScenario);
  if (scenarios.length === 0) throw new Error("the script has no scenario");
  let vus = 0;
  const users = scenarios.flatMap((scenario) =>
    Array.from({ length: scenario.vus }, () => ({ scenario, script: source.load((vus += 1)) })),
  );
  const missing = users.find(({ scenario, script }) => script.exported(scenario.exec) === undefined);
  if (missing !== undefined)
    throw new Error(`a scenario runs ${missing.scenario.exec}, which the script does not export`);
  const data = await setup(source);
  await Promise.all(users.map(({ scenario, script }) => runUser(scenario, script, data, log)));
};

interface Plan {
  readonly exec: string;
  readonly vus: number;
  /** Infinity where only time ends them. */
  readonly iterations: number;
  readonly forMs: number;
  /** What an iteration may take beyond that. */
  readonly graceMs: number;
}

const readScenario = (scenario: Scenario): Plan => {
  const { executor, exec, vus, iterations = 1, duration, maxDuration, gracefulStop } = scenario;
  const graceMs = gracefulStop === undefined ? GRACEFUL_STOP_MS : msOf(gracefulStop);
  if (executor === "constant-vus") return { exec, vus, iterations: Infinity, forMs: msOf(duration), graceMs };
  if (executor === "per-vu-iterations") return { exec, vus, iterations, forMs: msOf(maxDuration), graceMs };
  throw new Error(`no executor ${executor} here`);
};

const setup = async (source: ScriptSource): Promise<unknown> => {
  const script = source.load(0);
  const given = script.exported("setup");
  try {
    return given === undefined ? undefined : await iterate(script, () => given(undefined), Date.now() + SETUP_MS);
  } finally {
    script.loop.end();
  }
};

/** What is still running at that moment is cut off, as k6 interrupts it. */
const iterate = async (script: LoadedScript, act: () => unknown, untilMs: number): Promise<unknown> => {
  const inTime = new AbortController();
  const late = async (): Promise<never> => {
    await delay(Math.max(0, untilMs - Date.now()), undefined, { signal: inTime.signal });
    throw new Error("an iteration was interrupted: it took longer than its scenario allows");
  };
  const whole = async (): Promise<unknown> => {
    const result = await act();
    await script.loop.idle();
    return result;
  };
  try {
    // A callback that throws ends the loop before the function's own promise is settled.
    return await Promise.race([whole(), script.loop.failed, late()]);
  } finally {
    inTime.abort();
  }
};

const runUser = async (plan: Plan, script: LoadedScript, data: unknown, log: (line: string) => void): Promise<void> => {
  const { exec, iterations, forMs, graceMs } = plan;
  const endMs = Date.now() + forMs;
  const act = script.exported(exec);
  try {
    for (let n = 0; n < iterations && Date.now() < endMs; n += 1) {
      await iterate(script, () => act?.(structuredClone(data)), endMs + graceMs);
    }
  } catch (error) {
    // Without this user the rest goes on, as without an iteration in k6.
    log(textOf(error));
  } finally {
    script.loop.end();
  }
};

const msOf = (duration: string | undefined): number => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(duration ?? "") ?? [];
  const factor = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit ?? ""];
  if (factor === undefined) throw new Error(`"${String(duration)}" is no duration here`);
  return Number(number) * factor;
};

const summaryOf = (registry: Registry, options: LoadOptions, verdicts: readonly Verdict[], durationMs: number) => {
  const trendStats = options.summaryTrendStats ?? DEFAULT_TREND_STATS;
  const statsOf = ({ kind }: Sink): readonly string[] =>
    ({ counter: ["count"], rate: ["rate"], trend: trendStats })[kind];
  // Nothing is said of what nobody added to, unless there is a bound on it.
  const told = [...registry.all()].filter(
    ([name, sink]) => !sink.isEmpty() || verdicts.some(({ metric }) => metric === name),
  );
  const metrics = told.map(([name, sink]) => {
    const values = Object.fromEntries(statsOf(sink).map((stat) => [stat, sink.value(stat)]));
    const judged = verdicts.filter(({ metric }) => metric === name).map(({ text, isOk }) => [text, { ok: isOk }]);
    const contains = sink.isTime ? "time" : "default";
    return [name, { type: sink.kind, contains, values, thresholds: Object.fromEntries(judged) }] as const;
  });
  return { metrics: Object.fromEntries(metrics), state: { testRunDurationMs: durationMs } };
};

/** Files are written where the script names them; what it says for the terminal is returned. */
const summarize = async (source: ScriptSource, summary: object): Promise<string> => {
  const written: unknown = await source.load(0).exported("handleSummary")?.(summary);
  const outputs = Object.entries(written ?? {}).map(([path, text]) => [path, String(text)] as const);
  await Promise.all(outputs.filter(([path]) => path !== "stdout").map(([path, text]) => writeFile(path, text)));
  return outputs.find(([path]) => path === "stdout")?.[1] ?? "";
};
