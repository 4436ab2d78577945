// Contract of what is remembered of channels' rules: from memory at once, read again seldom, together, and behind the asker.
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import type { ChannelSettings } from "./channel-store.ts";
import { createRulesCache } from "./rules-cache.ts";

const HOUR_MS = 3_600_000;
const UNSET = { version: 0, digestAbove: null, countAbove: null };
const DEFAULTS = { digestAbove: 100, countAbove: 1000 };

function rig(maxChannels = 10) {
  const rows = new Map<string, ChannelSettings>();
  const reads: string[] = [];
  const now = { ms: 0, isAway: false };
  const cache = createRulesCache({
    store: {
      existing: async (ids) => {
        reads.push(ids.join(" "));
        if (now.isAway) throw new Error("away");
        return new Map(ids.flatMap((id) => (rows.has(id) ? [[id, rows.get(id) ?? UNSET] as const] : [])));
      },
    },
    defaults: DEFAULTS,
    maxChannels,
    nowMs: () => now.ms,
  });
  return { cache, rows, reads, now };
}

it("a channel without settings of its own is told by the defaults, also half of it", () => {
  const { cache, reads } = rig();
  cache.learn("a", UNSET);
  cache.learn("b", { version: 3, digestAbove: 5, countAbove: null });
  expect([cache.of("a"), cache.of("b")]).toEqual([
    { version: 0, ...DEFAULTS },
    { version: 3, digestAbove: 5, countAbove: 1000 },
  ]);
  expect(reads).toEqual([]);
});

it("what is known is read again after an hour, all that is asked for in one turn in one statement or two", async () => {
  const { cache, rows, reads, now } = rig();
  for (const id of ["a", "b", "c"]) cache.learn(id, UNSET);
  rows.set("b", { version: 1, digestAbove: 2, countAbove: 4 });
  now.ms = HOUR_MS - 1;
  cache.of("b");
  expect(reads).toEqual([]);
  now.ms = HOUR_MS;
  for (const id of ["a", "b", "c", "b"]) expect(cache.of(id).version).toBe(0);
  await turn();
  expect(reads).toEqual(["a", "b c"]);
  expect(cache.of("b")).toEqual({ version: 1, digestAbove: 2, countAbove: 4 });
  expect(reads).toHaveLength(2);
});

it("while Postgres is away what is known stands, and it is not asked again at once", async () => {
  const { cache, reads, now } = rig();
  cache.learn("a", { version: 1, digestAbove: 2, countAbove: 4 });
  Object.assign(now, { ms: HOUR_MS, isAway: true });
  for (let n = 0; n < 3; n += 1) {
    expect(cache.of("a").version).toBe(1);
    await turn();
  }
  expect(reads).toEqual(["a"]);
  Object.assign(now, { ms: HOUR_MS + 10_000 });
  cache.of("a");
  await turn();
  expect(reads).toEqual(["a", "a"]);
});

it("no more channels are remembered than there is room for, and one that had to go is asked for again", async () => {
  const { cache, rows, reads } = rig(2);
  rows.set("a", { version: 1, digestAbove: 2, countAbove: 4 });
  for (const id of ["a", "b", "c"]) cache.learn(id, rows.get(id) ?? UNSET);
  expect([cache.of("c").version, cache.of("a").version]).toEqual([0, 0]);
  await turn();
  expect(reads).toEqual(["a"]);
  expect(cache.of("a").version).toBe(1);
});
