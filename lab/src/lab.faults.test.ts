// The lab as it is run by hand, in its shortest form: what it prints and how it ends, of faults that the cluster withstands
// and of a cluster in which a mechanism is missing.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

const LAB = fileURLToPath(new URL("../dist/main.js", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  /** Where its histories are; removed with the test. */
  readonly folder: string;
}

function lab(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [LAB, ...args], (error, stdout, stderr) => {
      const folder = /histories in (\S+)/.exec(stdout)?.[1] ?? "";
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      resolve({ code: Number(error?.code ?? 0), out: `${stdout}${stderr}`, folder });
    });
  });
}

it("faults that are withstood are a table of runs that held, with histories, logs and a record of the run, and exit code 0", async () => {
  const { code, out, folder } = await lab("--fault", "subscriber-cut", "--fault", "reply-lost", "--seed", "7");
  expect(out).toMatch(/^fault +injected +sent +acknowledged +unknown .* verdict$/m);
  expect(out).toMatch(/^subscriber-cut .* 0 +0 +0 +0 +\d+ +held$/m);
  expect(out).toMatch(/^reply-lost .* 0 +0 +0 +0 +\d+ +held$/m);
  expect(code, out).toBe(0);
  for (const name of ["subscriber-cut", "reply-lost"]) {
    const files = readdirSync(`${folder}/${name}`);
    expect(files).toHaveLength(13);
    expect(files).toContain("postgres-rows.jsonl");
  }
  const logs = ["api", "edge-1", "edge-2", "persister-1", "persister-2", "postgres", "redis"];
  expect(readdirSync(`${folder}/logs-1`).toSorted()).toEqual(logs.map((name) => `${name}.log`));
  expect(readFileSync(`${folder}/logs-1/postgres.log`, "utf8")).toContain("ready to accept connections");
  expect(readFileSync(`${folder}/logs-1/redis.log`, "utf8")).toContain("Ready to accept connections");
  expect(JSON.parse(readFileSync(`${folder}/run.json`, "utf8"))).toMatchObject({
    seed: 7,
    repeat: "npm run lab -- --fault subscriber-cut --fault reply-lost --seed 7",
    table: [
      { seed: 7, name: "subscriber-cut", verdict: "held" },
      { seed: 8, name: "reply-lost", verdict: "held" },
    ],
  });
});

it("a cluster that takes one send twice is found out by a lost reply", async () => {
  const { code, out } = await lab("--break", "no-once-key", "--seed", "7");
  expect(out).toMatch(/^no-once-key .* caught +.*one send became two messages/m);
  expect(code, out).toBe(0);
});
