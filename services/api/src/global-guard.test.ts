// Contract of the guard: nobody gets through by a table that is behind, whichever server forgot or is away.
import { ChatError } from "@rookery/protocol";
import type { BanEverywhere, Revocation } from "@rookery/protocol";
import { createGlobalTable } from "@rookery/rights";
import { describe, expect, it } from "vitest";
import { createGlobalGuard } from "./global-guard.ts";

const away = new ChatError("unavailable", "away");
const ANN = { user: "ann", jti: "j1", issuedAtMs: 500 };

function scene() {
  const bans: { version: number; row: BanEverywhere }[] = [];
  const revocations: { version: number; row: Revocation }[] = [];
  const state = { version: 0, redisVersion: 0, redisAway: false, postgresAway: false, nowMs: 0, atMs: 1_000 };
  const reads: number[] = [];
  const guard = createGlobalGuard({
    table: createGlobalTable(),
    announced: async () => {
      if (state.redisAway) throw away;
      return { version: state.redisVersion, atMs: state.atMs };
    },
    since: async (version) => {
      if (state.postgresAway) throw away;
      reads.push(version);
      const after = <Row>(rows: readonly { version: number; row: Row }[]): Row[] =>
        rows.filter((each) => each.version > version).map(({ row }) => row);
      return { version: state.version, bans: after(bans), revocations: after(revocations) };
    },
    nowMs: () => state.nowMs,
  });
  const committed = (): number => (state.version += 1);
  return {
    ...{ guard, state, reads },
    ban: (untilMs: number | null, reason: string | null = null) =>
      bans.push({ version: committed(), row: { user: "ann", untilMs, reason, lifted: false } }),
    revoke: (row: Partial<Revocation>) =>
      revocations.push({
        version: committed(),
        row: { jti: null, user: null, issuedBeforeMs: null, expiresMs: 1e15, ...row },
      }),
    heard: () => void (state.redisVersion = state.version),
  };
}

describe("a request of a user", () => {
  it("is let through by a table that was read once, and costs Postgres nothing more", async () => {
    const { guard, reads } = scene();
    await guard(ANN);
    await guard(ANN);
    expect(reads).toEqual([0]);
  });

  it("is refused from the announcement of a ban on, with its reason and end, until that has come on Redis' clock", async () => {
    const { guard, state, ban, heard, reads } = scene();
    await guard(ANN);
    ban(2_000, "spam");
    heard();
    await expect(guard(ANN)).rejects.toMatchObject({
      code: "banned",
      message: "banned from the whole cluster: spam",
      details: { until: 2_000 },
    });
    await guard({ ...ANN, user: "bob" });
    expect(reads).toEqual([0, 0]);
    state.atMs = 2_000;
    await guard(ANN);
  });

  it("with a token that was revoked by its id, or by when it was issued, is asked for another one", async () => {
    const byId = scene();
    byId.revoke({ jti: "j1" });
    byId.heard();
    await expect(byId.guard(ANN)).rejects.toMatchObject({ code: "unauthenticated" });
    await byId.guard({ ...ANN, jti: "j2" });
    const byTime = scene();
    byTime.revoke({ user: "ann", issuedBeforeMs: 500 });
    byTime.heard();
    await expect(byTime.guard(ANN)).rejects.toMatchObject({ code: "unauthenticated" });
    await byTime.guard({ ...ANN, issuedAtMs: 501 });
  });

  it("waits for nobody's answer but that of a table which has what the request knows of", async () => {
    const { guard, state, ban } = scene();
    await guard(ANN);
    ban(null);
    // Redis has heard of one that Postgres does not show yet.
    state.redisVersion = 2;
    await expect(guard({ ...ANN, user: "bob" })).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is unavailable without Redis, and before the table was ever read", async () => {
    const { guard, state } = scene();
    Object.assign(state, { redisVersion: 1, version: 1, postgresAway: true });
    await expect(guard(ANN)).rejects.toBe(away);
    Object.assign(state, { redisAway: true, postgresAway: false });
    await expect(guard(ANN)).rejects.toBe(away);
  });

  it("goes on by what is known while Postgres is away, since nothing can change there", async () => {
    const { guard, state, ban, heard } = scene();
    ban(null);
    heard();
    await expect(guard(ANN)).rejects.toMatchObject({ code: "banned" });
    Object.assign(state, { postgresAway: true, nowMs: 100_000 });
    await expect(guard(ANN)).rejects.toMatchObject({ code: "banned" });
    await guard({ ...ANN, user: "bob" });
  });

  it("hears of a ban within a second where Redis has forgotten how far it was, and within 30 s whatever Redis says", async () => {
    const { guard, state, ban, heard } = scene();
    ban(null);
    heard();
    await guard({ ...ANN, user: "bob" });
    state.redisVersion = 0;
    state.nowMs = 1_000;
    ban(null);
    await expect(guard(ANN)).rejects.toMatchObject({ code: "banned" });
    const never = scene();
    await never.guard(ANN);
    never.ban(null);
    never.state.nowMs = 30_000;
    await expect(never.guard(ANN)).rejects.toMatchObject({ code: "banned" });
  });
});
