import { describe, expect, it } from "vitest";
import { createNodeId } from "./node-id.ts";

describe("a node id", () => {
  it("begins with the node's name and differs at every start", () => {
    const ids = Array.from({ length: 50 }, () => createNodeId("edge-1").current());
    for (const id of ids) expect(id).toMatch(/^edge-1\.[0-9a-z]{4}$/);
    expect(new Set(ids).size).toBeGreaterThan(40);
  });

  it("stays until it is renewed, and is told to all who asked, with the former one", () => {
    const node = createNodeId("edge-1");
    const told: string[] = [];
    node.onRenew((current, former) => told.push(`first ${former} ${current}`));
    node.onRenew((current) => told.push(`second ${current}`));
    const former = node.current();
    expect(node.current()).toBe(former);
    const current = node.renew();
    expect(node.current()).toBe(current);
    expect(current).not.toBe(former);
    expect(told).toEqual([`first ${former} ${current}`, `second ${current}`]);
  });

  it("is never taken twice by one process", () => {
    const node = createNodeId("n");
    const ids = [node.current(), ...Array.from({ length: 500 }, () => node.renew())];
    expect(new Set(ids).size).toBe(501);
  });
});
