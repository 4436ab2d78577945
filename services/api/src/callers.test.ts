// Contract of finding out who calls, and of who is let in where.
import { createVerifier, hashApiKey, newApiKey } from "@rookery/auth";
import type { Verifier } from "@rookery/auth";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { admit, createIdentify, limitKeyOf } from "./callers.ts";
import type { Access, Caller, CheckOutcome } from "./callers.ts";
import { BOOTSTRAP_KEY, minter, SECRET } from "./fake-context.fixture.ts";

const verifier = createVerifier({ secret: SECRET, issuer: "rookery", audience: "rookery", clockToleranceSec: 0 });
const stored = newApiKey();

function identifier(
  given: { bootstrapKey: string | undefined; verifier?: Verifier } = { bootstrapKey: BOOTSTRAP_KEY },
) {
  const checked: CheckOutcome[] = [];
  const asked: string[] = [];
  const identify = createIdentify({
    verifier,
    ...given,
    findKey: async (hash) => {
      asked.push(hash);
      return hash === stored.hash ? { name: "site", scopes: ["publish"] } : undefined;
    },
    onChecked: (outcome) => checked.push(outcome),
  });
  return { identify, checked, asked };
}

describe("a caller", () => {
  it("with the key that is known from the start is an admin, and no table is asked", async () => {
    const { identify, asked, checked } = identifier();
    const caller = await identify(`Bearer ${BOOTSTRAP_KEY}`);
    expect(caller).toEqual({
      kind: "key",
      id: hashApiKey(BOOTSTRAP_KEY),
      name: "bootstrap",
      scopes: new Set(["admin"]),
    });
    expect([asked, checked]).toEqual([[], ["key"]]);
  });

  it("with a stored key is looked up by its hash, never by the key", async () => {
    const { identify, asked } = identifier();
    const caller = await identify(`bearer ${stored.key}`);
    expect(caller).toEqual({ kind: "key", id: stored.hash, name: "site", scopes: new Set(["publish"]) });
    expect(asked).toEqual([stored.hash]);
  });

  it("with a token is its user, under the token's name, with what revocations know the token by", async () => {
    const { identify } = identifier();
    const before = Date.now();
    const { token, expiresAtMs } = await minter.mint({ user: "ann", name: "Ann", ttlSec: 60 });
    const caller = await identify(`Bearer ${token}`);
    expect(caller).toMatchObject({ kind: "user", user: "ann", name: "Ann", jti: expect.any(String), expiresAtMs });
    expect(Object(caller)["issuedAtMs"]).toBeGreaterThanOrEqual(before);
  });

  it("with a token that cannot be checked now is unavailable, and no bad credential is counted", async () => {
    // Port 9 of loopback: nobody answers.
    const issuer = {
      jwksUrl: "http://127.0.0.1:9/jwks",
      algorithms: ["ES256"],
      issuer: "rookery",
      audience: "rookery",
    };
    const away = createVerifier({ ...issuer, clockToleranceSec: 0 });
    const { identify, checked } = identifier({ bootstrapKey: undefined, verifier: away });
    const { token } = await minter.mint({ user: "ann", ttlSec: 60 });
    const es256 = token.replace(/^[^.]+/, Buffer.from('{"alg":"ES256","kid":"one"}').toString("base64url"));
    await expect(identify(`Bearer ${es256}`)).rejects.toMatchObject({ code: "unavailable" });
    expect(checked).toEqual([]);
  });

  it.each([
    ["nothing", undefined],
    ["another scheme", "Basic YTpi"],
    ["two credentials", "Bearer a b"],
    ["an unknown key", `Bearer ${newApiKey().key}`],
    ["no token at all", "Bearer what"],
    ["an empty credential", "Bearer "],
  ])("with %s is unauthenticated", async (_what, authorization) => {
    const { identify, checked } = identifier();
    await expect(identify(authorization)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(checked).toEqual(["unauthenticated"]);
  });

  it("with an expired token is told so", async () => {
    const early = Date.now() - 7_200_000;
    const { createMinter } = await import("@rookery/auth");
    const old = createMinter({ secret: SECRET, issuer: "rookery", audience: "rookery", nowMs: () => early });
    const { token } = await old.mint({ user: "ann", ttlSec: 60 });
    const { identify, checked } = identifier();
    await expect(identify(`Bearer ${token}`)).rejects.toMatchObject({ code: "token_expired" });
    expect(checked).toEqual(["token_expired"]);
  });

  it("whose key cannot be looked up is neither accepted nor refused", async () => {
    const identify = createIdentify({
      bootstrapKey: undefined,
      findKey: () => Promise.reject(new ChatError("unavailable", "away")),
      verifier,
    });
    await expect(identify(`Bearer ${stored.key}`)).rejects.toMatchObject({ code: "unavailable" });
  });

  it.each(["rk_", "undefined", BOOTSTRAP_KEY])(
    "is not let in by %s where no key is known from the start",
    async (key) => {
      const { identify } = identifier({ bootstrapKey: undefined });
      await expect(identify(`Bearer ${key}`)).rejects.toMatchObject({ code: "unauthenticated" });
    },
  );
});

function refusalCode(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof ChatError ? error.code : "a fault";
  }
}

describe("access", () => {
  const key = (...scopes: string[]): Caller => ({ kind: "key", id: "h", name: "k", scopes: new Set(scopes) });
  const token = { jti: undefined, issuedAtMs: 1, expiresAtMs: 2 };
  const user: Caller = { kind: "user", user: "ann", name: "Ann", ...token };
  const both: Access = { users: true, scopes: ["publish"] };
  const usersOnly: Access = { users: true, scopes: [] };
  const keysOnly: Access = { users: false, scopes: ["tokens"] };

  it.each<[Caller, Access, boolean]>([
    [user, both, true],
    [user, keysOnly, false],
    [key("publish"), both, true],
    [key("tokens"), both, false],
    [key("tokens"), keysOnly, true],
    [key("admin"), keysOnly, true],
    [key(), both, false],
    [user, usersOnly, true],
    [key("tokens", "admin"), usersOnly, false],
    [{ kind: "anyone" }, "anyone", true],
    [{ kind: "anyone" }, both, false],
  ])("of %o to %o is %s", (caller, access, isOpen) => {
    expect(refusalCode(() => admit(caller, access))).toBe(isOpen ? undefined : "forbidden");
  });

  it("is counted under a name that no other caller has", () => {
    const names = [user, key("a"), { kind: "user", user: "h", name: "H", ...token } as const].map((caller) =>
      limitKeyOf(caller),
    );
    expect(new Set(names).size).toBe(3);
    expect(limitKeyOf({ kind: "anyone" })).toBeUndefined();
  });
});
