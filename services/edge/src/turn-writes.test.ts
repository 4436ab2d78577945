import { describe, expect, it } from "vitest";
import { createTurnWrites } from "./turn-writes.ts";

describe("what is told in one turn of the loop", () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  function rig() {
    const did: string[] = [];
    const writes = createTurnWrites();
    const writer = (name: string, then?: () => void) => ({
      write() {
        did.push(name);
        then?.();
      },
    });
    return { did, writes, writer };
  }

  it("is written at its end, in order, and once", async () => {
    const { did, writes, writer } = rig();
    writes.add(writer("x"));
    writes.add(writer("y"));
    expect(did).toEqual([]);
    await turn();
    expect(did).toEqual(["x", "y"]);
    await turn();
    expect(did).toEqual(["x", "y"]);
  });

  it("is written earlier when somebody asks, and not again at the end", async () => {
    const { did, writes, writer } = rig();
    writes.add(writer("x"));
    writes.letGo();
    expect(did).toEqual(["x"]);
    writes.add(writer("y"));
    await turn();
    expect(did).toEqual(["x", "y"]);
  });

  it("leaves to the next turn what is told while it is written", async () => {
    const { did, writes, writer } = rig();
    writes.add(writer("x", () => writes.add(writer("z"))));
    writes.add(writer("y"));
    writes.letGo();
    expect(did).toEqual(["x", "y"]);
    await turn();
    expect(did).toEqual(["x", "y", "z"]);
  });
});
