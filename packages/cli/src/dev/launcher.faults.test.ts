// What `dev` promises about processes and folders, with small services in place of the real ones so that each case takes
// a second. The whole cluster is tested beside it, in dev.deploy.test.ts.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ReadyLine } from "../cluster-file.ts";
import {
  BIN,
  exists,
  launch,
  launchFixture,
  processesAt,
  survivors,
  temporaryFolder,
  temporaryFoldersIn,
  until,
} from "./launcher.suite.ts";

const named = (line: ReadyLine, name: string): number => {
  const found = line.processes.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no ${name} in ${JSON.stringify(line)}`);
  return found.pid;
};

const nothingIsLeft = async (cwd: string, line: ReadyLine): Promise<void> => {
  await until("every process to be gone", async () => (await processesAt(cwd)).length === 0);
  expect(survivors(line)).toEqual([]);
  await until("the temporary folder to be gone", async () => (await temporaryFoldersIn(cwd)).length === 0);
};

describe("the order to stop", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("%s ends every child, removes the folder and exits 0", async (signal) => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd);
    const line = await dev.ready();
    expect(survivors(line)).toHaveLength(5);
    expect(await temporaryFoldersIn(cwd)).toHaveLength(1);
    dev.child.kill(signal);
    expect(await dev.ended).toBe(0);
    expect(survivors(line)).toEqual([]);
    expect(await processesAt(cwd)).toEqual([]);
    expect(await temporaryFoldersIn(cwd)).toEqual([]);
    expect(dev.out).toHaveLength(1);
  });

  it("counts several signals within a second as one", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd);
    const line = await dev.ready();
    for (const signal of ["SIGINT", "SIGINT", "SIGTERM"] as const) dev.child.kill(signal);
    expect(await dev.ended).toBe(0);
    await nothingIsLeft(cwd, line);
  });

  it("ends at once on a signal that comes later", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd, {}, { FIXTURE_HANG: "edge-1" });
    const line = await dev.ready();
    dev.child.kill("SIGINT");
    await until("the order", () => dev.err.some((each) => each.includes("stopping")));
    await delay(1100);
    expect(survivors(line)).toContain(named(line, "edge-1"));
    dev.child.kill("SIGINT");
    expect(await dev.ended).toBe(1);
    await nothingIsLeft(cwd, line);
  });

  it("kills a child that does not stop, and says so", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd, { set: { ROOKERY_DRAIN_MS: "0" } }, { FIXTURE_HANG: "edge-1" });
    const line = await dev.ready();
    dev.child.kill("SIGTERM");
    expect(await dev.ended).toBe(0);
    expect(dev.err).toContain("edge-1 was killed");
    await nothingIsLeft(cwd, line);
  });

  it("is obeyed while the cluster starts", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd);
    await until("the first child", async () => (await processesAt(cwd)).length > 2);
    dev.child.kill("SIGTERM");
    expect(await dev.ended).toBe(0);
    expect(dev.out).toEqual([]);
    expect(await processesAt(cwd)).toEqual([]);
    expect(await temporaryFoldersIn(cwd)).toEqual([]);
  });
});

describe("a violent end", () => {
  it("of dev leaves no process and no temporary folder", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd);
    const line = await dev.ready();
    dev.child.kill("SIGKILL");
    expect(await dev.ended).toBe("SIGKILL");
    await nothingIsLeft(cwd, line);
  });

  // With dash a shell stays between npx and us; with bash there is none.
  it.each(["sh", "bash"])("of the npx that started dev leaves nothing (script shell: %s)", async (shell) => {
    const cwd = await temporaryFolder();
    const npx = ["npx", "--no-install", `--script-shell=${shell}`, "--", "node"] as const;
    const dev = await launchFixture(cwd, {}, {}, npx);
    const line = await dev.ready();
    expect(line.pid).not.toBe(dev.child.pid);
    dev.child.kill("SIGKILL");
    await nothingIsLeft(cwd, line);
  });

  it("of a program that started dev directly leaves nothing", async () => {
    const cwd = await temporaryFolder();
    const script = "require('child_process').spawn(process.execPath, process.argv.slice(1), { stdio: 'inherit' })";
    const dev = await launchFixture(cwd, {}, {}, [process.execPath, "-e", script, "--"]);
    const line = await dev.ready();
    dev.child.kill("SIGKILL");
    await nothingIsLeft(cwd, line);
    expect(line.pid).not.toBe(dev.child.pid);
  });

  it("of the process named by ROOKERY_PARENT_PID ends dev", async () => {
    const cwd = await temporaryFolder();
    const parent = launch("sleep", ["300"], cwd);
    const dev = await launchFixture(cwd, {}, { ROOKERY_PARENT_PID: String(parent.child.pid) });
    const line = await dev.ready();
    parent.child.kill("SIGKILL");
    expect(await dev.ended).toBe(0);
    await nothingIsLeft(cwd, line);
  });
});

describe("the death of a child", () => {
  it("is told by name with its last lines, that of one that was told to drain in one line, and the rest goes on", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd);
    const line = await dev.ready();
    process.kill(named(line, "edge-2"), "SIGKILL");
    await until("the report", () =>
      dev.err.some((each) => each.startsWith("edge-2 ended with signal SIGKILL; its last lines:")),
    );
    await until("its last lines", () => dev.err.some((each) => each.includes(`"node":"edge-2.`)));
    await until("what to do", () => dev.err.some((each) => each.includes("the rest goes on; --restart would")));
    expect(survivors(line)).toHaveLength(4);
    const before = dev.err.length;
    process.kill(named(line, "edge-1"), "SIGTERM");
    await until("the report of the drain", () => dev.err.length > before);
    process.kill(named(line, "persister-1"), "SIGKILL");
    await until("the next report", () => dev.err.some((each) => each.startsWith("persister-1 ended")));
    expect(dev.err[before]).toBe("edge-1 was drained and ended; the rest goes on");
    expect(dev.err[before + 1]).toMatch(/^persister-1 ended with signal SIGKILL/);
    expect(dev.out).toHaveLength(1);
  });

  it("is undone with --restart, on the same ports, as often as it dies or is drained", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd, { restart: true, ephemeral: false, data: "data" });
    const line = await dev.ready();
    const internal = line.processes[0]?.internal ?? "";
    let pid = named(line, "edge-1");
    for (const [before, signal] of (["SIGKILL", "SIGTERM"] as const).entries()) {
      process.kill(pid, signal);
      await until("the next one", () => dev.out.length === 2 + before);
      const told: { restarted: string; pid: number } = JSON.parse(dev.out[1 + before] ?? "");
      expect(told.restarted).toBe("edge-1");
      expect(told.pid).not.toBe(pid);
      ({ pid } = told);
      expect((await fetch(`${internal}/readyz`)).status).toBe(200);
    }
    expect(dev.err).toContain("edge-1 was drained and ended; --restart starts it again");
    await until("the note to name it", async () => {
      const note: ReadyLine = JSON.parse(await readFile(join(cwd, "data", "cluster.json"), "utf8"));
      return named(note, "edge-1") === pid;
    });
  });

  it("at the start ends dev with exit code 1, and everything with it", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd, {}, { FIXTURE_BREAK: "api" });
    expect(await dev.ended).toBe(1);
    expect(dev.err.join("\n")).toMatch(/could not start: api ended with exit code 1; its last lines:[^]*told to break/);
    expect(await processesAt(cwd)).toEqual([]);
    expect(await temporaryFoldersIn(cwd)).toEqual([]);
  });
});

