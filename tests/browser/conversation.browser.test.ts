// Two people who talk through two edges, each in a browser, and what each sees of what the other does.
import { beforeAll, describe, expect, it } from "vitest";
import type { ChatPage } from "./chat-page.ts";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

/** Two windows on two edges in a channel of their own. */
async function two(channel: string): Promise<[ann: ChatPage, bo: ChatPage]> {
  await stage.backend.channel(channel, { owner: "ann" });
  const ann = await stage.visit("ann", { at: channel, edge: 0 });
  const bo = await stage.visit("bo", { at: channel, edge: 1 });
  return [ann, bo];
}

describe("two browsers on two edges", () => {
  it("show each message once, and in the same order", async () => {
    const [ann, bo] = await two("garden");
    for (const n of [1, 2, 3]) {
      await ann.write(`ann says ${n}`);
      await bo.write(`bo says ${n}`);
    }
    const said = [1, 2, 3].flatMap((n) => [`ann says ${n}`, `bo says ${n}`]);
    for (const each of [ann, bo])
      await expect.poll(async () => (await each.bodies()).toSorted()).toEqual(said.toSorted());
    await expect.poll(ann.settled).toEqual(await bo.settled());
    const seqs = (await ann.shown()).map(({ seq }) => seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6]);
    const edges = await Promise.all(["edge-1", "edge-2"].map((edge) => stage.cluster.metrics(edge)));
    expect(edges.map((edge) => edge.get("rookery_edge_connections"))).toEqual([1, 1]);
  });

  it("tell of one's own message that it is on its way, then accepted, then stored, and never take a step back", async () => {
    const [ann, bo] = await two("ticks");
    const states = await ann.recordStates();
    await ann.write("is it there");
    await expect.poll(() => ann.stateOf("is it there")).toBe("saved");
    expect(await states()).toEqual(["sending", "sent", "saved"]);
    await expect.poll(() => bo.stateOf("is it there")).toBeUndefined();
  });
});
