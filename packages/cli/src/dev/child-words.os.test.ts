// Contract of following a child's log while the child writes it.
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { followWords } from "./child-words.ts";

const entry = (level: string, msg: string, more: object = {}): string => JSON.stringify({ level, msg, ...more });

it("what a child says is told as it says it, once, from the beginning of this run, up to its very last line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rookery-words-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "api.log");
  await writeFile(file, `${entry("fatal", "of the run before")}\n`);
  const told: string[] = [];
  const following = await followWords(file, (words) => told.push(words));
  await appendFile(file, `${entry("warn", "first")}\n${entry("warn", "first")}\n${entry("warn", "sec").slice(0, 9)}`);
  await eventually(() => told.length === 1);
  await appendFile(file, `${entry("warn", "second").slice(9)}\n${"x".repeat(200_000)}\n`);
  await eventually(() => told.length === 2);
  await appendFile(file, `${entry("fatal", "last")}\n`);
  await following.end();
  expect(told).toEqual(["first", "second", "last"]);
});
