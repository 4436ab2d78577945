// The page "From one machine to many", done as it says: every block of it that a shell runs, in order. Nothing is
// changed but ports, the home folder and the address of Postgres, so that what is on this machine already stays alone.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { balancerProgram } from "./balancer.ts";

const PAGE = "docs/from-one-machine-to-many.md";
/** Every port of the page, but where it speaks of what stands in the shipped file. Below those that systems give out by themselves; each file of tests has a process of its own. */
const PORTS = ["6390", "7801", "7802", "7810", "9801", "9802", "9810", "9821", "8443"];
const FIRST_PORT = 17_000 + (process.pid % 90) * 10;
const ITS_POSTGRES = "postgres://rookery:secret@127.0.0.1:5432/rookery";
const ENDS_WITHIN_MS = 150_000;

const postgres = await testPostgres({ migrated: false });

describe.skipIf(balancerProgram("haproxy") === undefined)("the page from one machine to many", () => {
  let home: string;
  let told: string;
  let code: number | null;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "rookery-many-"));
    const shell = spawn("bash", ["-c", commands()], {
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what it leaves can be ended.
      detached: true,
      env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin`, HOME: home, LANG: "C.UTF-8" },
      timeout: ENDS_WITHIN_MS,
    });
    ({ told, code } = await outcomeOf(shell));
    endWhatIsLeft(shell, join(home, "chat/redis.pid"));
  }, ENDS_WITHIN_MS + 30_000);
  afterAll(async () => {
    await rm(home, { recursive: true, force: true });
  });

  it("can be followed to its end, and each edge ends in order", () => {
    expect(code, told).toBe(0);
    expect(told.match(/edge-\d has ended with 0/g)).toEqual(["edge-1 has ended with 0", "edge-2 has ended with 0"]);
  });

  it("shows who follows the channel every message once, over a restart of every edge", () => {
    const tail = readFileSync(join(home, "chat/tail.log"), "utf8");
    const bodies = [...tail.matchAll(/": (.*)$/gm)].map(([, body]) => body);
    expect(bodies).toEqual(["hello through the balancer", "before", "between", "after"]);
  });
});

function commands(): string {
  let text = [...readFileSync(PAGE, "utf8").matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block).join("\n");
  const changes = [
    [ITS_POSTGRES, postgres.url] as const,
    ...PORTS.map((port, n) => [new RegExp(`(?<!bind :)${port}`, "g"), String(FIRST_PORT + n)] as const),
  ];
  for (const [from, to] of changes) {
    const changed = text.replaceAll(from, to);
    if (changed === text) throw new Error(`${PAGE} does not say ${String(from)}`);
    text = changed;
  }
  return `set -euo pipefail\n${text}`;
}

interface Outcome {
  readonly told: string;
  readonly code: number | null;
}

async function outcomeOf(shell: ChildProcess): Promise<Outcome> {
  let told = "";
  for (const stream of [shell.stdout, shell.stderr]) stream?.on("data", (bytes: Buffer) => (told += String(bytes)));
  const code = await new Promise<number | null>((resolve) => shell.once("exit", resolve));
  return { told, code };
}

/** What a page that was not followed to its end leaves: the group of its shell, and the Redis that left it. */
function endWhatIsLeft(shell: ChildProcess, redisPidFile: string): void {
  const redis = existsSync(redisPidFile) ? [Number(readFileSync(redisPidFile, "utf8"))] : [];
  for (const pid of [-(shell.pid ?? 0), ...redis]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}
