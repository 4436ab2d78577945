// Contract of what holds a partition: told once each way, and over only when a read shows it.
import type { EntryId, MessageEntry, UnknownEntry } from "@rookery/broker";
import { describe, expect, it } from "vitest";
import { createHolds } from "./holds.ts";

const EPOCH = 5;
const id = (number: number): EntryId => ({ epoch: EPOCH, number });
const unknown = (partition: number, number: number): UnknownEntry => ({
  kind: "unknown",
  partition,
  id: id(number),
  name: "edit",
});
const message = (partition: number, number: number): MessageEntry => ({
  ...{ kind: "message", partition, id: id(number), channel: "c", position: { epoch: EPOCH, seq: number } },
  ...{ frame: "", cumulativeBytes: 0 },
});

function holding() {
  const lines: [level: string, fields: object][] = [];
  const holds = createHolds({
    log: {
      info: (fields) => void lines.push(["info", fields]),
      error: (fields) => void lines.push(["error", fields]),
    },
    streamOf: (partition) => `{p${partition}}:outbox`,
  });
  const told = (level: string, number = 3) => [level, expect.objectContaining({ partition: 1, entry: `5-${number}` })];
  return { holds, lines, told };
}

describe("a partition that is held", () => {
  it("gives what stands before the entry, is counted, named to an operator, and told once", () => {
    const { holds, lines } = holding();
    expect(holds.trouble()).toBeUndefined();
    for (let reads = 0; reads < 3; reads += 1) {
      const { free, held } = holds.sift([1, 2], [message(1, 2), unknown(1, 3), message(2, 9)], true);
      expect(free).toEqual([message(1, 2), message(2, 9)]);
      expect(held).toEqual([1]);
    }
    expect(lines).toEqual([["error", { partition: 1, entry: "5-3", kind: "edit", stream: "{p1}:outbox" }]]);
    expect(holds.count()).toBe(1);
    expect(holds.trouble()).toMatch(/partition 1 by 5-3 \("edit"\) in \{p1\}:outbox/);
  });

  it("is free when a read shows nothing there, or goes beyond the entry", () => {
    for (const shown of [[], [message(1, 4)]]) {
      const { holds, lines, told } = holding();
      holds.sift([1], [unknown(1, 3)], true);
      holds.sift([1], shown, shown.length === 0);
      expect(lines).toEqual([told("error"), told("info")]);
      expect([holds.count(), holds.trouble()]).toEqual([0, undefined]);
    }
  });

  it("stays so while reads end before the entry, miss the partition, or are of others", () => {
    const { holds, lines } = holding();
    holds.sift([1], [unknown(1, 3)], true);
    holds.sift([1, 2], [message(1, 2)], true);
    holds.sift([1, 2], [message(2, 7)], false);
    holds.sift([2], [], true);
    expect(holds.count()).toBe(1);
    expect(lines).toHaveLength(1);
  });

  it("is another's to tell of once it is another's, and is told anew when another entry holds it", () => {
    const { holds, lines, told } = holding();
    holds.sift([1], [unknown(1, 3)], true);
    holds.own([2]);
    expect(holds.count()).toBe(0);
    holds.sift([1], [unknown(1, 3)], true);
    holds.sift([1], [unknown(1, 4)], true);
    expect(lines).toEqual([told("error"), told("info"), told("error"), told("error", 4)]);
    expect(holds.count()).toBe(1);
  });
});