describe("an address that no service could use", () => {
  it("ends dev with 78 before anything is started", async () => {
    const cwd = await temporaryFolder();
    const args = [BIN, "dev", "--ephemeral", "--port", "0", "--redis-url", "redis://127.0.0.1/abc"];
    const dev = launch(process.execPath, args, cwd, { TMPDIR: cwd });
    expect(await dev.ended).toBe(78);
    expect(dev.err.join("\n")).toContain("ROOKERY_REDIS_URL");
  });
});

describe("a child that waits", () => {
  it("says at once what for, and one that is not ready which of its checks says what", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd, {}, { FIXTURE_WAIT: "persister-1", FIXTURE_UNREADY: "edge-2" });
    await until("both reasons", () =>
      [
        "persister-1: this persister-1 waits for Redis: it does not answer",
        "edge-2 is not ready: redis: Redis does not answer",
      ].every((line) => dev.err.includes(line)),
    );
    dev.child.kill("SIGTERM");
    expect(await dev.ended).toBe(0);
    expect(dev.out).toEqual([]);
    expect(await processesAt(cwd)).toEqual([]);
  });
});

describe("the ready line", () => {
  it("that cannot be written ends dev with exit code 1, and everything with it", async () => {
    const cwd = await temporaryFolder();
    const dev = await launchFixture(cwd, {}, { FIXTURE_LOST: "no space left" });
    expect(await dev.ended).toBe(1);
    expect(dev.err.at(-1)).toBe("rookery dev could not start: where it answers cannot be told: no space left");
    expect(await processesAt(cwd)).toEqual([]);
    expect(await temporaryFoldersIn(cwd)).toEqual([]);
  });
});

describe("the data folder", () => {
  it("is held against a second dev, which says by whom", async () => {
    const cwd = await temporaryFolder();
    const first = await launchFixture(cwd, { ephemeral: false, data: "data" });
    const line = await first.ready();
    const second = await launchFixture(cwd, { ephemeral: false, data: "data" });
    expect(await second.ended).not.toBe(0);
    expect(second.err.join("\n")).toContain(`another \`rookery dev\` (process ${line.pid}) works in`);
    expect(survivors(line)).toHaveLength(5);
  });

  it("is free again after a kill, and keeps its secrets, which others cannot read", async () => {
    const cwd = await temporaryFolder();
    const first = await launchFixture(cwd, { ephemeral: false, data: "data" });
    const before = await first.ready();
    first.child.kill("SIGKILL");
    await first.ended;
    const second = await launchFixture(cwd, { ephemeral: false, data: "data" });
    const after = await second.ready();
    expect(after.apiKey).toBe(before.apiKey);
    expect(after.jwt).toEqual(before.jwt);
    for (const file of ["secrets.json", "cluster.json"]) {
      expect((await stat(join(cwd, "data", file))).mode & 0o077).toBe(0);
    }
    second.child.kill("SIGTERM");
    expect(await second.ended).toBe(0);
    expect(await exists(join(cwd, "data", "cluster.json"))).toBe(false);
    expect(await exists(join(cwd, "data", "dev.lock"))).toBe(false);
    expect(await exists(join(cwd, "data", "secrets.json"))).toBe(true);
  });
});
