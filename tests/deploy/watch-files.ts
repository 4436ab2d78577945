// Reads what an operator watches a cluster with: dashboards, rules, alerts and their tests, as those who take them do.
// Called by the tests of this folder. A file of another shape ends the test that reads it. Pure, but for the reading.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Type from "typebox";
import type { Static, TSchema } from "typebox";
import Value from "typebox/value";
import { parse } from "yaml";

export const PROMETHEUS = fileURLToPath(new URL("../../deploy/prometheus", import.meta.url));
export const GRAFANA = fileURLToPath(new URL("../../deploy/grafana", import.meta.url));

const TEXT = Type.String({ minLength: 1 });

const RULES = Type.Object({
  groups: Type.Array(
    Type.Object({
      name: TEXT,
      rules: Type.Array(
        Type.Union([
          Type.Object({ record: TEXT, expr: TEXT }),
          Type.Object({
            alert: TEXT,
            expr: TEXT,
            for: Type.Optional(TEXT),
            labels: Type.Object({ severity: TEXT }),
            annotations: Type.Object({ summary: TEXT, runbook_url: TEXT }),
          }),
        ]),
      ),
    }),
  ),
});
const RULE_TESTS = Type.Object({
  tests: Type.Array(
    Type.Object({
      promql_expr_test: Type.Optional(Type.Array(Type.Object({ expr: TEXT }))),
      alert_rule_test: Type.Optional(
        Type.Array(Type.Object({ alertname: TEXT, exp_alerts: Type.Array(Type.Unknown()) })),
      ),
    }),
  ),
});
const SCRAPES = Type.Object({
  rule_files: Type.Array(TEXT),
  scrape_configs: Type.Array(
    Type.Object({ job_name: TEXT, static_configs: Type.Array(Type.Object({ targets: Type.Array(TEXT) })) }),
  ),
});
const SOURCE = Type.Object({ type: Type.Literal("prometheus"), uid: Type.Literal("${datasource}") });
const DASHBOARD = Type.Object({
  uid: TEXT,
  title: TEXT,
  schemaVersion: Type.Integer(),
  templating: Type.Object({
    list: Type.Array(Type.Object({ name: TEXT, type: TEXT, query: TEXT, datasource: Type.Optional(SOURCE) })),
  }),
  panels: Type.Array(
    Type.Object({
      id: Type.Integer({ minimum: 1 }),
      title: TEXT,
      description: TEXT,
      type: TEXT,
      datasource: SOURCE,
      gridPos: Type.Object({ x: Type.Integer(), y: Type.Integer(), w: Type.Integer(), h: Type.Integer() }),
      fieldConfig: Type.Object({ defaults: Type.Object({ unit: TEXT }) }),
      targets: Type.Array(Type.Object({ refId: TEXT, expr: TEXT, legendFormat: TEXT }), { minItems: 1 }),
    }),
    { minItems: 1 },
  ),
});

export type Dashboard = Static<typeof DASHBOARD>;
export type Panel = Dashboard["panels"][number];
type Rule = Static<typeof RULES>["groups"][number]["rules"][number];
export type Alert = Extract<Rule, { alert: string }>;
export type Recording = Extract<Rule, { record: string }>;

export function dashboards(): Map<string, Dashboard> {
  const folder = join(GRAFANA, "dashboards");
  return new Map(readdirSync(folder).map((file) => [file.replace(".json", ""), read(DASHBOARD, join(folder, file))]));
}

export const alerts = (): Alert[] => rulesOf("alerts.yml").filter((rule) => "alert" in rule);
export const recordings = (): Recording[] => rulesOf("rules.yml").filter((rule) => "record" in rule);
export const ruleTests = (file: string): Static<typeof RULE_TESTS>["tests"] =>
  read(RULE_TESTS, join(PROMETHEUS, file)).tests;
export const scrapes = (): Static<typeof SCRAPES> => read(SCRAPES, join(PROMETHEUS, "prometheus.yml"));

function rulesOf(file: string): Rule[] {
  return read(RULES, join(PROMETHEUS, file)).groups.flatMap(({ rules }) => rules);
}

/** JSON is YAML too. */
function read<S extends TSchema>(schema: S, file: string): Static<S> {
  const content: unknown = parse(readFileSync(file, "utf8"));
  if (!Value.Check(schema, content)) {
    const [first] = Value.Errors(schema, content);
    throw new TypeError(`${file}: ${first?.instancePath ?? ""} ${first?.message ?? "has another shape"}`);
  }
  return content;
}
