// When log is shed, and what an operator hears of it. A Redis that is as full as a test says.
import type { Shedding } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createRelief } from "./relief.ts";

function scene() {
  const now = { fullness: 0.5 as number | undefined, postgres: true, away: false, ms: 0 };
  const lines: string[] = [];
  const asked: number[][] = [];
  const told: number[] = [];
  const spared: boolean[] = [];
  const unlessAway = <T>(value: T): T => {
    if (now.away) throw new ChatError("unavailable", "away");
    return value;
  };
  const shedding: Shedding = {
    fullness: async () => unlessAway(now.fullness),
    shed: async (partitions, _forMs, sparesYoung) => {
      asked.push([...partitions]);
      spared.push(sparesYoung);
      return { entries: 3, bytes: 300 };
    },
    tidy: async () => unlessAway(undefined),
  };
  const say = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`);
  const relief = createRelief({
    shedding,
    owned: () => [1, 2],
    postgresAnswers: async () => now.postgres,
    shed: ({ entries }) => told.push(entries),
    log: { info: say("info"), warn: say("warn") },
    clock: () => now.ms,
  });
  const lookAfter = async (ms: number): Promise<void> => {
    now.ms += ms;
    await relief.look();
  };
  return { now, relief, lines, asked, told, spared, lookAfter };
}

const nearlyFull = "warn Redis is nearly full; log that Postgres has is shed";

describe("a Redis that fills up", () => {
  it("is left alone below nine tenths, and without a limit", async () => {
    const { now, relief, asked, lookAfter } = scene();
    for (const fullness of [0.5, 0.899, undefined]) {
      now.fullness = fullness;
      await lookAfter(1_000);
    }
    expect(asked).toEqual([]);
    expect(relief.trouble()).toBeUndefined();
    expect(relief.fullness()).toBeNaN();
  });

  it("is relieved at every look from there on, of the partitions that are ours", async () => {
    const { now, relief, asked, told, lookAfter } = scene();
    now.fullness = 0.9;
    await lookAfter(0);
    await lookAfter(99);
    await lookAfter(1);
    expect(asked).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(told).toEqual([3, 3]);
    expect(relief.trouble()).toBe("Redis is 90 % full: 6 saved log entries were shed so far");
  });

  it("keeps the log of the last minute while Postgres does not answer, and says so", async () => {
    const { now, relief, spared, lookAfter } = scene();
    Object.assign(now, { fullness: 0.97, postgres: false });
    await lookAfter(0);
    expect(spared).toEqual([true]);
    expect(relief.trouble()).toBe(
      "Redis is 97 % full: 3 saved log entries were shed so far; those of the last minute are kept while Postgres does not answer",
    );
    now.postgres = true;
    await lookAfter(1_000);
    expect(spared).toEqual([true, false]);
  });

  it("is told of once, however often it is above and below the mark, and once when it has been calm", async () => {
    const { now, relief, lines, lookAfter } = scene();
    for (let times = 0; times < 5; times += 1) {
      now.fullness = 0.91;
      await lookAfter(1_000);
      now.fullness = 0.85;
      await lookAfter(59_000);
    }
    expect(lines).toEqual([nearlyFull]);
    await lookAfter(1_000);
    expect(lines).toEqual([nearlyFull, "info Redis has room again"]);
    expect(relief.trouble()).toBeUndefined();
  });

  it("that does not answer ends no look for good", async () => {
    const { now, relief, asked, lookAfter } = scene();
    Object.assign(now, { fullness: 0.95, away: true });
    await lookAfter(0);
    await relief.sweep();
    expect(relief.fullness()).toBeNaN();
    now.away = false;
    await lookAfter(1_000);
    expect(asked).toHaveLength(1);
  });
});
