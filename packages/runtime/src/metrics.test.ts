import { describe, expect, it } from "vitest";
import { createMetrics } from "./metrics.ts";

const make = () => createMetrics({ service: "edge", node: () => "edge-1.k3f9", version: "1.2.3" });
const HELP = "What it counts.";

describe("metrics", () => {
  it("read plain counts when they are collected", async () => {
    const metrics = make();
    const frames = metrics.plainCounter("rookery_edge_frames_total", HELP);
    const closes = metrics.plainCounters("rookery_edge_closes_total", HELP, "code", ["slow", "idle"]);
    frames.n += 3;
    closes.idle.n += 2;
    expect((await metrics.render()).text).toContain("rookery_edge_frames_total 3\n");
    frames.n += 1;
    const { text } = await metrics.render();
    expect(text).toContain("rookery_edge_frames_total 4\n");
    expect(text).toContain('rookery_edge_closes_total{code="slow"} 0\n');
    expect(text).toContain('rookery_edge_closes_total{code="idle"} 2\n');
  });

  it("ask gauges when they are collected, and leave out what is not a number", async () => {
    const metrics = make();
    let open = 1;
    metrics.gauge("rookery_edge_connections", HELP, () => open);
    metrics.gauge("rookery_edge_watermark_age_seconds", HELP, () => Number.NaN);
    metrics.gauges("rookery_edge_lane_sockets", HELP, "lane", ["live", "quiet"], (lane) => lane.length);
    open = 7;
    const { text } = await metrics.render();
    expect(text).toContain("rookery_edge_connections 7\n");
    expect(text).not.toContain("rookery_edge_watermark_age_seconds NaN");
    expect(text).toContain('rookery_edge_lane_sockets{lane="quiet"} 5\n');
  });

  it("observe histograms, one or one a label value: each bucket holds those below it, the last one all", async () => {
    const metrics = make();
    const seconds = metrics.histogram("rookery_edge_send_seconds", HELP, [0.01, 0.1]);
    for (const value of [0.01, 0.05, 0.06, 7]) seconds.observe(value);
    metrics.histograms("rookery_edge_redis_seconds", HELP, "script", ["publish", "save"], [1]).publish.observe(0.5);
    const { text } = await metrics.render();
    const lines = text.split("\n").filter((line) => line.startsWith("rookery_edge_"));
    expect(lines).toEqual([
      'rookery_edge_send_seconds_bucket{le="0.01"} 1',
      'rookery_edge_send_seconds_bucket{le="0.1"} 3',
      'rookery_edge_send_seconds_bucket{le="+Inf"} 4',
      "rookery_edge_send_seconds_sum 7.12",
      "rookery_edge_send_seconds_count 4",
      'rookery_edge_redis_seconds_bucket{le="1",script="publish"} 1',
      'rookery_edge_redis_seconds_bucket{le="+Inf",script="publish"} 1',
      'rookery_edge_redis_seconds_sum{script="publish"} 0.5',
      'rookery_edge_redis_seconds_count{script="publish"} 1',
      'rookery_edge_redis_seconds_bucket{le="1",script="save"} 0',
      'rookery_edge_redis_seconds_bucket{le="+Inf",script="save"} 0',
      'rookery_edge_redis_seconds_sum{script="save"} 0',
      'rookery_edge_redis_seconds_count{script="save"} 0',
    ]);
    expect(text).toContain("# TYPE rookery_edge_send_seconds histogram\n");
    expect(() => seconds.observe(Number.NaN)).toThrow(TypeError);
  });

  it("tell the build, the event loop's lag and open files, without labels that grow", async () => {
    const { text, contentType } = await make().render();
    expect(contentType).toContain("version=0.0.4");
    expect(text).toMatch(
      /rookery_process_build_info\{service="edge",node="edge-1.k3f9",version="1.2.3",nodejs="[\d.]+"\} 1/,
    );
    expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
    expect(text).toContain("process_open_fds");
    expect(text).not.toContain("nodejs_active_");
  });

  it.each([
    ["rookery_edge_frames", "a counter that does not end with _total"],
    ["rookery_total", "a counter without a part"],
    ["rookery_frames_total", "a counter without a subject"],
    ["edge_frames_total", "a name of another family"],
    ["rookery_edge_Frames_total", "a capital letter"],
    ["rookery_edge_wait_ms_total", "a unit that is not a base unit"],
  ])("refuse %s at registration: %s", (name) => {
    expect(() => make().plainCounter(name, HELP)).toThrow(TypeError);
  });

  it.each(["rookery_edge_open_total", "rookery_edge_lag_ms", "rookery_edge_sockets_count", "rookery_edge_thing"])(
    "refuse the gauge %s at registration",
    (name) => {
      expect(() => make().gauge(name, HELP, () => 0)).toThrow(TypeError);
    },
  );

  it("refuse a label without a closed set of values, and a name that is taken", () => {
    const metrics = make();
    expect(() => metrics.plainCounters("rookery_edge_sends_total", HELP, "channel", ["a"])).toThrow(/closed set/);
    metrics.plainCounter("rookery_edge_sends_total", HELP);
    expect(() => metrics.plainCounter("rookery_edge_sends_total", HELP)).toThrow(/already been registered/);
  });
});
