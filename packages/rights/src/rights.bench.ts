/**
 * Cost of asking for a right that memory knows, as every send does: of whoever has no entry, of a role, of a muted user, and
 * of one of a crowd in a channel of which no node knows everybody. Prints medians over rounds. The aim is at most 1 µs.
 * `npx esbuild packages/rights/src/rights.bench.ts --bundle --platform=node --format=esm --conditions=source
 * --outfile=<file>.mjs`, then `node <file>.mjs`.
 */
import { createRights } from "./rights.ts";
import type { Asked } from "./rights.ts";
import { fakeStores } from "./stores.fixture.ts";

const ROUNDS = 31;
const CALLS_PER_ROUND = 100_000;
const CROWD = 10_000;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const stores = fakeStores();
const rights = createRights({ ...stores, autoCreate: false, statementEveryMs: 0 });
stores.put("lobby", {}, { mod: { role: "moderator" }, eve: { mute: { untilMs: Date.now() + 1e9, reason: null } } });
const members = Array.from({ length: CROWD }, (_, n) => [`user-${n}`, { role: "member" } as const] as const);
stores.put("club", { kind: "private" }, Object.fromEntries(members));
await Promise.all(members.map(async ([user]) => rights.cached({ user, channel: "club", right: "write" })));
await rights.cached({ user: "ann", channel: "lobby", right: "write" });

const CASES: Readonly<Record<string, Asked>> = {
  "no entry": { user: "ann", channel: "lobby", right: "write" },
  "a role": { user: "mod", channel: "lobby", right: "write" },
  "muted, reading": { user: "eve", channel: "lobby", right: "read" },
  "one of a crowd": { user: "user-7777", channel: "club", right: "write" },
};

for (const [name, asked] of Object.entries(CASES)) {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    for (let n = 0; n < CALLS_PER_ROUND; n += 1) {
      if (rights.cached(asked) instanceof Promise) throw new Error(`${name}: memory does not know`);
    }
    rounds.push(((performance.now() - startMs) * 1e6) / CALLS_PER_ROUND);
  }
  process.stdout.write(`${name}: ${median(rounds).toFixed(0)} ns a check\n`);
}
