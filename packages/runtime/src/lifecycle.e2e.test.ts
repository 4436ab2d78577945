import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";

const FIXTURE = fileURLToPath(new URL("../dist/lifecycle.fixture.js", import.meta.url));
const MILL = { ROOKERY_MILL_URL: "http://127.0.0.1:1/flour" };
const SETTINGS = { ...MILL, ROOKERY_INTERNAL_PORT: "0", ROOKERY_NODE_NAME: "fixture-1" };

const teardowns: (() => void)[] = [];
afterEach(() => {
  for (const teardown of teardowns.splice(0).toReversed()) teardown();
});
beforeAll(() => {
  if (!existsSync(FIXTURE)) throw new Error("the compiled fixture is missing: run npm run build first");
});

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly output: { stdout: string; stderr: string };
  marks(): readonly string[];
}

function run(env: Record<string, string>): Running {
  const folder = mkdtempSync(join(tmpdir(), "lifecycle-"));
  const marksPath = join(folder, "marks");
  const child = fork(FIXTURE, { env: { PATH: process.env["PATH"], FIXTURE_MARKS: marksPath, ...env }, silent: true });
  teardowns.push(() => {
    rmSync(folder, { recursive: true });
    child.kill("SIGKILL");
  });
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exited = once(child, "close").then(() => child.exitCode);
  const marks = () => (existsSync(marksPath) ? readFileSync(marksPath, "utf8").trim().split("\n") : []);
  return { child, exited, output, marks };
}

async function ready(running: Running): Promise<Record<string, unknown>> {
  const [message]: unknown[] = await once(running.child, "message");
  return fieldsOf(message);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError("not an object");
  return { ...value };
}

function events(running: Running): readonly Record<string, unknown>[] {
  const lines = running.output.stdout.trim().split("\n");
  return lines.filter((line) => line !== "").map((line) => fieldsOf(JSON.parse(line)));
}

describe("a process with wrong settings", () => {
  it("prints all problems at once without a stack trace and exits with 78", async () => {
    const secret = "a-secret-that-is-short";
    const running = run({
      ...MILL,
      ROOKERY_BATCH_LOAVES: "0",
      ROOKERY_MILL_URL: `ftp://user:${secret}@host/flour`,
      ROOKERY_BATCH_LOAFS: "1",
    });
    expect(await running.exited).toBe(78);
    expect(running.output.stdout).toBe("");
    expect(running.output.stderr.trim().split("\n")).toEqual([
      "3 settings are wrong:",
      expect.stringMatching(/ROOKERY_BATCH_LOAFS: .*did you mean ROOKERY_BATCH_LOAVES\?/),
      expect.stringMatching(/ROOKERY_MILL_URL \(millUrl\): got "ftp:\/\/\*\*\*@host\/flour"/),
      expect.stringMatching(
        /ROOKERY_BATCH_LOAVES \(batchLoaves\): got 0 from environment; .* 1 to 10000, for example 1000/,
      ),
    ]);
    expect(running.output.stderr).not.toContain(secret);
  });
});

