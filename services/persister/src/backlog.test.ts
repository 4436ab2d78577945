// Contract of the watch over what waits.
import type { OutboxBacklog } from "@rookery/broker";
import { describe, expect, it } from "vitest";
import { createBacklog } from "./backlog.ts";

describe("the backlog", () => {
  const lines: string[] = [];
  let waiting: OutboxBacklog | undefined;
  const backlog = createBacklog({
    outbox: {
      waiting: async () => {
        if (waiting === undefined) throw new Error("Redis is away");
        return waiting;
      },
    },
    budgetBytes: 1_000,
    partitions: 4,
    log: { info: (_, message) => lines.push(message), warn: (_, message) => lines.push(message) },
  });

  it("is unknown before the first look and while Redis is away", async () => {
    expect([backlog.latest(), backlog.ageSeconds(5_000)]).toEqual([undefined, Number.NaN]);
    waiting = { entries: 1, bytes: 10, loads: [], oldestAtMs: 2_000 };
    await backlog.look();
    expect([backlog.latest()?.entries, backlog.ageSeconds(5_000)]).toEqual([1, 3]);
    waiting = undefined;
    await backlog.look();
    expect(backlog.latest()).toBeUndefined();
  });

  it("warns once when 60 % of the budget is taken, and once when there is room again", async () => {
    for (const bytes of [599, 600, 900, 1_000, 500, 100]) {
      waiting = { entries: 1, bytes, loads: [] };
      await backlog.look();
    }
    expect(lines.splice(0)).toEqual([
      "the outbox fills up; when it is full, sends are refused",
      "the outbox has room again",
    ]);
    expect(backlog.ageSeconds(5_000)).toBe(0);
  });

  it("warns of the one partition that runs out of what it may hold, long before all of the budget is taken", async () => {
    for (const bytes of [200, 400, 100]) {
      waiting = {
        entries: 1,
        bytes,
        loads: [1, 2, 3].map((partition) => ({ partition, bytes: partition === 2 ? bytes : 0 })),
      };
      await backlog.look();
      expect(backlog.fullest()).toBeCloseTo(bytes / Math.max(bytes + (1_000 - bytes) / 4, 250));
    }
    expect(lines).toEqual(["the outbox fills up; when it is full, sends are refused", "the outbox has room again"]);
  });
});
