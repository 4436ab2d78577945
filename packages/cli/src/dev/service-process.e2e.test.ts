// A child that does not come up, as its starter tells of it: at once, in its name, and at the end with its own last lines.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { processesAt, temporaryFolder } from "./launcher.suite.ts";
import { startService } from "./service-process.ts";

const WARNING = JSON.stringify({ level: "warn", msg: "this api waits for Redis", reason: "it does not answer" });
const waits = `console.log(${JSON.stringify(WARNING)}); setInterval(() => undefined, 1000);`;
const fails = `console.log(${JSON.stringify(WARNING)}); console.error("no such thing"); process.exit(78);`;

interface Outcome {
  readonly said: readonly string[];
  readonly reason: string;
}

const started = async (script: string, cwd: string, withinMs: number): Promise<Outcome> => {
  const main = join(cwd, "main.mjs");
  await writeFile(main, script);
  const said: string[] = [];
  const spec = { name: "api", main, env: {}, logFile: join(cwd, "api.log"), graceMs: 1000, withinMs };
  const starting = startService({ ...spec, say: (line) => said.push(line) }, new AbortController().signal);
  const reason = await starting.then(
    () => "it answers",
    (error: unknown) => String(error),
  );
  return { said, reason };
};

describe("a child that does not come up", () => {
  it("is given up with its last lines, having said before why it waits, and leaves no process", async () => {
    const cwd = await temporaryFolder();
    const { said, reason } = await started(waits, cwd, 4000);
    expect(said).toEqual(["api: this api waits for Redis: it does not answer"]);
    expect(reason).toBe(`Error: api does not answer after 4 s; its last lines:\n  ${WARNING}`);
    expect(await processesAt(cwd)).toEqual([]);
  });

  it("because it ends is told with its last lines too, the last warning included", async () => {
    const { said, reason } = await started(fails, await temporaryFolder(), 60_000);
    expect(said).toEqual(["api: this api waits for Redis: it does not answer"]);
    expect(reason).toBe(`Error: api ended with exit code 78; its last lines:\n  ${WARNING}\n  no such thing`);
  });
});
