import { SERVER_FRAMES } from "@rookery/protocol";
import { createMetrics } from "@rookery/runtime";
import { describe, expect, it } from "vitest";
import { createFramesOut } from "./frames-out.ts";
import { createEdgeMetrics } from "./metrics.ts";

const NOW_MS = 1_800_000_000_250;
const ORIGIN = { epoch: 0, seq: 0 };
const TYPES = Object.keys(SERVER_FRAMES);

/** A channel with three members, whose fan-out counts as it will. */
function rig(reached = 3) {
  const registry = createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" });
  const { framesOut: counts, deliveries, fanOutSockets: sockets, publishToFanOutSeconds } = createEdgeMetrics(registry);
  const framesOut = createFramesOut({
    ...{ counts, sockets, ageSeconds: publishToFanOutSeconds, deliveries },
    membersIn: () => 3,
    redisNowMs: () => NOW_MS,
  });
  const given: unknown[] = [];
  const deliver = (...frame: unknown[]): void => {
    given.push(frame);
    deliveries.n += reached;
  };
  const outlet = framesOut.around({ publish: deliver, gap: (...gap: unknown[]) => void given.push(gap) });
  const line = async (start: string): Promise<string[]> =>
    (await registry.render()).text.split("\n").filter((each) => each.startsWith(start));
  const byType = new Map<string, { readonly n: number }>(Object.entries(counts));
  const count = (type: string): number => byType.get(type)?.n ?? Number.NaN;
  return { ...framesOut, given, outlet, signal: framesOut.signal(deliver), line, count };
}

describe("frames that leave", () => {
  it.each(TYPES)("are counted by their type and no other, as text and as bytes: %s", (type) => {
    const { told, outlet, count } = rig();
    const frame = `{"type":"${type}","channel":"lobby"}`;
    told(frame);
    outlet.publish("lobby", Buffer.from(frame), ORIGIN);
    expect(TYPES.map((each) => [each, count(each)])).toEqual(TYPES.map((each) => [each, each === type ? 4 : 0]));
  });

  it("are counted as often as the fan-out says that they were given, and handed on as they came", async () => {
    const { outlet, signal, given, count, line } = rig(2);
    const frame = Buffer.from('{"type":"typing","channel":"lobby"}');
    outlet.publish("lobby", frame, { epoch: 1, seq: 2 });
    signal("lobby", frame, "somebody");
    outlet.gap("lobby", ORIGIN, ORIGIN, true);
    expect(given).toEqual([
      ["lobby", frame, { epoch: 1, seq: 2 }],
      ["lobby", frame, "somebody"],
      ["lobby", ORIGIN, ORIGIN, true],
    ]);
    expect([count("typing"), count("gap")]).toEqual([4, 3]);
    expect(await line("rookery_edge_fan_out_sockets_sum")).toEqual(["rookery_edge_fan_out_sockets_sum 4"]);
  });

  it("tell their age by Redis' clock, a frame of the future none, and not each of many at once", async () => {
    const dated = (at: number): string => `{"type":"message","channel":"lobby","epoch":7,"seq":1,"at":${at},"id":"x"}`;
    const { outlet, line } = rig();
    outlet.publish("lobby", Buffer.from(dated(NOW_MS - 250)), ORIGIN);
    outlet.publish("lobby", dated(NOW_MS - 9000), ORIGIN);
    expect(await line("rookery_edge_publish_to_fan_out_seconds_sum")).toEqual([
      "rookery_edge_publish_to_fan_out_seconds_sum 0.25",
    ]);
    const early = rig();
    early.outlet.publish("lobby", dated(NOW_MS + 5), ORIGIN);
    early.told("{}");
    expect(await early.line("rookery_edge_publish_to_fan_out_seconds_sum")).toEqual([
      "rookery_edge_publish_to_fan_out_seconds_sum 0",
    ]);
  });
});
