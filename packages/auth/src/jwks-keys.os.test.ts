import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { createJwksKeys, KeysAway } from "./jwks-keys.ts";
import { createVerifier } from "./verifier.ts";

const teardowns: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(teardowns.splice(0).map((teardown) => teardown()));
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  teardowns.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/jwks`;
}

/** An issuer whose answer and clock a test changes as it goes. */
async function issuer() {
  const state = { kids: ["one"], status: 200, fetches: 0, nowMs: 1_800_000_000_000 };
  const pairs = new Map(["one", "two"].map((kid) => [kid, generateKeyPairSync("ec", { namedCurve: "P-256" })]));
  const url = await serve((_request, response) => {
    state.fetches += 1;
    const keys = state.kids.map((kid) => ({
      ...pairs.get(kid)?.publicKey.export({ format: "jwk" }),
      kid,
      alg: "ES256",
    }));
    response.writeHead(state.status, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
  });
  const faults: string[] = [];
  const keys = createJwksKeys({ url, nowMs: () => state.nowMs, onFault: (error) => faults.push(error.message) });
  const find = (kid: string) => keys.find({ alg: "ES256", kid });
  return { url, state, pairs, keys, find, faults };
}

const MINUTE_MS = 60_000;

describe("an issuer's published keys", () => {
  it("are fetched once for all who ask", async () => {
    const { state, find } = await issuer();
    await Promise.all([find("one"), find("one"), find("one")]);
    await find("one");
    expect(state.fetches).toBe(1);
  });

  it("are fetched again for an unknown key id, but not more than once in 30 s", async () => {
    const { state, find } = await issuer();
    await find("one");
    state.kids = ["one", "two"];
    await Promise.all([find("two"), find("two")]);
    await expect(find("three")).rejects.toThrow(/no applicable key/);
    expect(state.fetches).toBe(2);
    state.nowMs += 29_000;
    await expect(find("three")).rejects.toThrow(/no applicable key/);
    expect(state.fetches).toBe(2);
    state.nowMs += 2000;
    await expect(find("three")).rejects.toThrow(/no applicable key/);
    expect(state.fetches).toBe(3);
  });

  it("that cannot be fetched are away, which is told and tried again within a second for whoever asks", async () => {
    const { state, keys, find } = await issuer();
    state.status = 503;
    await expect(find("one")).rejects.toThrow(KeysAway);
    await expect(find("one")).rejects.toThrow(KeysAway);
    expect(await keys.trouble()).toMatch(/answered 503/);
    expect(state.fetches, "asked three times within one instant").toBe(1);
    state.status = 200;
    state.nowMs += 1000;
    expect(await keys.trouble(), "readiness alone brings them back").toBeUndefined();
    await expect(find("one")).resolves.toBeDefined();
    expect(state.fetches).toBe(2);
  });

  it("are away for an unknown key id, not without it, while they cannot be fetched", async () => {
    const { state, find } = await issuer();
    await find("one");
    state.status = 503;
    await expect(find("two")).rejects.toThrow(KeysAway);
    await expect(find("one")).resolves.toBeDefined();
    state.status = 200;
    state.kids = ["one", "two"];
    state.nowMs += 1000;
    await expect(find("two")).resolves.toBeDefined();
  });

  it("are served out of date while the issuer is away, for an hour and no longer", async () => {
    const { state, find, faults } = await issuer();
    await find("one");
    state.status = 500;
    state.nowMs += 59 * MINUTE_MS;
    await expect(find("one")).resolves.toBeDefined();
    await expect.poll(() => faults).toEqual(["the JWKS address answered 500"]);
    state.nowMs += 2 * MINUTE_MS;
    await expect(find("one")).rejects.toThrow("answered 500");
    state.status = 200;
    state.nowMs += 1000;
    await expect(find("one")).resolves.toBeDefined();
  });

  it("are away while it publishes none, and those it published before stay good", async () => {
    const { state, find, faults } = await issuer();
    state.kids = [];
    await expect(find("one")).rejects.toThrow(KeysAway);
    state.kids = ["one"];
    state.nowMs += 1_000;
    await find("one");
    state.kids = [];
    await expect(find("stranger")).rejects.toThrow(KeysAway);
    await find("one");
    expect(faults).toEqual(["it publishes no key", "it publishes no key"]);
  });

  it("that were withdrawn are no longer taken after the next fetch", async () => {
    const { state, find } = await issuer();
    await find("one");
    state.kids = ["two"];
    state.nowMs += 11 * MINUTE_MS;
    await find("one");
    await expect.poll(() => state.fetches).toBe(2);
    await expect
      .poll(() =>
        find("one").then(
          () => "taken",
          () => "refused",
        ),
      )
      .toBe("refused");
  });

  it.each([
    ["an error", 503, "{}"],
    ["text", 200, "keys"],
    ["something else", 200, "[]"],
    ["too much", 200, JSON.stringify({ keys: [], pad: "x".repeat(300_000) })],
  ])("are not known when the address answers %s", async (_what, status, body) => {
    const url = await serve((_request, response) => response.writeHead(status).end(body));
    await expect(createJwksKeys({ url }).find({ alg: "ES256", kid: "one" })).rejects.toThrow(KeysAway);
  });

  it("are not taken from where the address redirects to", async () => {
    const { url: target } = await issuer();
    const url = await serve((_request, response) => response.writeHead(302, { location: target }).end());
    await expect(createJwksKeys({ url }).find({ alg: "ES256", kid: "one" })).rejects.toThrow(KeysAway);
  });

  it("verify tokens by their key id", async () => {
    const { url, state, pairs } = await issuer();
    const verifier = createVerifier({
      jwksUrl: url,
      algorithms: ["ES256"],
      issuer: "rookery",
      audience: "rookery",
      clockToleranceSec: 5,
    });
    const claims = { iss: "rookery", aud: "rookery", sub: "alice", exp: Math.floor(Date.now() / 1000) + 60 };
    const tokenOf = (kid: string, header: object = {}): string => {
      const parts = [{ alg: "ES256", kid, ...header }, claims];
      const input = parts.map((each) => Buffer.from(JSON.stringify(each)).toString("base64url")).join(".");
      const key = pairs.get(kid)?.privateKey;
      const signature =
        key === undefined ? Buffer.alloc(64) : sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
      return `${input}.${signature.toString("base64url")}`;
    };
    state.status = 503;
    expect(await verifier.verify(tokenOf("one"))).toMatchObject({ kind: "refusal", code: "unavailable" });
    expect(await verifier.trouble()).toMatch(/answered 503/);
    state.status = 200;
    await expect
      .poll(() => verifier.verify(tokenOf("one")), { timeout: 3000 })
      .toMatchObject({ kind: "identity", user: "alice" });
    expect(await verifier.trouble()).toBeUndefined();
    expect(await verifier.verify(tokenOf("two"))).toMatchObject({
      kind: "refusal",
      message: "no known key fits the token",
    });
    expect(await verifier.verify(tokenOf("two", { kid: "one" }))).toMatchObject({
      message: "the signature does not fit",
    });
  });
});
