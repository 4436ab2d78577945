import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { clusterSettings } from "@rookery/node";
import { describe, expect, it } from "vitest";

const readme = readFileSync("README.md", "utf8");
const documents = [
  "README.md",
  "packages/protocol/PROTOCOL.md",
  ...readdirSync("docs").map((file) => join("docs", file)),
];

describe("the documents", () => {
  it.each(documents)("%s links only to files that are there", (file) => {
    const links = [...readFileSync(file, "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !existsSync(join(dirname(file), link)))).toEqual([]);
  });

  it("hold the settings just as the table in the code does", () => {
    const told = /<!-- settings -->\n([\s\S]*?)<!-- \/settings -->/.exec(readme)?.[1];
    expect(told?.trim()).toBe(clusterSettings.describe().trim());
  });

  it("name every package and service", () => {
    const names = ["packages", "services"].flatMap((root) => readdirSync(root).map((name) => `(${root}/${name})`));
    expect(names.filter((name) => !readme.includes(name))).toEqual([]);
  });

  it("give the commands that the gate runs", () => {
    expect(readme).toContain("npm ci && npm test");
    expect(readFileSync(".ci/run", "utf8")).toContain("npm ci && npm test");
  });
});
