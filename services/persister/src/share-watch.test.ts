// Sharing the partitions out over a registry that answers only some of what it is asked.
import type { NodeRecord } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createShareWatch } from "./share-watch.ts";

function record(node: string): NodeRecord {
  const fixed = { kind: "persister", pid: 1, version: "0.1.0", startedAt: 1 } as const;
  return { node, ...fixed, connections: 0, draining: false, kinds: 1, beatAt: 1 };
}

function watching(list: () => Promise<NodeRecord[]>, node = (): string => "persister.self") {
  const shares: number[][] = [];
  const watch = createShareWatch({
    registry: { list },
    node,
    kinds: 1,
    partitions: 8,
    share: (partitions) => shares.push([...partitions]),
  });
  onTestFinished(() => watch.stop());
  return { watch, shares };
}

const refused = async (): Promise<never> => {
  throw new ChatError("unavailable", "full");
};

const all = [0, 1, 2, 3, 4, 5, 6, 7];

describe("a persister's share of the partitions", () => {
  it("is computed from who is listed, whether or not it is itself", async () => {
    const { watch, shares } = watching(async () => []);
    await watch.start();
    expect(shares).toEqual([all]);
  });

  it("leaves to another what is another's, whether or not its own beat is heard", async () => {
    const other = record("persister.other");
    const heard = watching(async () => [other, record("persister.self")]);
    const unheard = watching(async () => [other]);
    await Promise.all([heard.watch.start(), unheard.watch.start()]);
    expect(heard.shares[0]?.length).toBeLessThan(8);
    expect(unheard.shares[0]).toEqual(heard.shares[0]);
  });

  it("is nothing beside one that understands a newer kind of entry", async () => {
    const { watch, shares } = watching(async () => [{ ...record("persister.newer"), kinds: 2 }]);
    await watch.start();
    expect(shares).toEqual([[]]);
  });

  it("stays what it was while nobody can be listed, and is looked up again a second later", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let looks = 0;
    const { watch, shares } = watching(async () => {
      looks += 1;
      return looks <= 2 ? refused() : [];
    });
    await watch.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([looks, shares]).toEqual([2, []]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([looks, shares]).toEqual([3, [all]]);
  });

  it("follows its node to another id", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let id = "persister.self";
    const former = record("persister.self");
    const { watch, shares } = watching(
      async () => [former],
      () => id,
    );
    await watch.start();
    expect(shares).toEqual([all]);
    id = "persister.renewed";
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shares[1]?.length).toBeLessThan(8);
  });
});