describe("a process", () => {
  it("tells its launcher the ports it got and the id of this run, and serves", async () => {
    const running = run(SETTINGS);
    const message = await ready(running);
    expect(message).toEqual({
      ready: true,
      internalPort: expect.any(Number),
      node: expect.stringMatching(/^fixture-1\.[0-9a-z]{4}$/),
    });
    const response = await fetch(`http://127.0.0.1:${String(message["internalPort"])}/metrics`);
    expect(await response.text()).toContain("rookery_process_build_info");
    expect(events(running)).toContainEqual(expect.objectContaining({ msg: "listening", node: message["node"] }));
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "gives everything back in reverse order on %s and exits with 0",
    async (signal) => {
      const running = run(SETTINGS);
      await ready(running);
      running.child.kill(signal);
      expect(await running.exited).toBe(0);
      expect(running.marks()).toEqual(["third", "second", "internal server"]);
      expect(events(running).map(({ msg }) => msg)).toEqual(expect.arrayContaining(["stopping", "stopped"]));
    },
  );

  it("stops alike when drained through its internal port", async () => {
    const running = run(SETTINGS);
    const { internalPort } = await ready(running);
    await fetch(`http://127.0.0.1:${String(internalPort)}/drain`, { method: "POST" });
    expect(await running.exited).toBe(0);
    expect(running.marks()).toEqual(["third", "second", "internal server"]);
  });

  it("takes signals within a second as one, and ends at once with 1 on a later one", async () => {
    const running = run({ ...SETTINGS, FIXTURE_FAULT: "stuck" });
    await ready(running);
    const firstAtMs = performance.now();
    running.child.kill("SIGINT");
    running.child.kill("SIGTERM");
    await expect.poll(() => running.marks()).toEqual(["third"]);
    expect(running.child.exitCode).toBeNull();
    await expect.poll(() => performance.now() - firstAtMs, { timeout: 3000 }).toBeGreaterThan(1200);
    running.child.kill("SIGTERM");
    expect(await running.exited).toBe(1);
    expect(running.marks()).toEqual(["third"]);
    expect(events(running).filter(({ msg }) => msg === "stopping")).toHaveLength(1);
  });

  it.each([["overrun"], ["reject"]])(
    "goes on past a stop step that does %s, names it and exits with 1",
    async (fault) => {
      const running = run({ ...SETTINGS, FIXTURE_FAULT: fault });
      await ready(running);
      running.child.kill("SIGTERM");
      expect(await running.exited).toBe(1);
      expect(running.marks()).toEqual(["third", "second", "internal server"]);
      expect(events(running)).toContainEqual(expect.objectContaining({ level: "error", step: fault }));
    },
  );

  it("gives everything back and exits with 1 when it has to give up", async () => {
    const running = run({ ...SETTINGS, FIXTURE_FAULT: "unfit" });
    expect(await running.exited).toBe(1);
    expect(running.marks()).toEqual(["third", "second", "internal server"]);
  });

  it("refuses wrong surroundings in one line, gives everything back and exits with 78", async () => {
    const running = run({ ...SETTINGS, FIXTURE_FAULT: "foreign" });
    expect(await running.exited).toBe(78);
    expect(running.marks()).toEqual(["third", "second", "internal server"]);
    const fatal = events(running).filter(({ level }) => level === "fatal");
    expect(fatal.map(({ msg }) => msg)).toEqual(["this Redis belongs to another cluster"]);
  });

  it("that cannot start says why in one line and exits with 1", async () => {
    const running = run({ ...SETTINGS, FIXTURE_FAULT: "start" });
    expect(await running.exited).toBe(1);
    const fatal = events(running).filter(({ level }) => level === "fatal");
    expect(fatal).toEqual([
      expect.objectContaining({ msg: "could not start", err: expect.objectContaining({ message: "no server there" }) }),
    ]);
    expect(running.output.stderr).toBe("");
  });

  it("ends with a fatal line when a rejection is handled by nobody", async () => {
    const running = run({ ...SETTINGS, FIXTURE_FAULT: "rejection" });
    expect(await running.exited).toBe(1);
    expect(events(running)).toContainEqual(expect.objectContaining({ level: "fatal", origin: "unhandledRejection" }));
  });
});

describe("a process whose launcher was killed", () => {
  it("stops by itself, though nobody reads its output any more", async () => {
    const folder = mkdtempSync(join(tmpdir(), "orphan-"));
    const marksPath = join(folder, "marks");
    const launcher = [
      'import { fork } from "node:child_process";',
      "const env = { ...process.env, ROOKERY_PARENT_PID: String(process.pid) };",
      `const child = fork(${JSON.stringify(FIXTURE)}, { env, silent: true, detached: true, execArgv: [] });`,
      'child.on("message", () => console.log(child.pid));',
    ].join("\n");
    const env = { PATH: process.env["PATH"], FIXTURE_MARKS: marksPath, ...SETTINGS };
    const parent = spawn(process.execPath, ["--input-type=module", "-e", launcher], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let orphanPid = 0;
    teardowns.push(() => {
      parent.kill("SIGKILL");
      if (orphanPid !== 0 && isAlive(orphanPid)) process.kill(orphanPid, "SIGKILL");
      rmSync(folder, { recursive: true });
    });
    const [line]: unknown[] = await once(parent.stdout, "data");
    orphanPid = Number(String(line));
    expect(isAlive(orphanPid)).toBe(true);
    parent.kill("SIGKILL");
    await expect.poll(() => isAlive(orphanPid), { timeout: 5000 }).toBe(false);
    expect(readFileSync(marksPath, "utf8").trim().split("\n")).toEqual(["third", "second", "internal server"]);
  });
});

/** A zombie has ended, though its entry stays until an init that may be slow, or missing in a container, collects it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT" && process.platform !== "linux";
  }
}
