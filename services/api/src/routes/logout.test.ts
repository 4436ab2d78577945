// Contract of logging out and of tickets over HTTP: what is revoked and for how long, what is sold, and that nothing of a token
// but what names and ends it goes anywhere.
import { createHmac } from "node:crypto";
import { createMinter, unpackTicket } from "@rookery/auth";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { RECEIPT } from "../fake-acts.fixture.ts";
import { minter, SECRET } from "../fake-context.fixture.ts";
import { fakeServer } from "../fake-server.fixture.ts";

const ISSUED = { secret: SECRET, issuer: "rookery", audience: "rookery" };
const ACTOR = { kind: "user", user: "ann" };
const mint = () => minter.mint({ user: "ann", name: "Ann", ttlSec: 60, claims: { secretTeam: "blue" } });

/** As other issuers may make them: without an id. */
function anonymousToken(): string {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: "rookery", aud: "rookery", sub: "ann", iat, exp: iat + 60 };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

describe("a logout", async () => {
  const { ask, api } = await fakeServer();

  it("revokes the token that is shown by its id, until it could not be valid anyway, and answers who heard of it", async () => {
    const { token, jti, expiresAtMs } = await mint();
    const { status, json } = await ask("POST", "/v1/auth/logout", { as: token });
    expect([status, json]).toEqual([200, { receipt: RECEIPT }]);
    const [name, act] = api.acted.at(-1) ?? [];
    const revocation = { jti, user: null, issuedBeforeMs: null, expiresMs: expiresAtMs + 600_000 };
    expect([name, act]).toEqual(["revoke", { actor: ACTOR, revocation }]);
  });

  it("ends the family of a refresh token that is given, and minds none that is no good", async () => {
    const { json: pair } = await ask("POST", "/v1/tokens", { body: { user: "ann" } });
    const refresh = () => ask("POST", "/v1/auth/refresh", { as: null, body: { refreshToken: pair["refreshToken"] } });
    const { token } = await mint();
    const logout = (refreshToken: unknown) => ask("POST", "/v1/auth/logout", { as: token, body: { refreshToken } });
    expect((await logout("nonsense")).status).toBe(200);
    expect((await logout(5)).json["code"]).toBe("bad_frame");
    expect((await refresh()).status).toBe(200);
    expect((await logout(pair["refreshToken"])).status).toBe(200);
    expect((await refresh()).json["code"]).toBe("unauthenticated");
    expect((await logout(pair["refreshToken"])).status).toBe(200);
  });

  it("of a token without an id ends what its user was issued until then", async () => {
    await ask("POST", "/v1/auth/logout", { as: anonymousToken() });
    expect(api.acted.at(-1)).toMatchObject([
      "revoke",
      { revocation: { jti: null, user: "ann", issuedBeforeMs: expect.any(Number) } },
    ]);
  });

  it("is for users alone, and ends nothing while Redis is away", async () => {
    expect((await ask("POST", "/v1/auth/logout")).json["code"]).toBe("forbidden");
    const { json: pair } = await ask("POST", "/v1/tokens", { body: { user: "ann" } });
    const { token } = await mint();
    api.away(true);
    const { json } = await ask("POST", "/v1/auth/logout", { as: token, body: { refreshToken: pair["refreshToken"] } });
    api.away(false);
    expect(json["code"]).toBe("unavailable");
    const refreshed = await ask("POST", "/v1/auth/refresh", { as: null, body: { refreshToken: pair["refreshToken"] } });
    expect(refreshed.status).toBe(200);
  });
});

describe("a ticket", async () => {
  const { ask, api } = await fakeServer();

  it("stands for the token that bought it, without the token and its claims, for 30 s", async () => {
    const { token, jti, expiresAtMs } = await mint();
    const before = Date.now();
    const { status, json } = await ask("POST", "/v1/tickets", { as: token });
    expect([status, json["ticket"]]).toEqual([201, "ticket-1"]);
    expect(json["expiresAt"]).toBeGreaterThanOrEqual(before + 30_000);
    const [value, keptMs] = api.sold[0] ?? ["", 0];
    expect(keptMs).toBe(30_000);
    expect(unpackTicket(value)).toMatchObject({ user: "ann", name: "Ann", jti, expiresAtMs, claims: {} });
    expect(value + JSON.stringify(json)).not.toMatch(/blue|secretTeam|eyJ/);
  });

  it("is good no longer than its token", async () => {
    const early = createMinter({ ...ISSUED, nowMs: () => Date.now() - 50_000 });
    const { token, expiresAtMs } = await early.mint({ user: "ann", ttlSec: 60 });
    const { json } = await ask("POST", "/v1/tickets", { as: token });
    expect(json["expiresAt"]).toBe(expiresAtMs);
    expect(api.sold.at(-1)?.[1]).toBeLessThanOrEqual(10_000);
  });

  it("is sold to users alone, and to none who may not come in", async () => {
    expect((await ask("POST", "/v1/tickets")).json["code"]).toBe("forbidden");
    expect((await ask("POST", "/v1/tickets", { as: null })).json["code"]).toBe("unauthenticated");
    const count = api.sold.length;
    api.guardWith(new ChatError("banned", "banned", { until: 5 }));
    const { json } = await ask("POST", "/v1/tickets", { as: (await mint()).token });
    api.guardWith(undefined);
    expect([json["code"], api.sold.length]).toEqual(["banned", count]);
  });
});

describe("a user who is banned everywhere", async () => {
  const { ask, api } = await fakeServer();

  it("gets no token, neither minted nor in exchange for a refresh token, which stays good", async () => {
    const { json: pair } = await ask("POST", "/v1/tokens", { body: { user: "ann" } });
    const refresh = () => ask("POST", "/v1/auth/refresh", { as: null, body: { refreshToken: pair["refreshToken"] } });
    api.guardWith(new ChatError("banned", "banned everywhere", { until: 5 }));
    const refused = [await ask("POST", "/v1/tokens", { body: { user: "ann" } }), await refresh()];
    api.guardWith(undefined);
    expect(refused.map(({ status, json }) => [status, json["code"], json["until"]])).toEqual(
      Array.from({ length: 2 }, () => [403, "banned", 5]),
    );
    expect((await refresh()).status).toBe(200);
  });
});
