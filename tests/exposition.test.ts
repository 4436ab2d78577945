import { describe, expect, it } from "vitest";
import { faultsOf } from "./exposition.ts";

const family = (name: string, type: string, ...samples: string[]): string =>
  [`# HELP ${name} What it counts.`, `# TYPE ${name} ${type}`, ...samples, ""].join("\n");

describe("a page of metrics", () => {
  it("is in order with counters, gauges, histograms, labels of any text, and an empty family", () => {
    const page = [
      family(
        "app_sends_total",
        "counter",
        'app_sends_total{outcome="a \\"b\\" \\\\ {,} \\n"} 3',
        'app_sends_total{outcome="c"} 0',
      ),
      family("app_lag_seconds", "gauge", "app_lag_seconds NaN"),
      family(
        "app_age_seconds",
        "histogram",
        'app_age_seconds_bucket{le="0.1"} 1',
        'app_age_seconds_bucket{le="+Inf"} 2',
      ),
      "app_age_seconds_sum 2.5e-7\napp_age_seconds_count 2\n",
      family("app_bytes", "gauge"),
    ].join("\n");
    expect(faultsOf(page)).toEqual([]);
  });

  it.each<[string, string]>([
    ["no help", "# TYPE app_sends_total counter\napp_sends_total 1"],
    ["no type was told", "# HELP app_sends_total Help.\napp_sends_total 1"],
    ["no such type", family("app_things", "thing")],
    ["a second type", family("app_sends_total", "counter") + family("app_sends_total", "counter")],
    ["stands behind its samples", `${family("app_bytes", "gauge", "app_bytes 1")}# HELP app_bytes Again.`],
    ["no sample", family("app_bytes", "gauge", "app_bytes")],
    ["no sample", family("app_bytes", "gauge", "app_bytes many")],
    ["a counter ends with _total", family("app_sends", "counter", "app_sends 1")],
    ["only counters end with _total", family("app_sends_total", "gauge", "app_sends_total 1")],
    ["this ending belongs", family("app_sockets_count", "gauge", "app_sockets_count 1")],
    ["the type does not belong", family("app_gauge_bytes", "gauge")],
    ["in lower case", family("app_openSockets", "gauge")],
    ["in lower case", family("app:sockets", "gauge")],
    ["use seconds instead of ms", family("app_lag_ms", "gauge")],
    ["use bytes instead of kb", family("app_heap_kb", "gauge")],
    ["labels that cannot be read", family("app_bytes", "gauge", 'app_bytes{a="x"b="y"} 1')],
    ["a label that is not written", family("app_bytes", "gauge", 'app_bytes{kindOf="x"} 1')],
    ["a label twice", family("app_bytes", "gauge", 'app_bytes{a="x",a="y"} 1')],
    ["the same sample twice", family("app_bytes", "gauge", 'app_bytes{a="x",b="y"} 1', 'app_bytes{b="y",a="x"} 2')],
    ["le belongs to histograms", family("app_bytes", "gauge", 'app_bytes{le="1"} 1')],
    ["quantile belongs to summaries", family("app_bytes", "gauge", 'app_bytes{quantile="1"} 1')],
  ])("is not: %s", (fault, page) => {
    expect(faultsOf(page).join("\n")).toContain(fault);
  });
});
