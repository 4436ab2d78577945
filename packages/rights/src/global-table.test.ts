// Contract of the table of what is in force everywhere.
import type { BanEverywhere, GlobalChange, Revocation } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createGlobalTable } from "./global-table.ts";

const ban = (user: string, over: Partial<BanEverywhere> = {}): BanEverywhere => ({
  ...{ user, untilMs: null, reason: null, lifted: false },
  ...over,
});
const revocation = (over: Partial<Revocation>): Revocation => ({
  ...{ jti: null, user: null, issuedBeforeMs: null, expiresMs: 5000 },
  ...over,
});
const change = (version: number, over: Partial<GlobalChange>): GlobalChange => ({
  ...{ kind: "global", version, ban: null, revocation: null },
  ...over,
});

function loaded(version = 0) {
  const table = createGlobalTable();
  table.load({ version, bans: [], revocations: [] });
  return table;
}
const ann = { user: "ann", jti: "t1", issuedAtMs: 500 };

describe("the table of what is in force everywhere", () => {
  it("takes over no change before it was loaded, nor one whose forerunner never came", () => {
    const table = createGlobalTable();
    expect(table.version()).toBe(-1);
    expect(table.apply(change(1, { ban: ban("ann") }), 0)).toBe("behind");
    table.load({ version: 1, bans: [ban("ann")], revocations: [] });
    expect(table.apply(change(3, { ban: ban("bob") }), 0)).toBe("behind");
    expect(table.refusal({ ...ann, user: "bob" }, 0)).toBeUndefined();
    expect(table.apply(change(2, { ban: ban("bob") }), 0)).toBe("applied");
    expect(table.refusal({ ...ann, user: "bob" }, 0)).toMatchObject({ kind: "banned" });
  });

  it("knows a change that comes again, and one whose end came before it", () => {
    const table = loaded();
    table.apply(change(1, { ban: ban("ann") }), 0);
    table.apply(change(2, { ban: ban("ann", { lifted: true }) }), 0);
    expect(table.apply(change(1, { ban: ban("ann") }), 0)).toBe("known");
    expect(table.refusal(ann, 0)).toBeUndefined();
  });

  it("loses nothing that was announced while older rows were read", () => {
    const table = loaded();
    table.apply(change(1, { ban: ban("ann") }), 0);
    table.load({ version: 0, bans: [], revocations: [] });
    table.load({ version: 1, bans: [ban("ann", { lifted: true })], revocations: [] });
    expect([table.version(), table.refusal(ann, 0)]).toMatchObject([1, { kind: "banned" }]);
  });

  it("lets a ban end at its time by itself, and tells why and until when it holds", () => {
    const table = loaded();
    table.apply(change(1, { ban: ban("ann", { untilMs: 2000, reason: "spam" }) }), 0);
    expect(table.refusal(ann, 1999)).toEqual({ kind: "banned", untilMs: 2000, reason: "spam" });
    expect(table.refusal(ann, 2000)).toBeUndefined();
  });

  it("refuses a token by its id, and no other of the same user", () => {
    const table = loaded();
    table.apply(change(1, { revocation: revocation({ jti: "t1" }) }), 0);
    expect(table.refusal(ann, 0)).toEqual({ kind: "revoked" });
    expect(table.refusal({ ...ann, jti: "t2" }, 0)).toBeUndefined();
    expect(table.refusal({ user: "ann", issuedAtMs: 500 }, 0)).toBeUndefined();
  });

  it("refuses what was issued up to a moment, that moment included, of one user or of everybody", () => {
    const table = loaded();
    table.apply(change(1, { revocation: revocation({ user: "ann", issuedBeforeMs: 500 }) }), 0);
    expect(table.refusal(ann, 0)).toEqual({ kind: "revoked" });
    expect(table.refusal({ ...ann, issuedAtMs: 501 }, 0)).toBeUndefined();
    expect(table.refusal({ ...ann, user: "bob" }, 0)).toBeUndefined();
    table.apply(change(2, { revocation: revocation({ issuedBeforeMs: 400 }) }), 0);
    expect(table.refusal({ ...ann, user: "bob", issuedAtMs: 400 }, 0)).toEqual({ kind: "revoked" });
    expect(table.refusal({ ...ann, user: "bob", issuedAtMs: 0 }, 0)).toEqual({ kind: "revoked" });
  });

  it("goes by the latest of several moments of one user, in whichever order they come", () => {
    for (const moments of [
      [400, 600],
      [600, 400],
    ]) {
      const table = loaded();
      for (const [n, issuedBeforeMs] of moments.entries()) {
        table.apply(change(n + 1, { revocation: revocation({ user: "ann", issuedBeforeMs }) }), 0);
      }
      expect(table.refusal(ann, 0)).toEqual({ kind: "revoked" });
    }
  });

  it("forgets a revocation after its time", () => {
    const table = loaded();
    table.apply(change(1, { revocation: revocation({ jti: "t1", expiresMs: 1000 }) }), 0);
    expect(table.refusal(ann, 1000)).toBeUndefined();
    for (let version = 2; version < 100; version += 1) {
      table.apply(change(version, { revocation: revocation({ jti: `j${version}`, expiresMs: version + 2 }) }), version);
    }
    expect(table.refusal({ ...ann, jti: "j99" }, 0)).toEqual({ kind: "revoked" });
    expect(table.refusal({ ...ann, jti: "j2" }, 0)).toBeUndefined();
  });
});
