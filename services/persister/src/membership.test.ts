// Sharing the partitions out over a registry that answers only some of what it is asked.
import type { NodeRecord } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createMembership } from "./membership.ts";

function record(node: string): NodeRecord {
  const fixed = { kind: "persister", pid: 1, version: "0.1.0", startedAt: 1 } as const;
  return { node, ...fixed, connections: 0, draining: false, kinds: 1, beatAt: 1 };
}

function joining(registry: { beat(): Promise<void>; list(): Promise<NodeRecord[]> }) {
  const shares: number[][] = [];
  const membership = createMembership({
    registry: { ...registry, leave: async () => undefined },
    node: "persister.self",
    version: "0.1.0",
    kinds: 1,
    partitions: 8,
    share: (partitions) => shares.push([...partitions]),
  });
  onTestFinished(() => membership.leave());
  return { membership, shares };
}

const refused = async (): Promise<never> => {
  throw new ChatError("unavailable", "full");
};

const all = [0, 1, 2, 3, 4, 5, 6, 7];

describe("a persister's share of the partitions", () => {
  it("is computed from who is listed, also while its own beat is refused", async () => {
    const { membership, shares } = joining({ beat: refused, list: async () => [] });
    await membership.join();
    expect(shares).toEqual([all]);
  });

  it("leaves to another what is another's, whether or not its own beat is heard", async () => {
    const others = [record("persister.other")];
    const heard = joining({ beat: async () => undefined, list: async () => others });
    const unheard = joining({ beat: refused, list: async () => others });
    await Promise.all([heard.membership.join(), unheard.membership.join()]);
    expect(heard.shares[0]?.length).toBeLessThan(8);
    expect(unheard.shares[0]).toEqual(heard.shares[0]);
  });

  it("stays what it was while nobody can be listed, and a beat that failed is made up for at the next look", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let beats = 0;
    const { membership, shares } = joining({
      beat: async () => {
        beats += 1;
        if (beats === 1) await refused();
      },
      list: refused,
    });
    await membership.join();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(beats).toBe(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(beats).toBe(2);
    expect(shares).toEqual([]);
  });
});
