// Contract of what the process may use: the operator's word, else its surroundings'.
import { describe, expect, it } from "vitest";
import { memoryLimitBytes, memoryShare, socketsByFiles } from "./process-room.ts";

describe("the room of a process", () => {
  it("is as much memory as was set, and else no more than the machine has", () => {
    expect(memoryLimitBytes(5_000_000)).toBe(5_000_000);
    expect(memoryLimitBytes(0)).toBeGreaterThan(0);
    expect(memoryLimitBytes(0)).toBeLessThan(2 ** 53);
  });

  it("is used by what is resident, of a limit that may be too small for it", () => {
    const half = memoryShare(2 * process.memoryUsage.rss());
    expect(half).toBeGreaterThan(0.3);
    expect(memoryShare(process.memoryUsage.rss() / 4)).toBeGreaterThan(2);
  });

  it("has as many sockets as the limit of open files leaves, and without a limit as many as there are", () => {
    const limits = (files: string): string =>
      `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${files}                4096                 files     \n`;
    expect(socketsByFiles(limits("1024"))).toBe(1024 - 256);
    expect(socketsByFiles(limits("100"))).toBe(1);
    expect([socketsByFiles(limits("unlimited")), socketsByFiles("")]).toEqual([Infinity, Infinity]);
  });
});
