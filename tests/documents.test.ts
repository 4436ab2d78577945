import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { clusterSettings, READINESS_ROWS } from "@rookery/node";
import { describe, expect, it } from "vitest";

const readme = readFileSync("README.md", "utf8");
const pages = readdirSync("docs").filter((file) => file.endsWith(".md") && file !== "README.md");
const documents = [
  "README.md",
  "packages/protocol/PROTOCOL.md",
  "loadtest/README.md",
  "loadtest/k6/README.md",
  "deploy/README.md",
  "docs/README.md",
  ...pages.map((page) => join("docs", page)),
];
const MOST_README_LINES = 150;

describe("the documents", () => {
  it.each(documents)("%s links only to files that are there", (file) => {
    const links = [...readFileSync(file, "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !existsSync(join(dirname(file), link)))).toEqual([]);
  });

  it("begin with one that is read in a few minutes", () => {
    expect(readme.split("\n").length).toBeLessThanOrEqual(MOST_README_LINES);
  });

  it("are all found from the index of docs, and the index from the front door", () => {
    const index = readFileSync("docs/README.md", "utf8");
    expect(pages.filter((page) => !index.includes(`](${page})`))).toEqual([]);
    expect(readme).toContain("](docs/README.md)");
  });

  it("hold the settings just as the table in the code does", () => {
    const told = /<!-- settings -->\n([\s\S]*?)<!-- \/settings -->/.exec(readFileSync("docs/settings.md", "utf8"))?.[1];
    expect(told?.trim()).toBe(clusterSettings.describe().trim());
  });

  it("tell of each service which checks of readiness only advise", () => {
    const rows = readFileSync("docs/operating.md", "utf8").matchAll(/^\| (edge|api|persister) \|[^|]*\|([^|]*)\|$/gm);
    const told = [...rows].map(([, service = "", advice = ""]) => [
      service,
      [...advice.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    ]);
    const inCode = Object.entries(READINESS_ROWS).map(([service, weights]) => [
      service,
      Object.entries(weights).flatMap(([name, weight]) => (weight === "advises" ? name : [])),
    ]);
    expect(told).toEqual(inCode);
  });

  it("name every package and service", () => {
    const names = ["packages", "services"].flatMap((root) => readdirSync(root).map((name) => `(${root}/${name})`));
    expect(names.filter((name) => !readme.includes(name))).toEqual([]);
  });

  it("give the commands that the gate runs", () => {
    const gate = readFileSync(".ci/run", "utf8");
    const runs = ["faults", "deploy", "browser"].map((kind) => `npm run test:${kind}`);
    for (const command of ["npm ci && npm test", ...runs]) {
      expect(readme).toContain(command);
      expect(gate).toContain(command);
    }
  });
});
