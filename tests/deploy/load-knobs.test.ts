import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

// Whoever starts a load script reads its header, and turns what stands there.

const FOLDER = "loadtest/k6";
const scripts = readdirSync(FOLDER).filter((file) => file.endsWith(".ts"));
const files = readdirSync(join(FOLDER, "members")).map((file) => join(FOLDER, "members", file));

const textOf = (file: string): string => readFileSync(file, "utf8");

/** Each knob that a text reads, with its default where that is written as a number. */
function readIn(text: string): Map<string, string> {
  const found = text.matchAll(/(?:text|number)Knob\("([A-Z0-9_]+)"(?:, ([0-9_.]+)\))?/g);
  return new Map([...found].map(([, name = "", number = ""]) => [name, number.replaceAll("_", "")]));
}

function toldIn(text: string): Map<string, string> {
  const rows = text.matchAll(/^(?:\/\/ )?\| (`[A-Z0-9_`, ]+`) \| ([^|]*)\|/gm);
  return new Map(
    [...rows].flatMap(([, names = "", otherwise = ""]) =>
      [...names.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name = ""]) => [name, otherwise.trim()] as const),
    ),
  );
}

const shared = readIn(files.map(textOf).join("\n"));

describe("the load scripts", () => {
  it("are the five that the operators' page names", () => {
    expect(scripts.toSorted()).toEqual(["chat-mix.ts", "connect-storm.ts", "fan-out.ts", "resume.ts", "soak.ts"]);
    const page = textOf(join(FOLDER, "README.md"));
    expect(scripts.filter((script) => !page.includes(`](${script})`))).toEqual([]);
  });

  it.each(scripts)("%s has every knob that it reads in its header, with its default, and no other", (script) => {
    const text = textOf(join(FOLDER, script));
    const [own, told] = [readIn(text), toldIn(text)];
    expect([...told.keys()].toSorted()).toEqual([...shared.keys(), ...own.keys()].toSorted());
    const numbers = [...own, ...shared].filter(([, number]) => number !== "");
    expect(numbers.map(([name]) => [name, told.get(name)])).toEqual(numbers);
    const durationSec = /commonKnobs\(([0-9_]+)\)/.exec(text)?.[1]?.replaceAll("_", "");
    expect(told.get("DURATION_SEC")).toBe(durationSec);
  });

  it("share knobs that their page tells", () => {
    expect([...toldIn(textOf(join(FOLDER, "README.md"))).keys()].toSorted()).toEqual([...shared.keys()].toSorted());
  });
});
