import { ChatError, ORIGIN } from "@rookery/protocol";
import type { ReadAnswer, ReadWish } from "@rookery/store";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStoredReads } from "./stored-reads.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const NOTHING: ReadAnswer = { read: ORIGIN, unread: 1, mentions: 0 };

function scene(tookMs = 1) {
  const statements: (readonly ReadWish[])[] = [];
  const deleted: (readonly string[])[] = [];
  const stored = createStoredReads({
    positions: {
      find: (wishes, ids) => {
        statements.push(wishes);
        deleted.push(ids);
        return new Promise((resolve) => setTimeout(() => resolve(wishes.map(() => NOTHING)), tookMs));
      },
      newestMentions: (wishes) => {
        statements.push([]);
        return Promise.resolve(wishes.map(() => []));
      },
    },
  });
  return { stored, statements, deleted };
}

describe("questions about what was read", () => {
  it("of nine thousand who join within three seconds are at most fifty statements a second, and each is answered", async () => {
    const { stored, statements } = scene();
    const asked: Promise<unknown>[] = [];
    for (let n = 0; n < 9_000; n += 50) {
      for (let k = 0; k < 50; k += 1) asked.push(stored.position("lobby", `u${n + k}`));
      await vi.advanceTimersByTimeAsync(17);
    }
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all(asked);
    expect(statements.length).toBeLessThanOrEqual(170);
    expect(Math.max(...statements.map((wishes) => wishes.length))).toBeLessThanOrEqual(200);
  });

  it("of one turn go together, and the first does not wait", async () => {
    const { stored, statements, deleted } = scene();
    const span = { read: ORIGIN, upTo: { epoch: 1, seq: 9 }, mostUnread: 100, mostMentions: 100 };
    const asked = [
      stored.position("lobby", "ann"),
      stored.count({ channel: "lobby", user: "bob", span }, ["m1"]),
      stored.count({ channel: "hall", user: "bob", span }, ["m1", "m2"]),
    ];
    await vi.advanceTimersByTimeAsync(2);
    await Promise.all(asked);
    expect(statements).toHaveLength(1);
    expect(deleted).toEqual([["m1", "m2"]]);
  });

  it("that take too long are given up, sent or not", async () => {
    const { stored, statements } = scene(6_000);
    const codes: unknown[] = [];
    for (let n = 0; n < 900; n += 1) {
      stored.position("lobby", `u${n}`).catch((error: unknown) => codes.push(error instanceof ChatError && error.code));
    }
    await vi.advanceTimersByTimeAsync(2_500);
    expect(codes).toHaveLength(900);
    expect(new Set(codes)).toEqual(new Set(["unavailable"]));
    expect(statements).toHaveLength(2);
    stored.close();
  });

  it("about mentions and about users take turns", async () => {
    const { stored, statements } = scene();
    const asked = [
      ...Array.from({ length: 500 }, (_, n) => stored.position("lobby", `u${n}`)),
      stored.mentions({ channel: "lobby", upTo: ORIGIN }),
    ];
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all(asked);
    expect(statements.map((wishes) => wishes.length)).toEqual([200, 0, 200, 100]);
  });
});
