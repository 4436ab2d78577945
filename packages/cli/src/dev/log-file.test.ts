import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { freshLogFolder, lastLinesOf } from "./log-file.ts";

const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), "rookery-log-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
};

describe("the last lines of a log", () => {
  it("are the newest ones, whole and in order, however long the file is", async () => {
    const file = join(await folder(), "x.log");
    await writeFile(file, Array.from({ length: 5000 }, (_, n) => `line ${n}\n`).join(""));
    expect(await lastLinesOf(file, 3)).toEqual(["line 4997", "line 4998", "line 4999"]);
    await writeFile(file, "only\n\n");
    expect(await lastLinesOf(file, 3)).toEqual(["only"]);
  });

  it("are cut when they are endless, and none when there is no file", async () => {
    const file = join(await folder(), "x.log");
    await writeFile(file, `${"é".repeat(50_000)}\nlast\n`);
    expect(await lastLinesOf(file, 3)).toEqual(["last"]);
    await writeFile(file, `${"x".repeat(5000)}\n`);
    expect((await lastLinesOf(file, 1))[0]).toMatch(/^x{400}\.\.\.$/);
    expect(await lastLinesOf(`${file}.none`, 1)).toEqual([]);
  });
});

it("a new run keeps the logs of the one before, and nobody else can read them", async () => {
  const logs = join(await folder(), "logs");
  await freshLogFolder(logs);
  await writeFile(join(logs, "api.log"), "first");
  await freshLogFolder(logs);
  await freshLogFolder(logs);
  expect(await readdir(logs)).toEqual(["api.log.1"]);
  expect(await readFile(join(logs, "api.log.1"), "utf8")).toBe("first");
  expect((await stat(logs)).mode & 0o077).toBe(0);
});
