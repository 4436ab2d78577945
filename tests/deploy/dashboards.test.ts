import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { metricNames } from "./metric-names.ts";
import { ownFamilies, seriesNames } from "./served-families.ts";
import { dashboards, GRAFANA } from "./watch-files.ts";
import type { Panel } from "./watch-files.ts";

const boards = dashboards();
const COLUMNS = 24;
/** Units as Grafana knows them: counts, shares, times, sizes, and each a second. */
const UNITS = new Set(["short", "percentunit", "s", "bytes", "cps", "reqps", "ops", "Bps"]);
const VARIABLES = new Set(["datasource", "instance", "__rate_interval"]);

const queriesOf = (panel: Panel): string[] => panel.targets.map(({ expr }) => expr);

/** Cells of the grid. */
const cellsOf = ({ gridPos: { x, y, w, h } }: Panel): string[] =>
  Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`);

describe("the dashboards", () => {
  it("are those that an operator was promised, each under an address of its own", () => {
    expect([...boards.keys()].toSorted()).toEqual(
      ["overview", "edges", "delivery", "recovery", "persistence", "api", "redis", "node"].toSorted(),
    );
    expect([...boards].map(([name, { uid }]) => [name, uid])).toEqual(
      [...boards.keys()].map((name) => [name, `rookery-${name}`]),
    );
  });

  it.each([...boards])("%s: panels have ids of their own, a unit, and a spot that no other covers", (_, board) => {
    const { panels } = board;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels.filter(({ fieldConfig }) => !UNITS.has(fieldConfig.defaults.unit))).toEqual([]);
    const cells = panels.flatMap(cellsOf);
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x < 0 || x + w > COLUMNS)).toEqual([]);
    for (const { targets } of panels) expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  });

  it.each([...boards])("%s: asks whichever Prometheus is chosen, with no variable that is not there", (_, board) => {
    const variables = board.templating.list;
    expect(variables[0]).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
    const known = new Set([...VARIABLES].filter((each) => each.startsWith("__")));
    for (const { name } of variables) known.add(name);
    const used = [...JSON.stringify(board).matchAll(/\$\{?([a-zA-Z_]+)/g)].map(([, name = ""]) => name);
    expect(used.filter((name) => !known.has(name) && name !== "__all")).toEqual([]);
  });

  it.each([...boards])("%s: every query is about series that a cluster has", async (_, board) => {
    const known = await seriesNames();
    const asked = [
      ...board.panels.flatMap(queriesOf),
      ...board.templating.list.flatMap(({ query }) => /^label_values\((.*), \w+\)$/.exec(query)?.[1] ?? []),
    ];
    expect(asked.flatMap(metricNames).filter((name) => !known.has(name))).toEqual([]);
    expect(asked.filter((query) => metricNames(query).length === 0)).toEqual([]);
  });

  it("show every family that the cluster serves of its own", () => {
    const shown = new Set([...boards.values()].flatMap(({ panels }) => panels.flatMap(queriesOf)).flatMap(metricNames));
    const isShown = (name: string): boolean =>
      ["", "_bucket", "_sum", "_count"].some((part) => shown.has(`${name}${part}`));
    expect(ownFamilies().filter(({ name }) => !isShown(name))).toEqual([]);
  });

  it("take rates over what Grafana says, so that a zoom and another scrape interval change nothing", () => {
    const queries = [...boards.values()].flatMap(({ panels }) => panels.flatMap(queriesOf));
    expect(queries.filter((query) => /\[(?!\$__rate_interval\])/.test(query))).toEqual([]);
  });

  it("are found by the provisioning, whose Prometheus scrapes as often as it thinks", () => {
    const source = readFileSync(join(GRAFANA, "provisioning/datasources/prometheus.yml"), "utf8");
    const scraping = readFileSync(join(GRAFANA, "../prometheus/prometheus.yml"), "utf8");
    expect(/timeInterval: (\w+)/.exec(source)?.[1]).toBe(/scrape_interval: (\w+)/.exec(scraping)?.[1]);
    expect(readFileSync(join(GRAFANA, "provisioning/dashboards/rookery.yml"), "utf8")).toContain("type: file");
  });
});
