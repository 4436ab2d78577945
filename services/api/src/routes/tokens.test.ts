// Contract of handing out tokens; that they work at an edge follows from the verifier that reads them here.
import { createMinter, createVerifier } from "@rookery/auth";
import { describe, expect, it } from "vitest";
import { SECRET } from "../fake-context.fixture.ts";
import { fakeServer } from "../fake-server.fixture.ts";

const ISSUED = { secret: SECRET, issuer: "rookery", audience: "rookery" };
const verifier = createVerifier({ ...ISSUED, clockToleranceSec: 0 });
const mints = "/v1/tokens";

async function claimsOf(token: unknown): Promise<Readonly<Record<string, unknown>>> {
  const verified = await verifier.verify(String(token));
  if (verified.kind === "refusal") throw new Error(verified.message);
  return { ...verified.claims, user: verified.user, shown: verified.name };
}

describe("a minted token", async () => {
  const { ask } = await fakeServer();

  it("is the user's, for 15 minutes unless said otherwise", async () => {
    const before = Date.now();
    const { status, json, headers } = await ask("POST", mints, { body: { user: "ann" } });
    expect(status).toBe(201);
    expect(json).toMatchObject({ user: "ann", name: "ann", refreshToken: expect.stringMatching(/^rt_/) });
    const { exp, iat, user } = await claimsOf(json["token"]);
    expect([user, Number(exp) - Number(iat)]).toEqual(["ann", 900]);
    expect(json["expiresAt"]).toBe(Number(exp) * 1000);
    expect(Number(json["refreshAt"])).toBeGreaterThan(before);
    expect(Number(json["refreshAt"])).toBeLessThan(Number(json["expiresAt"]));
    expect(headers["cache-control"]).toBe("no-store");
  });

  it("carries name, lifetime and claims as asked", async () => {
    const body = { user: "ann", name: "Ann\u0007 A.", ttlSec: 60, claims: { team: ["x"] } };
    const { json } = await ask("POST", mints, { body });
    const { exp, iat, name, team } = await claimsOf(json["token"]);
    expect([Number(exp) - Number(iat), name, team]).toEqual([60, "Ann A.", ["x"]]);
  });

  it.each<[object, string, number, string]>([
    [{}, "bad_frame", 400, "user"],
    [{ user: 5 }, "bad_frame", 400, "user"],
    [{ user: "" }, "invalid", 400, "user"],
    [{ user: " ann" }, "invalid", 400, "user"],
    [{ user: "é".repeat(65) }, "invalid", 400, "user"],
    [{ user: "a\u202eb" }, "invalid", 400, "user"],
    [{ user: "\u200d\u200b" }, "invalid", 400, "user"],
    [{ user: "ann", name: 5 }, "bad_frame", 400, "name"],
    [{ user: "ann", ttlSec: 0 }, "invalid", 400, "ttlSec"],
    [{ user: "ann", ttlSec: 2_592_001 }, "invalid", 400, "ttlSec"],
    [{ user: "ann", ttlSec: "60" }, "bad_frame", 400, "ttlSec"],
    [{ user: "ann", claims: [] }, "bad_frame", 400, "claims"],
    [{ user: "ann", claims: { sub: "bob" } }, "invalid", 400, "claims.sub"],
    [{ user: "ann", claims: { iss: "x" } }, "invalid", 400, "claims.iss"],
    [{ user: "ann", claims: { big: "x".repeat(8000) } }, "too_large", 413, "claims"],
  ])("is not made of %j", async (body, code, status, field) => {
    const { json, status: got } = await ask("POST", mints, { body });
    expect([json["code"], got]).toEqual([code, status]);
    expect(json["detail"]).toContain(`"${field}"`);
  });
});

describe("a guest", async () => {
  const { ask } = await fakeServer();

  it("gets an id of one's own and the wished name, with a body or without one", async () => {
    const named = await ask("POST", "/v1/auth/guest", { as: null, body: { name: "Ann" } });
    expect(named.status).toBe(201);
    const { user, shown } = await claimsOf(named.json["token"]);
    expect([user, shown]).toEqual([named.json["user"], "Ann"]);
    expect(user).toMatch(/^guest-[\w-]{12}$/);
    const unnamed = await ask("POST", "/v1/auth/guest", { as: null, headers: { "content-type": "application/json" } });
    expect(unnamed.json["name"]).toBe(unnamed.json["user"]);
    expect(unnamed.json["user"]).not.toBe(user);
    expect((await ask("POST", "/v1/auth/guest", { as: null, body: "null" })).json["code"]).toBe("bad_frame");
  });

  it("gets a name without what would keep the server busy or hide its owner", async () => {
    const nameOf = async (name: string) => (await ask("POST", "/v1/auth/guest", { as: null, body: { name } })).json;
    expect((await nameOf(`a${"\u0300".repeat(16_000)}`))["name"]).toBe(`à${"\u0300".repeat(29)}`);
    expect((await nameOf("\u202eAnn"))["name"]).toBe("Ann");
    const unseen = await nameOf("\u200b\u200d");
    expect(unseen["name"]).toBe(unseen["user"]);
  });
});

describe("a name of two lines", async () => {
  const { ask, api } = await fakeServer();

  it("becomes the same one line in every token and every message", async () => {
    const name = "A\nB";
    const minted = await ask("POST", mints, { body: { user: "ann", name } });
    const guest = await ask("POST", "/v1/auth/guest", { as: null, body: { name } });
    const foreign = await createMinter(ISSUED).mint({ user: "ann", name, ttlSec: 60 });
    await ask("POST", "/v1/channels/lobby/messages", { body: { user: "ann", name, body: "hi" } });
    const told = [minted, guest].map(({ json }) => json["name"]);
    const shown = [minted.json["token"], guest.json["token"], foreign.token].map(async (token) => claimsOf(token));
    expect([...told, ...(await Promise.all(shown)).map((claims) => claims["shown"])]).toEqual(Array(5).fill("A B"));
    expect(api.publications[0]?.halves.tail).toContain('"name":"A B"');
  });
});

describe("a refresh", async () => {
  const { ask } = await fakeServer();
  const refresh = (refreshToken: unknown) => ask("POST", "/v1/auth/refresh", { as: null, body: { refreshToken } });

  it("answers the next token of the same user, name, lifetime and claims", async () => {
    const { json: first } = await ask("POST", mints, {
      body: { user: "ann", name: "Ann", ttlSec: 60, claims: { team: 1 } },
    });
    const { status, json } = await refresh(first["refreshToken"]);
    expect(status).toBe(200);
    const { exp, iat, user, name, team } = await claimsOf(json["token"]);
    expect([user, name, team, Number(exp) - Number(iat)]).toEqual(["ann", "Ann", 1, 60]);
    expect((await refresh(json["refreshToken"])).status).toBe(200);
  });

  it("with what is no refresh token is unauthenticated", async () => {
    const { status, json } = await refresh("rt_nothing");
    expect([status, json["code"]]).toEqual([401, "unauthenticated"]);
    expect((await refresh(5)).json["code"]).toBe("bad_frame");
  });
});
