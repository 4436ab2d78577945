import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { BREAKS } from "./breaks.ts";
import { FAULTS } from "./faults/all-faults.ts";

const page = readFileSync("docs/lab.md", "utf8");

/** Cells of the rows of a marked table, without its title. */
function tableOf(mark: string): string[][] {
  const [, text = ""] = new RegExp(`<!-- ${mark} -->\\n([\\s\\S]*?)<!-- /${mark} -->`).exec(page) ?? [];
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

it("the page of the lab has a row for each fault, and no other", () => {
  const rows = FAULTS.map(({ name, attacks, topologies, does }) => [
    `\`${name}\``,
    attacks,
    topologies.join(", "),
    does,
  ]);
  expect(tableOf("faults")).toEqual(rows);
});

it("the page of the lab has a row for each break, and no other", () => {
  const rows = BREAKS.map(({ name, caughtBy, rules }) => [`\`${name}\``, `\`${caughtBy}\``, rules.join(", or ")]);
  expect(tableOf("breaks")).toEqual(rows);
});

it("each promise stands beside the faults that attack it", () => {
  const rows = readFileSync("docs/promises.md", "utf8").matchAll(/^\| (A\d) \|[^|]*\|([^|]*)\|$/gm);
  const told = [...rows].map(([, promise, faults = ""]) => [
    promise,
    [...faults.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  ]);
  const inCode = ["A1", "A2", "A3", "A4", "A5", "A6", "A7"].map((promise) => [
    promise,
    FAULTS.filter(({ attacks }) => attacks.split(" ").includes(promise)).map(({ name }) => name),
  ]);
  expect(told).toEqual(inCode);
});
