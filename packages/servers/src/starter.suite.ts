// What every starter promises about processes and folders, run by start-redis.redis.test.ts and start-postgres.deploy.test.ts.
// Starters that get killed run in a process of their own, from the compiled files.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { access, chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RunningServer } from "./start-redis.ts";

export interface StarterOptions {
  dir?: string;
  removeDirAtEnd?: boolean;
}

export interface StarterUnderTest {
  name: "startRedis" | "startPostgres";
  start: (options: StarterOptions) => Promise<RunningServer>;
}

/** A process that ended but was not collected yet counts as gone. */
export const running = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return process.platform !== "linux";
  }
};

export const until = async (what: string, check: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 15_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`still not so: ${what}`);
    await delay(20);
  }
};

export const present = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const newFolder = async (): Promise<string> => {
  const base = await mkdtemp(join(tmpdir(), "rookery-starter-"));
  await chmod(base, 0o755); // the user Postgres runs as must be able to enter
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  return base;
};

/** Runs a starter in another process, which prints what `tell` makes of its result: the source of a function. */
export const inAnotherProcess = async (
  name: string,
  options: object,
  tell: string,
): Promise<{ starter: number; told: unknown }> => {
  const index = new URL("../dist/index.js", import.meta.url).href;
  const script = `const { ${name} } = await import(${JSON.stringify(index)});
    const result = await ${name}(${JSON.stringify(options)});
    console.log(JSON.stringify((${tell})(result)));
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line]: unknown[] = await once(createInterface({ input: child.stdout }), "line");
  return { starter: child.pid ?? 0, told: JSON.parse(String(line)) };
};

const serverInAnotherProcess = async (
  name: string,
  options: StarterOptions,
): Promise<{ starter: number; pid: number; dir: string }> => {
  const { starter, told } = await inAnotherProcess(name, options, "({ pid, dir }) => ({ pid, dir })");
  if (typeof told !== "object" || told === null || !("pid" in told) || !("dir" in told)) throw new Error(String(told));
  return { starter, pid: Number(told.pid), dir: String(told.dir) };
};

export const describeStarter = ({ name, start }: StarterUnderTest): void => {
  describe(`${name}, processes and folders`, () => {
    it("stops in order and removes its temporary folder", async () => {
      const server = await start({});
      onTestFinished(server.stop);
      expect(running(server.pid)).toBe(true);
      await Promise.all([server.stop(), server.stop()]);
      expect(await server.exited).toEqual({ code: 0, signal: null });
      expect(running(server.pid)).toBe(false);
      expect(await present(server.dir)).toBe(false);
    });

    it("reports a server that was killed, by the server's own process id", async () => {
      const server = await start({});
      onTestFinished(server.stop);
      process.kill(server.pid, "SIGKILL");
      expect(await server.exited).toEqual({ code: null, signal: "SIGKILL" });
      await server.stop();
      expect(await present(server.dir)).toBe(false);
    });

    it("stops a frozen server too", async () => {
      const server = await start({});
      onTestFinished(server.stop);
      process.kill(server.pid, "SIGSTOP");
      await server.stop();
      expect(await server.exited).toEqual({ code: 0, signal: null });
    });

    it("leaves neither process nor folder when the starter is killed", async () => {
      const dir = join(await newFolder(), "data");
      const { starter, pid } = await serverInAnotherProcess(name, { dir, removeDirAtEnd: true });
      expect(running(pid)).toBe(true);
      expect(await present(dir)).toBe(true);
      process.kill(starter, "SIGKILL");
      await until("server gone", () => !running(pid));
      await until("folder gone", async () => !(await present(dir)));
    });

    it("starts again on the folder of a starter that was killed a moment ago", async () => {
      const wanted = join(await newFolder(), "data");
      const { starter, pid, dir } = await serverInAnotherProcess(name, { dir: wanted });
      onTestFinished(() => rm(dir, { recursive: true, force: true }));
      process.kill(starter, "SIGKILL");
      const server = await start({ dir: wanted });
      onTestFinished(server.stop);
      expect(server.dir).toBe(dir);
      expect(running(pid)).toBe(false);
      await server.stop();
      expect(await present(dir)).toBe(true);
    });
  });
};
