// Contract of what a join is answered: one text for a crowd that is given the same page, and every join counted all the same.
import type { ForwardPage } from "@rookery/broker";
import { ORIGIN } from "@rookery/protocol";
import { createMetrics } from "@rookery/runtime";
import { describe, expect, it } from "vitest";
import { createEdgeMetrics } from "../metrics.ts";
import { joinedText } from "./joined.ts";

const MEMBER = { role: "member", can: ["join", "read"], mode: "full" as const, online: 2 };
const READER = { role: "reader", can: ["read"], mode: "full" as const, online: 2 };
const AT = { epoch: 7, seq: 2 };
const FRAMES = [1, 2].map((seq) => ({ position: { epoch: 7, seq }, frame: `{"seq":${seq}}` }));
const page = (): Omit<ForwardPage, "recovered"> => ({
  frames: FRAMES,
  more: false,
  head: { position: AT, saved: ORIGIN },
});
const edge = () => ({
  metrics: createEdgeMetrics(createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" })),
});

describe("the answer to a join", () => {
  it("tells where the channel stands, what may be done in it, and the page", () => {
    const text = joinedText(edge(), { channel: "lobby" }, MEMBER, page());
    expect(JSON.parse(`{${text}}`)).toMatchObject({
      ...{ channel: "lobby", ...AT, recovered: false, saved: ORIGIN, more: false },
      ...{ role: "member", can: ["join", "read"], online: 2, messages: [{ seq: 1 }, { seq: 2 }] },
    });
  });

  it("counts each resume, also where the text is the same for all", () => {
    const rig = edge();
    const resumed = { ...page(), recovered: true };
    const texts = [1, 2, 3].map(() => joinedText(rig, { channel: "lobby", after: ORIGIN }, MEMBER, resumed));
    expect(new Set(texts).size).toBe(1);
    expect(JSON.parse(`{${texts[0]}}`)).toMatchObject({ recovered: true });
    expect(rig.metrics.resumes.recovered.n).toBe(3);
    joinedText(rig, { channel: "lobby", after: ORIGIN }, MEMBER, { ...page(), recovered: false });
    expect(rig.metrics.resumes.not_recovered.n).toBe(1);
  });

  it("tells everybody how they stand themselves on the same page", () => {
    const shared = page();
    const roles = [MEMBER, READER, MEMBER].map((grant) => {
      const told: unknown = JSON.parse(`{${joinedText(edge(), { channel: "lobby" }, grant, shared)}}`);
      return told;
    });
    expect(roles).toMatchObject([{ role: "member" }, { role: "reader" }, { role: "member" }]);
  });
});
