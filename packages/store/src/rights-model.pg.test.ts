// Property: whatever is done to a channel's rights, by whomever, is done or refused as a simple model says; and whoever only
// follows the changes that were announced, knows in the end what Postgres has.
import type { AccessEntry, Role } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import * as fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { createChannelActs } from "./channel-acts.ts";
import { connectStore } from "./connect.ts";
import { act, BACKEND, by } from "./rights.fixture.ts";
import type { ChannelOutcome, MadeOutcome } from "./rights-changes.ts";
import { createStandings } from "./standings.ts";

const { url } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const acts = createChannelActs(store);

const RUNS = 40;
const USERS = ["olga", "ann", "ben", "cy", "dee"] as const;
const FOR_GOOD = { untilMs: null, reason: null };
const RANKS: Readonly<Record<Role, number>> = { owner: 4, moderator: 3, member: 2, reader: 1 };
const KEY = 5;

const user = fc.constantFrom(...USERS);
const steps = fc.array(
  fc
    .oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("role" as const), role: role() }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("ban" as const, "mute" as const), on: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("kick" as const, "admit" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("evict" as const) }) },
    )
    .chain((step) => fc.record({ step: fc.constant(step), actor: fc.oneof(user, fc.constant(undefined)), on: user })),
  { minLength: 1, maxLength: 40 },
);
type Step = typeof steps extends fc.Arbitrary<(infer One)[]> ? One : never;
type Kind = "public" | "private" | "password";

function role(): fc.Arbitrary<Role | null> {
  return fc.constantFrom("owner", "moderator", "member", "reader", null);
}

/** The rules in memory, each act judged by what stands. */
function createModel(kind: Kind, cap: number) {
  const roles = new Map<string, Role>([["olga", "owner"]]);
  const bans = new Set<string>();
  const mutes = new Set<string>();
  const rankOf = (who: string): number => {
    const held = roles.get(who);
    return held === undefined ? 0 : RANKS[held];
  };
  const isLastOwner = (who: string): boolean =>
    roles.get(who) === "owner" && [...roles.values()].filter((held) => held === "owner").length === 1;

  /** Undefined where the actor may go on. */
  function barred(actor: string | undefined, on: string, needs: number): string | undefined {
    const rank = actor === undefined ? KEY : rankOf(actor);
    if (kind === "private" && rank === 0) return "not_found";
    if (rank < needs) return "forbidden";
    return actor !== on && needs === RANKS.moderator && rankOf(on) >= rank ? "forbidden" : undefined;
  }

  function setRole(actor: string | undefined, on: string, given: Role | null): string {
    const leaves = actor === on && given === null;
    const why = barred(actor, on, leaves ? 0 : RANKS.moderator);
    if (why !== undefined) return why;
    const before = roles.get(on);
    if ((before ?? null) === given) return "unchanged";
    if (actor === on && !leaves) return "forbidden";
    if (given !== null && RANKS[given] > (actor === undefined ? KEY : rankOf(actor))) return "forbidden";
    if (isLastOwner(on)) return "conflict";
    if (leaves && before === "reader" && kind !== "private") return "forbidden";
    if (given !== null && bans.has(on)) return "conflict";
    if (before === undefined && kind !== "public" && roles.size >= cap) return "too_many";
    if (given === null) roles.delete(on);
    else roles.set(on, given);
    return "done";
  }

  function sanction(actor: string | undefined, on: string, of: Set<string>, gives: boolean): string {
    const why = barred(actor, on, RANKS.moderator) ?? (actor === on ? "forbidden" : undefined);
    if (why !== undefined) return why;
    if (!gives) return of.delete(on) ? "done" : "unchanged";
    if (of === bans && isLastOwner(on)) return "conflict";
    of.add(on);
    if (of === bans) roles.delete(on);
    return "done";
  }

  function admit(on: string): string {
    if (kind !== "password") return "not_found";
    if (bans.has(on)) return "forbidden";
    if (roles.has(on)) return "unchanged";
    if (roles.size >= cap) return "too_many";
    roles.set(on, "member");
    return "done";
  }

  function evict(actor: string | undefined): string {
    const why = barred(actor, "", RANKS.owner);
    if (why !== undefined) return why;
    if (kind !== "password") return "invalid";
    for (const [who, held] of roles) if (RANKS[held] < RANKS.moderator) roles.delete(who);
    return "done";
  }

  return {
    judge({ step, actor, on }: Step): string {
      if (step.kind === "role") return setRole(actor, on, step.role);
      if (step.kind === "ban" || step.kind === "mute")
        return sanction(actor, on, step.kind === "ban" ? bans : mutes, step.on);
      if (step.kind === "admit") return admit(on);
      if (step.kind === "evict") return evict(actor);
      return barred(actor, on, RANKS.moderator) ?? (actor === on ? "forbidden" : "done");
    },
    entry: (who: string): AccessEntry => ({
      role: roles.get(who) ?? null,
      ban: bans.has(who) ? FOR_GOOD : null,
      mute: mutes.has(who) ? FOR_GOOD : null,
    }),
  };
}

/** `n` makes each change of the channel one that changes something. */
function perform(channel: string, { step, actor, on }: Step, n: number): Promise<ChannelOutcome | MadeOutcome> {
  const to = act(channel, actor === undefined ? BACKEND : by(actor));
  if (step.kind === "role") return acts.setRole({ ...to, user: on, role: step.role });
  if (step.kind === "ban") return acts.ban({ ...to, user: on, ban: step.on ? FOR_GOOD : null });
  if (step.kind === "mute") return acts.mute({ ...to, user: on, mute: step.on ? FOR_GOOD : null });
  if (step.kind === "kick") return acts.kick({ ...to, user: on, reason: null });
  if (step.kind === "admit") return acts.admit({ ...to, user: on, passwordHash: "hash" });
  // The hash stays, so that whoever is admitted later still shows the right one.
  return acts.change({ ...to, given: { passwordHash: "hash", name: `name ${n}`, evict: true } });
}

let runs = 0;

it("what becomes of acts on rights is what the rules say, and what was announced of them is all that there is to know", async () => {
  const kinds = fc.constantFrom<Kind>("public", "private", "password");
  await fc.assert(
    fc.asyncProperty(kinds, fc.integer({ min: 1, max: 4 }), steps, async (kind, cap, all) => {
      runs += 1;
      const channel = `model-${runs}`;
      const given = { memberCap: cap, ...(kind === "password" ? { passwordHash: "hash" } : {}) };
      await acts.create({ ...act(channel), wanted: { kind, owner: "olga", given } });
      const model = createModel(kind, cap);
      const followed = new Map<string, AccessEntry>();
      let version = 1;
      for (const [n, step] of all.entries()) {
        const outcome = await perform(channel, step, n);
        expect([n, outcome.kind === "refused" ? outcome.code : outcome.kind]).toEqual([n, model.judge(step)]);
        if (outcome.kind !== "done") continue;
        version += 1;
        expect(outcome.change.record.version).toBe(version);
        if (outcome.change.forgets) followed.clear();
        for (const { user: who, entry } of outcome.change.entries) followed.set(who, entry);
      }
      const read = (await createStandings(store).read([{ channel, users: USERS }])).get(channel);
      const nothing = { role: null, ban: null, mute: null };
      const stands = USERS.map((who) => read?.entries.get(who) ?? nothing);
      expect(read?.record.version).toBe(version);
      expect(stands).toEqual(USERS.map(model.entry));
      for (const [who, entry] of followed) expect(entry).toEqual(model.entry(who));
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});
