// Contract of the reader of a table, on a table of no product. What the cluster's own table adds is tested beside it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { BAKERY_TABLE } from "./bakery.fixture.ts";
import { createSettings, SettingsError } from "./index.ts";
import type { SettingsProblem, SettingsSources } from "./index.ts";

const { load, inspect, check, given, describe: document } = createSettings(BAKERY_TABLE);
const MILL = { ROOKERY_MILL_URL: "http://mill.example/flour" };
const KEY = "k3J9vQ0xZr7LmN2pTs5WbY8cDf1GhE4a";

function problemsOf(sources: SettingsSources): readonly SettingsProblem[] {
  try {
    load("bakery", sources);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

function fileWith(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "settings-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "content");
  writeFileSync(path, content);
  return path;
}

describe("a reader of settings", () => {
  it("gives each service the values of the rows that name it, typed and frozen", () => {
    const settings = load("mill", { env: {} });
    expectTypeOf(settings.batchLoaves).toEqualTypeOf<number>();
    expectTypeOf(settings).not.toHaveProperty("trayLoaves");
    expectTypeOf(load("bakery", { env: MILL }).doorCode).toEqualTypeOf<string | undefined>();
    expect(settings).toEqual({ logLevel: "info", batchLoaves: 1000 });
    expect(Object.isFrozen(settings)).toBe(true);
    expect(load(["trayLoaves"], { env: {}, flags: { trayLoaves: "7" } })).toEqual({ trayLoaves: 7 });
  });

  it("tells what any source is told to give, be it right, wrong or unreadable", () => {
    const file = { ROOKERY_CONFIG: fileWith("trayLoaves: many"), ROOKERY_DOOR_KEY_FILE: "/nowhere/key" };
    const env = { ...MILL, ...file, ROOKERY_NOPE: "x", ROOKERY_DOOR_CODE: "" };
    expect([...given({ env, flags: { batchLoaves: "0" } })]).toEqual([
      "trayLoaves",
      "millUrl",
      "batchLoaves",
      "doorKey",
    ]);
  });

  it("shows what is in force with its source, and nothing of an address' password or of a secret", () => {
    const env = { ROOKERY_MILL_URL: "http://me:pw@mill.example/flour", ROOKERY_DOOR_KEY: KEY };
    expect(inspect(["millUrl", "doorKey", "trayLoaves", "doorCode"], { env })).toEqual([
      { key: "millUrl", env: "ROOKERY_MILL_URL", value: '"http://***@mill.example/flour"', source: "environment" },
      { key: "doorKey", env: "ROOKERY_DOOR_KEY", value: "a secret of 32 bytes", source: "environment" },
      { key: "trayLoaves", env: "ROOKERY_TRAY_LOAVES", value: "20", source: "default" },
      { key: "doorCode", env: "ROOKERY_DOOR_CODE", value: "nothing", source: "nothing" },
    ]);
  });

  it("makes a secret outside production while nothing stands in for it, and never when that was not asked", () => {
    const sourceOf = (keys: Parameters<typeof inspect>[0], env: SettingsSources["env"]): string | undefined =>
      inspect(keys, { env }).find(({ key }) => key === "doorKey")?.source;
    expect(sourceOf("bakery", MILL)).toBe("generated");
    expect(sourceOf("bakery", { ...MILL, ROOKERY_DOOR_CODE: "12" })).toBe("nothing");
    expect(sourceOf(["doorKey"], {})).toBe("nothing");
    expect(sourceOf("bakery", { ...MILL, NODE_ENV: "production" })).toBe("nothing");
  });

  it("asks the reader of a value only for what has the right form, and tells what it says", () => {
    const of = (ROOKERY_MILL_URL: string): unknown =>
      problemsOf({ env: { ROOKERY_MILL_URL } }).map(({ got, fault }) => [got, fault]);
    expect(of("http://:pw@mill.example/rye")).toEqual([
      ['"http://***@mill.example/rye"', "nothing but flour is fetched"],
    ]);
    expect(of("ftp://mill.example/rye")).toEqual([['"ftp://mill.example/rye"', undefined]]);
  });

  it("tells a broken rule with all of its keys, and what is read together with those that are given", () => {
    const env = { ...MILL, ROOKERY_TRAY_LOAVES: "7", ROOKERY_BATCH_LOAVES: "20", NODE_ENV: "production" };
    expect(problemsOf({ env })).toEqual([
      expect.objectContaining({
        key: "batchLoaves",
        source: "environment, beside ROOKERY_TRAY_LOAVES and ROOKERY_NODE_NAME",
        expected: "whole trays",
      }),
    ]);
    expect(problemsOf({ env: { ...MILL, ROOKERY_DOOR_CODE: "12", ROOKERY_DOOR_KEY: KEY } })).toEqual([
      expect.objectContaining({
        key: "doorCode",
        source: "environment, beside ROOKERY_DOOR_KEY",
        fault: "one of the two opens no door",
        expected: "digits",
      }),
    ]);
  });

  it("keeps a rule silent when one of its keys was refused or not asked for", () => {
    const env = { ...MILL, ROOKERY_TRAY_LOAVES: "many", ROOKERY_BATCH_LOAVES: "20", NODE_ENV: "production" };
    expect(problemsOf({ env }).map(({ key }) => key)).toEqual(["trayLoaves"]);
    expect(load(["batchLoaves"], { env: { ...env, ROOKERY_TRAY_LOAVES: "7" } })).toEqual({ batchLoaves: 20 });
  });

  it("tells names, forms, readers, rules and hosts in one error of a check", async () => {
    const wrong = { ROOKERY_MILL_URL: "http://mill.example/rye", ROOKERY_HOST: "192.0.2.1", ROOKERY_TRAY_LOAF: "1" };
    const env = { ...wrong, ROOKERY_DOOR_CODE: "12", ROOKERY_DOOR_KEY: KEY, ROOKERY_BATCH_LOAVES: "x" };
    const error = await check("bakery", { env }).catch((fault: unknown) => fault);
    expect(error instanceof SettingsError ? error.problems.map(({ key }) => key) : error).toEqual([
      "ROOKERY_TRAY_LOAF",
      "millUrl",
      "batchLoaves",
      "doorCode",
      "host",
    ]);
  });

  it("shows the table's own line where a configuration file is none", () => {
    const [problem] = problemsOf({ env: { ...MILL, ROOKERY_CONFIG: fileWith("- 1") } });
    expect(problem).toMatchObject({ key: "ROOKERY_CONFIG", example: "trayLoaves: 20" });
  });

  it("tells of a configuration file that it cannot read that alone, and not what might have stood in it", () => {
    const env = { ROOKERY_CONFIG: "/nowhere/rookery.yaml", ROOKERY_TRAY_LOAVES: "many" };
    expect(problemsOf({ env }).map(({ key }) => key)).toEqual(["ROOKERY_CONFIG"]);
  });

  it.each([
    ["ROOKERY_TRAY_LOAFS", "ROOKERY_TRAY_LOAVES"],
    ["ROOKERY_TRAI", "ROOKERY_TRAY_LOAVES"],
    // Of two that are as near nobody knows which one was meant.
    ["ROOKERY_DOR", undefined],
    ["ROOKERY_OVEN_DEGREES", undefined],
  ])("asks whether %s was meant to be %s", (name, meant) => {
    const [problem] = problemsOf({ env: { ...MILL, [name]: "1" } });
    expect(/did you mean (\w+)\?/.exec(problem?.expected ?? "")?.[1]).toBe(meant);
  });

  it("documents its table, one line a setting", () => {
    const lines = document().split("\n");
    expect(lines).toContain("| `ROOKERY_TRAY_LOAVES` | `20` | loaves | most loaves on one tray | bakery |");
    expect(lines.filter((line) => line.startsWith("| `"))).toHaveLength(Object.keys(BAKERY_TABLE.rows).length);
  });
});
