import { describe, expect, it } from "vitest";
import { metricNames } from "./metric-names.ts";

describe("the metrics of a query", () => {
  it.each<[string, string[]]>([
    ["up == 0", ["up"]],
    ['sum by (job, instance) (rate(app_sends_total{kind="a}b"}[5m])) / 2.5e3', ["app_sends_total"]],
    ["histogram_quantile(0.99, sum by (le) (rate(app_seconds_bucket[$__rate_interval])))", ["app_seconds_bucket"]],
    ["(app:ratio or vector(0)) and on (job) app_bytes > 1e9", ["app:ratio", "app_bytes"]],
    ["time() - app_start_seconds + app_start_seconds", ["app_start_seconds"]],
    ["summ(app_bytes) wihout app_things", ["app_bytes", "wihout", "app_things"]],
  ])("of %s", (query, names) => {
    expect(metricNames(query)).toEqual(names);
  });
});
