import { existsSync, readFileSync } from "node:fs";
import { clusterSettings } from "@rookery/node";
import { describe, expect, it } from "vitest";
import { metricNames } from "./metric-names.ts";
import { ownFamilies, seriesNames } from "./served-families.ts";
import { alerts, dashboards, recordings, ruleTests, scrapes } from "./watch-files.ts";

const RUNBOOK = "docs/runbook.md";
const all = alerts();
const names = all.map(({ alert }) => alert);
const runbook = readFileSync(RUNBOOK, "utf8");
/** The chapter of alerts, and each alert's part of it. */
const chapter = /^## Alerts$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(runbook)?.[1] ?? "";
const parts = new Map(
  chapter
    .split(/^#### /m)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf("\n")), part] as const),
);

describe("the alerts", () => {
  it("have names of their own, a severity, and a link to their part of the runbook", () => {
    expect(new Set(names).size).toBe(names.length);
    for (const { alert, labels, annotations } of all) {
      expect(["critical", "warning", "info"], alert).toContain(labels.severity);
      expect(annotations.runbook_url).toBe(`${RUNBOOK}#${alert.toLowerCase()}`);
    }
    expect(existsSync(RUNBOOK)).toBe(true);
  });

  it("are all in the runbook, in their order, and nothing else is: what it means, what to look at, what to do", () => {
    expect([...parts.keys()]).toEqual(names);
    for (const [name, part] of parts) {
      for (const word of ["Means", "Look at", "Do"]) {
        expect(part, `${name}: ${word}`).toMatch(new RegExp(`^\\*\\*${word}\\.\\*\\* \\S`, "m"));
      }
    }
  });

  it("are each tested for silence and for speech", () => {
    const cases = ruleTests("alerts.test.yml").flatMap((group) => group.alert_rule_test ?? []);
    const told = (isLoud: boolean): Set<string> =>
      new Set(cases.flatMap((each) => (each.exp_alerts.length > 0 === isLoud ? [each.alertname] : [])));
    expect(names.filter((name) => !told(true).has(name))).toEqual([]);
    expect(names.filter((name) => !told(false).has(name))).toEqual([]);
  });

  it("end with their bound, so that what stands before it can be looked at by itself", () => {
    expect(all.filter(({ expr }) => !/ (>|>=|==) [\d.]+$/.test(expr)).map(({ alert }) => alert)).toEqual([]);
  });

  it("ask only for series that a cluster has, of jobs that are scraped", async () => {
    const known = await seriesNames();
    const jobs = new Set(scrapes().scrape_configs.map(({ job_name }) => job_name));
    for (const { expr } of [...all, ...recordings()]) {
      expect(metricNames(expr).filter((name) => !known.has(name))).toEqual([]);
      const named = [...expr.matchAll(/job="([^"]+)"/g)].map(([, job]) => job);
      expect(named.filter((job) => !jobs.has(job ?? ""))).toEqual([]);
    }
  });
});

describe("the runbook", () => {
  it("names settings, metrics, roles and alerts that there are", () => {
    const settings = new Set(clusterSettings.describe().match(/\bROOKERY_[A-Z_]+/g));
    const families = new Set(ownFamilies().map(({ name }) => name));
    const ofPattern = (pattern: RegExp): string[] => [...runbook.matchAll(pattern)].map(([name]) => name);
    expect(ofPattern(/\bROOKERY_[A-Z_]+/g).filter((name) => !settings.has(name))).toEqual([]);
    const roles = new Set(readFileSync("deploy/postgres/roles.sql", "utf8").match(/\brookery_\w+/g));
    const isRole = (name: string): boolean => roles.has(name.replace(/_[ab]$/, ""));
    expect(ofPattern(/\brookery_\w+/g).filter((name) => !families.has(name) && !isRole(name))).toEqual([]);
    expect(ofPattern(/\bRookery[A-Z]\w+/g).filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe("the computed figures", () => {
  it("are each tested, and each asked for by an alert or a dashboard", () => {
    const tested = new Set(
      ruleTests("rules.test.yml").flatMap((group) => (group.promql_expr_test ?? []).map(({ expr }) => expr)),
    );
    expect(recordings().filter(({ record }) => !tested.has(record))).toEqual([]);
    const panels = [...dashboards().values()].flatMap((board) => board.panels);
    const queries = [...all, ...panels.flatMap(({ targets }) => targets)].map(({ expr }) => expr);
    const asked = new Set(queries.flatMap(metricNames));
    expect(recordings().filter(({ record }) => !asked.has(record))).toEqual([]);
  });
});

describe("the scraping", () => {
  it("takes the rules and alerts, and reaches every service on the internal port that is set by default", () => {
    const { rule_files: files, scrape_configs: jobs } = scrapes();
    expect(files).toEqual(["rules.yml", "alerts.yml"]);
    const port = readFileSync("docs/settings.md", "utf8").match(/`ROOKERY_INTERNAL_PORT` \| `(\d+)`/)?.[1];
    const targets = jobs.flatMap(({ static_configs: found }) => found.flatMap((each) => each.targets));
    expect(targets).toEqual(["edge-1", "edge-2", "api", "persister"].map((host) => `${host}:${port}`));
  });
});
