// What holds for every script, whatever it does: its header says what its row says, and its parts what they are given.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SCRIPTS } from "./script-table.ts";
import type { Script } from "./script-table.ts";
import { loadScripts } from "./scripts.ts";

const LUA = new URL("../lua/", import.meta.url);
const rows: [string, Script][] = Object.entries(SCRIPTS);
const parts = readdirSync(new URL("parts/", LUA)).map((file) => file.replace(/\.lua$/, ""));

function read(file: string): string {
  return readFileSync(new URL(file, LUA), "utf8");
}

/** A header's section, from its label to the next one, without what marks it as a comment. */
function section(lua: string, label: string): string[] {
  const lines = lua.split("\n").filter((line) => line.startsWith("--"));
  const start = lines.findIndex((line) => line.startsWith(`-- ${label} `));
  if (start < 0) return [];
  const end = lines.findIndex((line, at) => at > start && !/^-- {3,}\S/.test(line));
  const own = lines.slice(start, end < 0 ? undefined : end);
  return own.map((line) => line.replace(`-- ${label}`, "").replace(/^--/, "").trim());
}

/** Names by their numbers: each at the start of a line, or two spaces after what stands before it. */
function numbered(lines: readonly string[]): [number, string][] {
  const found = lines.flatMap((line) => [...line.matchAll(/(?:^| {2})(\d+) ([a-z_]+(?:\.\.)?)/g)]);
  return found.map(([, number, name = ""]) => [Number(number), name]);
}

const inOrder = (names: readonly string[]): [number, string][] => names.map((name, at) => [at + 1, name]);
const namedIn = (lua: string): string[] => [...lua.matchAll(/--> (\S+)/g)].map(([, part = ""]) => part);

describe("every script", () => {
  it("but those that people fill it by run in a full Redis, or nothing would ever empty it", () => {
    const refused = Object.entries(loadScripts()).filter(([, { lua }]) => !lua.startsWith("#!lua flags=allow-oom\n"));
    expect(refused.map(([name]) => name)).toEqual([
      "rookeryPublish",
      "rookeryChange",
      "rookeryNote",
      "rookeryRead",
      "rookeryNoteReads",
      "rookeryNoteActivity",
      "rookeryFillAccess",
    ]);
  });

  it("has a row of its own", () => {
    const files = readdirSync(LUA).filter((file) => file.endsWith(".lua"));
    expect(rows.map(([, { file }]) => file).toSorted()).toEqual(files.toSorted());
  });

  it.each(rows)("says in its header what its row says: %s", (_, { file, keys, args, answers, flags }) => {
    const lua = read(file);
    expect(lua.split("\n")[0]).toBe(flags === "none" ? "#!lua" : `#!lua flags=${flags}`);
    expect(numbered(section(lua, "KEYS"))).toEqual(inOrder(keys));
    expect(numbered(section(lua, "ARGV"))).toEqual(inOrder(args));
    expect(numbered(section(lua, "Returns"))).toEqual(inOrder(answers));
  });

  it("is joined with the parts it names, each of which is there", () => {
    for (const [name, { lua }] of Object.entries(loadScripts())) expect([name, namedIn(lua)]).toEqual([name, []]);
    const named = new Set(rows.flatMap(([, { file }]) => namedIn(read(file))));
    expect([...named].toSorted()).toEqual(parts.toSorted());
  });

  it("makes neither code nor a command nor an error of what it is given", () => {
    for (const [name, { lua }] of Object.entries(loadScripts())) {
      const code = lua.replaceAll(/--.*$/gm, "");
      const named = [...code.matchAll(/\b(?:redis\.p?call|call|try)\(([^,)]*)/g)].map(([, command = ""]) => command);
      expect(named.length, name).toBeGreaterThan(0);
      const words = named.filter((command) => !/^"[A-Z]+"$/.test(command));
      expect([name, words]).toEqual([name, []]);
      const makers = [
        ...code.matchAll(/\b(load|loadstring|loadfile|dofile|setfenv|error|error_reply|assert)\s*[("'{]/g),
      ];
      expect([name, makers.map(([, maker]) => maker)]).toEqual([name, []]);
    }
  });

  it.each(rows)("has its keys and arguments where its parts look for them: %s", (_, { file, keys, args }) => {
    for (const part of namedIn(read(file))) {
      const lua = read(`parts/${part}.lua`);
      for (const [number, name] of numbered(section(lua, "Keys")))
        expect([part, keys[number - 1]]).toEqual([part, name]);
      for (const [number, name] of numbered(section(lua, "Args")))
        expect([part, args[number - 1]]).toEqual([part, name]);
    }
  });
});
