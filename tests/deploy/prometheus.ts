// Owns a real Prometheus that scrapes a cluster of this machine, by the configuration, rules and alerts that are shipped:
// only targets and intervals are its own. Called by the test of dashboards and alerts. States: starting, ready, stopped.
// Must never change a rule or a query: they are what is tried.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@rookery/testkit";
import Type from "typebox";
import Value from "typebox/value";
import { stringify } from "yaml";
import { PROMETHEUS, scrapes } from "./watch-files.ts";

/** Fifteen times as often as shipped, so that two minutes hold what half an hour holds elsewhere. */
const EVERY = "1s";
const READY_WITHIN_MS = 60_000;

const ANSWER = Type.Object({
  status: Type.Literal("success"),
  data: Type.Object({
    result: Type.Array(
      Type.Object({
        metric: Type.Record(Type.String(), Type.String()),
        values: Type.Array(Type.Tuple([Type.Number(), Type.String()])),
      }),
    ),
  }),
});

const RULES = Type.Object({
  data: Type.Object({
    groups: Type.Array(
      Type.Object({
        rules: Type.Array(
          Type.Object({ name: Type.String(), health: Type.String(), lastError: Type.Optional(Type.String()) }),
        ),
      }),
    ),
  }),
});

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** What is a number; Prometheus tells of `NaN` where there was nothing to divide by. */
  readonly values: readonly number[];
}

export interface Prometheus {
  /** All that a query has told since the start, a look a second; rejects with what is wrong with it. */
  everSince(query: string): Promise<Series[]>;
  /** The same, without what is empty or no number all the time. */
  shown(query: string): Promise<Series[]>;
  /** Rules that could not be computed at their last turn, and why. */
  ruleFaults(): Promise<string[]>;
  stop(): Promise<void>;
}

/** `targets`: host and port of the internal server, for each job of the shipped configuration. */
export async function startPrometheus(
  program: string,
  targets: Readonly<Record<string, readonly string[]>>,
): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), "rookery-prometheus-"));
  const config = await writeConfiguration(folder, targets);
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    program,
    [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=${address}`],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = once(child, "close");
  const said: string[] = [];
  child.stderr.on("data", (bytes: Buffer) => said.push(bytes.toString()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  await eventually(async () => (await fetch(`http://${address}/-/ready`)).ok, {
    ...{ withinMs: READY_WITHIN_MS, everyMs: 200, what: "a Prometheus that is ready" },
  }).catch(async (error: unknown) => {
    await stop();
    throw new Error(said.join("").slice(-2_000), { cause: error });
  });

  const fromSec = Date.now() / 1_000;
  const everSince = (query: string): Promise<Series[]> => askRange(address, query, fromSec);
  return {
    everSince,
    shown: async (query) => (await everSince(query)).filter(({ values }) => values.length > 0),
    ruleFaults: () => askRules(address),
    stop,
  };
}

async function askRules(address: string): Promise<string[]> {
  const content: unknown = await (await fetch(`http://${address}/api/v1/rules`)).json();
  if (!Value.Check(RULES, content)) throw new Error(JSON.stringify(content).slice(0, 500));
  const rules = content.data.groups.flatMap((group) => group.rules);
  if (rules.length === 0) throw new Error("it has no rules");
  return rules.flatMap(({ name, health, lastError = "" }) =>
    health === "ok" ? [] : `${name}: ${health} ${lastError}`,
  );
}

async function askRange(address: string, query: string, fromSec: number): Promise<Series[]> {
  const range = { query, start: String(fromSec), end: String(Date.now() / 1_000), step: "1" };
  const answer = await fetch(`http://${address}/api/v1/query_range?${new URLSearchParams(range).toString()}`);
  const content: unknown = await answer.json();
  if (!Value.Check(ANSWER, content)) throw new Error(`${query}: ${JSON.stringify(content).slice(0, 500)}`);
  return content.data.result.map(({ metric, values }) => ({
    labels: metric,
    values: values.map(([, value]) => Number(value.replace("Inf", "Infinity"))).filter((value) => !Number.isNaN(value)),
  }));
}

async function writeConfiguration(
  folder: string,
  targets: Readonly<Record<string, readonly string[]>>,
): Promise<string> {
  const shipped = scrapes();
  for (const file of shipped.rule_files) await copyFile(join(PROMETHEUS, file), join(folder, file));
  const config = join(folder, "prometheus.yml");
  const jobs = shipped.scrape_configs.map((job) => ({
    ...job,
    static_configs: [{ targets: targets[job.job_name] ?? [] }],
  }));
  const global = { scrape_interval: EVERY, scrape_timeout: EVERY, evaluation_interval: EVERY };
  await writeFile(config, stringify({ ...shipped, global, scrape_configs: jobs }));
  return config;
}

/** Of a moment ago: Prometheus tells nobody which one it took. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (typeof address !== "object" || address === null) throw new TypeError("no port");
  return address.port;
}
