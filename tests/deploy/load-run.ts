// Runs a load script by k6 where that is on PATH, else by the testkit's stand-in, which is said once; either way with nothing
// of this process' environment but what the test gives, and with the summary that the script wrote.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { runLoadScript } from "@rookery/testkit";
import type { LoadResult } from "@rookery/testkit";

export interface Loaded {
  /** 0, or 99 when a bound was crossed. */
  readonly exitCode: number;
  /** What broke inside a script, which fails no run of k6. */
  readonly errors: readonly string[];
  /** Bounds that were crossed, as `chat_lost count==0`. */
  readonly crossed: readonly string[];
  /** Of a counter its count. */
  readonly counted: (metric: string) => number;
}

interface Report {
  readonly crossed: readonly string[];
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const FOLDER = fileURLToPath(new URL("../../loadtest/k6", import.meta.url));
/** What k6 says of a crossed bound is told by the exit code. */
const ERROR = /level=error(?!.*thresholds on metrics)|Uncaught/;

const hasK6 = spawnSync("k6", ["version"], { stdio: "ignore" }).status === 0;
if (!hasK6) process.stderr.write("k6 is not on PATH: its scripts run on the testkit's stand-in of it.\n");

/** `knobs` are what the script's header names. */
export async function runLoad(script: string, knobs: Record<string, string>): Promise<Loaded> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-load-"));
  try {
    const env = { ...knobs, RESULTS: join(folder, "summary") };
    const file = join(FOLDER, `${script}.ts`);
    const result = hasK6 ? await runByK6(file, env) : await runLoadScript({ file, env });
    const lines = result.stderr.split("\n").filter((line) => (hasK6 ? ERROR.test(line) : line !== ""));
    if (result.stdout === "") throw new Error(`${script} ended with ${result.exitCode}\n${result.stderr}`);
    const { crossed, metrics }: Report = JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));
    const counted = (metric: string): number => metrics[metric]?.["count"] ?? 0;
    return { exitCode: result.exitCode, errors: lines, crossed, counted };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runByK6(file: string, env: Record<string, string>): Promise<LoadResult> {
  const { PATH = "", HOME = tmpdir() } = process.env;
  const args = ["run", "--quiet", "--no-usage-report", "--address", "127.0.0.1:0", file];
  const child = spawn("k6", args, { env: { PATH, HOME, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { exitCode: child.exitCode ?? -1, stdout, stderr };
}
