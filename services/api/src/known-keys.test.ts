// Contract of what an api keeps of keys: how long, of which, and what it notes of their use.
import { ChatError } from "@rookery/protocol";
import type { ApiKeyRow, ApiKeyUse } from "@rookery/store";
import { describe, expect, it } from "vitest";
import { createKnownKeys } from "./known-keys.ts";

function scene() {
  const rows = new Map<string, ApiKeyRow>([["h", { id: 1, name: "backend", scopes: ["tokens"] }]]);
  const state = { nowMs: 0, isAway: false };
  const asked: string[] = [];
  const used: ApiKeyUse[] = [];
  const faults: unknown[] = [];
  const away = new ChatError("unavailable", "away");
  const find = createKnownKeys({
    keys: {
      find: async (hash) => {
        asked.push(hash);
        if (state.isAway) throw away;
        return rows.get(hash);
      },
      used: async (uses) => {
        if (state.isAway) throw away;
        used.push(...uses);
      },
    },
    onFault: (error) => faults.push(error),
    nowMs: () => state.nowMs,
  });
  return { rows, state, asked, used, faults, find };
}

describe("a known key", () => {
  it("is asked for once by all who come together, and again after a second", async () => {
    const { state, asked, find } = scene();
    await Promise.all([find("h"), find("h"), find("h")]);
    state.nowMs = 999;
    expect(await find("h")).toMatchObject({ name: "backend" });
    expect(asked).toEqual(["h"]);
    state.nowMs = 1000;
    await find("h");
    expect(asked).toEqual(["h", "h"]);
  });

  it("that is revoked opens nothing a second later", async () => {
    const { rows, state, find } = scene();
    await find("h");
    rows.clear();
    state.nowMs = 1000;
    expect(await find("h")).toBeUndefined();
    expect(await find("h")).toBeUndefined();
  });

  it("is asked for anew where there was none, or no answer", async () => {
    const { rows, state, asked, find } = scene();
    expect(await find("new")).toBeUndefined();
    rows.set("new", { id: 2, name: "new", scopes: [] });
    expect(await find("new")).toMatchObject({ id: 2 });
    state.isAway = true;
    state.nowMs = 1000;
    await expect(find("h")).rejects.toMatchObject({ code: "unavailable" });
    state.isAway = false;
    expect(await find("h")).toMatchObject({ id: 1 });
    expect(asked).toEqual(["new", "new", "h", "h"]);
  });

  it("is kept only while few enough are", async () => {
    const { rows, asked, find } = scene();
    for (let n = 0; n <= 1000; n += 1) {
      rows.set(`k${n}`, { id: n + 10, name: "k", scopes: [] });
      await find(`k${n}`);
    }
    await find("k1000");
    expect(asked).toHaveLength(1001);
    await find("k0");
    expect(asked).toHaveLength(1002);
  });
});

describe("the use of a key", () => {
  it("is noted at most once a minute", async () => {
    const { state, used, find } = scene();
    for (const atMs of [0, 10, 59_999]) {
      state.nowMs = atMs;
      await find("h");
    }
    expect(used).toEqual([{ id: 1, at: expect.any(Number) }]);
    state.nowMs = 60_000;
    await find("h");
    expect(used).toHaveLength(2);
  });

  it("that could not be noted is told, refuses nobody, and is noted with the next one", async () => {
    const { state, used, faults, find } = scene();
    // Postgres goes away between the look and the note.
    const key = find("h");
    state.isAway = true;
    expect(await key).toMatchObject({ id: 1 });
    await expect.poll(() => faults.length).toBe(1);
    state.isAway = false;
    await find("h");
    expect(used).toHaveLength(1);
  });
});
