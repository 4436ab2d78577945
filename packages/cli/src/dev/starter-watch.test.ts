import { describe, expect, it } from "vitest";
import type { ProcessEntry } from "../process-table.ts";
import { isChainWhole, startersOf } from "./starter-watch.ts";

const table = (entries: Record<number, readonly [parentPid: number, command: string]>) => (pid: number) => {
  const entry = entries[pid];
  return entry === undefined ? undefined : ({ pid, parentPid: entry[0], command: entry[1] } satisfies ProcessEntry);
};

describe("who started this process", () => {
  it.each([
    ["npx, directly", { 10: [5, "npm exec rookery dev"] }, [10]],
    ["npm start", { 10: [5, "npm start"] }, [10]],
    ["npx behind a shell", { 10: [9, "sh -c rookery dev"], 9: [5, "npm exec rookery dev"] }, [10, 9]],
    ["a shell by its path", { 10: [9, "/bin/dash -c rookery dev"], 9: [5, "npm exec rookery dev"] }, [10, 9]],
    ["npm that shows its script", { 10: [5, "node /usr/lib/node_modules/npm/bin/npm-cli.js run dev"] }, [10]],
    ["another program, whatever started it", { 10: [9, "node vitest.mjs"], 9: [5, "npm test"] }, [10]],
    ["pnpm", { 10: [5, "node /opt/pnpm.cjs start"] }, [10]],
  ] as const)("%s is watched", (_name, entries, chain) => {
    expect(startersOf(10, table(entries))).toEqual(chain);
  });

  it.each([
    ["a shell of a person", { 10: [9, "-bash"], 9: [1, "sshd: me"] }],
    [
      "a shell whose command line names npm",
      { 10: [9, "bash -c cd /opt/npm && node bin/rookery.js dev"], 9: [1, "sshd"] },
    ],
    ["a program behind a shell", { 10: [9, "sh -c rookery dev &"], 9: [5, "python3 start.py"] }],
    ["nobody any more", {}],
  ] as const)("%s is not watched", (_name, entries) => {
    expect(startersOf(10, table(entries))).toEqual([]);
  });

  it("is sought through a few shells only", () => {
    const entries = Object.fromEntries([...Array(9).keys()].map((n) => [10 + n, [11 + n, "sh -c x"] as const]));
    expect(startersOf(10, table({ ...entries, 19: [1, "npm start"] }))).toEqual([]);
  });
});

describe("the chain to npm", () => {
  const chain = [10, 9];
  const alive = table({ 10: [9, "sh -c rookery dev"], 9: [5, "npm start"] });

  it("is whole while each link has the next as its parent, whoever started npm", () => {
    expect(isChainWhole(chain, 10, alive)).toBe(true);
    expect(isChainWhole(chain, 10, table({ 10: [9, "sh"], 9: [1, "npm start"] }))).toBe(true);
  });

  it("is broken when the shell went, and when npm went and the shell stayed", () => {
    expect(isChainWhole(chain, 1, alive)).toBe(false);
    expect(isChainWhole(chain, 10, table({ 10: [1, "sh -c rookery dev"] }))).toBe(false);
  });
});
