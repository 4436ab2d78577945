// Whatever is changed, announced, lost, late, told twice or doubted, and however Redis forgets: what rights answer was so at a
// version no older than what this process had heard of when it was asked, and what they remember is never older than that.
import { ChatError } from "@rookery/protocol";
import type { AccessEntry, ChannelChange } from "@rookery/protocol";
import { array, assert, asyncProperty, boolean, constantFrom, nat, oneof, record } from "fast-check";
import { expect, inject, it } from "vitest";
import type { Grant } from "./grant.ts";
import { createRights } from "./rights.ts";
import { fakeStores } from "./stores.fixture.ts";

const USERS = ["ann", "bob", "eve"] as const;
const STATES = {
  banned: { ban: { untilMs: null, reason: null } },
  member: { role: "member" },
  moderator: { role: "moderator" },
  nobody: {},
} as const satisfies Record<string, Partial<AccessEntry>>;
type State = keyof typeof STATES;

const user = constantFrom(...USERS);
const step = oneof(
  {
    weight: 4,
    arbitrary: record({
      kind: constantFrom("change" as const),
      user,
      state: constantFrom("banned" as const, "member" as const, "moderator" as const, "nobody" as const),
      // Unannounced: the api died after it was committed.
      fate: constantFrom("heard" as const, "heard" as const, "lost" as const, "late" as const, "unannounced" as const),
    }),
  },
  { weight: 6, arbitrary: record({ kind: constantFrom("ask" as const, "fresh" as const), user }) },
  { weight: 1, arbitrary: record({ kind: constantFrom("late" as const), which: nat({ max: 20 }) }) },
  { weight: 6, arbitrary: record({ kind: constantFrom("turn" as const, "settle" as const) }) },
  { weight: 1, arbitrary: record({ kind: constantFrom("doubt" as const, "loss" as const) }) },
);

it("no answer is older than what was heard of, and none is of a version that never was", async () => {
  await assert(
    asyncProperty(
      array(step, { minLength: 30, maxLength: 60 }),
      boolean(),
      constantFrom("public", "private"),
      async (steps, isWhole, kind) => {
        const stores = fakeStores({ mostWhole: isWhole ? 256 : 0 });
        const rights = createRights({ ...stores, autoCreate: false, statementEveryMs: 0 });
        stores.put("lobby", { version: 0, kind }, { olga: { role: "owner" } });
        /** By version: who was what. */
        const truth: Record<string, State>[] = [{}];
        const newest = (): number => truth.length - 1;
        const late: ChannelChange[] = [];
        const under: Promise<void>[] = [];
        let heard = 0;

        const told = (change: ChannelChange): void => {
          stores.announce(change);
          rights.apply(change);
          heard = Math.max(heard, change.record.version);
        };
        const expected = (version: number, who: string): string => {
          const state = truth[version]?.[who] ?? "nobody";
          if (state !== "nobody") return state;
          return kind === "public" ? "member" : "not_found";
        };
        const check = (answer: Grant | ChatError, who: string, from: number): void => {
          const versions = answer instanceof ChatError ? range(from, newest()) : [answer.version];
          const said = answer instanceof ChatError ? answer.code : answer.role;
          expect(versions.every((version) => version >= from && version <= newest())).toBe(true);
          expect(versions.map((version) => expected(version, who))).toContain(said);
        };
        const ask = async (how: "cached" | "fresh", who: string): Promise<void> => {
          const from = heard;
          const answer = await rights[how]({ user: who, channel: "lobby", right: "join" });
          check(answer, who, from);
        };

        for (const each of steps) {
          if (each.kind === "change") {
            const change = stores.commit("lobby", { [each.user]: STATES[each.state] });
            truth.push({ ...truth.at(-1), [each.user]: each.state === "banned" ? "banned" : each.state });
            if (each.fate === "heard") told(change);
            else if (each.fate === "lost") stores.announce(change);
            else late.push(change);
            if (each.fate === "late") stores.announce(change);
          } else if (each.kind === "ask" || each.kind === "fresh") {
            const from = heard;
            const how = each.kind === "ask" ? "cached" : "fresh";
            under.push(
              ask(how, each.user).catch((error: unknown) =>
                checked(error, (refusal) => check(refusal, each.user, from)),
              ),
            );
          } else if (each.kind === "late") {
            const change = late[each.which % Math.max(1, late.length)];
            if (change !== undefined) told(change);
          } else if (each.kind === "turn") await new Promise((resolve) => setImmediate(resolve));
          else if (each.kind === "settle") await Promise.all(under.splice(0));
          else if (each.kind === "loss") stores.loseRedis();
          else {
            rights.doubt(1);
            // What was committed and never announced nobody can have missed.
            heard = Math.max(heard, ...[...stores.redis.values()].map((known) => known.record.version));
          }
          for (const who of USERS) {
            const remembered = rights.remembered("lobby", who);
            if (remembered !== undefined) check(remembered, who, heard);
          }
        }
        await Promise.all(under);
      },
    ),
    { numRuns: 100 * inject("fuzzTimes") },
  );
});

function checked(error: unknown, check: (refusal: ChatError) => void): void {
  // Three changes while one reading was under way.
  if (error instanceof ChatError && error.code !== "unavailable") check(error);
  else if (!(error instanceof ChatError)) throw error;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}
