import { createHmac, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createMinter, createVerifier, refreshAtMs } from "./index.ts";
import type { Verified, VerifierOptions } from "./index.ts";

const SECRET = "k3J9vQ0xZr7LmN2pTs5WbY8cDf1GhE4a";
const OTHER_SECRET = "Zp4Rk8Wd2Xc6Vb0Nm1Qa5Ws9Ed3Rf7Tg";
const NOW_MS = 1_800_000_000_123;
const NOW_SEC = Math.floor(NOW_MS / 1000);
const BASE = { issuer: "rookery", audience: "rookery", clockToleranceSec: 5, nowMs: () => NOW_MS };
const CLAIMS = { iss: "rookery", aud: "rookery", sub: "alice", exp: NOW_SEC + 60, iat: NOW_SEC };

const ed = generateKeyPairSync("ed25519");
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pemOf = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs by hand, so that what a library refuses to make can still be tried. */
function forge(header: object, claims: object, signWith: (input: string) => Buffer): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signWith(input).toString("base64url")}`;
}

const hs256 = (secret: string) => (input: string) => createHmac("sha256", secret).update(input).digest();
const token = (claims: object = {}, header: object = {}, secret = SECRET): string =>
  forge({ alg: "HS256", ...header }, { ...CLAIMS, ...claims }, hs256(secret));

async function verify(text: string, options: Partial<VerifierOptions> = { secret: SECRET }): Promise<Verified> {
  return createVerifier({ ...BASE, ...options }).verify(text);
}

describe("a good token", () => {
  it("is answered in the same turn where it is signed with a secret, and so is a bad one", () => {
    const { verify: ask } = createVerifier({ ...BASE, secret: SECRET });
    expect(ask(token())).toMatchObject({ kind: "identity", user: "alice" });
    expect(ask(token({}, {}, OTHER_SECRET))).toMatchObject({ kind: "refusal", code: "unauthenticated" });
  });

  it("names its user, its times and its claims", async () => {
    const text = token({ name: "Alice", jti: "j-1", iat_ms: NOW_SEC * 1000 + 42, team: "blue" });
    expect(await verify(text)).toEqual({
      kind: "identity",
      user: "alice",
      name: "Alice",
      jti: "j-1",
      issuedAtMs: NOW_SEC * 1000 + 42,
      expiresAtMs: (NOW_SEC + 60) * 1000,
      claims: expect.objectContaining({ team: "blue" }),
    });
  });

  it("counts as issued at the end of its second when it tells no milliseconds, or ones of another second", async () => {
    expect(await verify(token())).toMatchObject({ issuedAtMs: NOW_SEC * 1000 + 999 });
    expect(await verify(token({ iat_ms: NOW_MS + 5000 }))).toMatchObject({ issuedAtMs: NOW_SEC * 1000 + 999 });
  });

  it("counts as issued at 0 when it tells no time of issue, so that no revocation by time misses it", async () => {
    expect(await verify(token({ iat: undefined, iat_ms: NOW_MS }))).toMatchObject({ kind: "identity", issuedAtMs: 0 });
  });

  it("is taken within the clock tolerance after its expiry", async () => {
    expect(await verify(token({ exp: NOW_SEC - 4 }))).toMatchObject({ kind: "identity" });
  });

  it("may have several audiences, ours among them", async () => {
    expect(await verify(token({ aud: ["other", "rookery"] }))).toMatchObject({ kind: "identity" });
  });

  it("is taken under the previous secret while keys are changed", async () => {
    const options = { secret: OTHER_SECRET, previousSecret: SECRET };
    expect(await verify(token(), options)).toMatchObject({ kind: "identity" });
    expect(await verify(token({ exp: NOW_SEC - 60 }), options)).toMatchObject({ code: "token_expired" });
    expect(await verify(token(), { secret: OTHER_SECRET })).toMatchObject({ kind: "refusal" });
  });

  it.each([
    ["EdDSA", ed, (input: string) => sign(null, Buffer.from(input), ed.privateKey)],
    [
      "ES256",
      p256,
      (input: string) => sign("sha256", Buffer.from(input), { key: p256.privateKey, dsaEncoding: "ieee-p1363" }),
    ],
    ["RS256", rsa, (input: string) => sign("sha256", Buffer.from(input), rsa.privateKey)],
  ] as const)("may be signed with %s, which follows from the PEM key", async (alg, pair, signWith) => {
    const options = { publicKeyPem: pemOf(pair.publicKey) };
    expect(await verify(forge({ alg }, CLAIMS, signWith), options)).toMatchObject({ kind: "identity", user: "alice" });
  });
});

describe("a token is refused", () => {
  const pem = pemOf(rsa.publicKey);
  const unsigned = `${part({ alg: "none" })}.${part(CLAIMS)}.`;
  const jwk = p256.publicKey.export({ format: "jwk" });
  const es256 = (input: string) =>
    sign("sha256", Buffer.from(input), { key: p256.privateKey, dsaEncoding: "ieee-p1363" });
  const rows: readonly (readonly [what: string, text: string, options?: Partial<VerifierOptions>])[] = [
    ["that is forged", token({}, {}, OTHER_SECRET)],
    ["whose claims were changed", token().replace(/\.[\w-]+\./, `.${part({ ...CLAIMS, sub: "mallory" })}.`)],
    ["without a signature", unsigned],
    ["with algorithm none and a signature", forge({ alg: "none" }, CLAIMS, hs256(SECRET))],
    [
      "of another algorithm of the same key",
      forge({ alg: "HS512" }, CLAIMS, (input) => createHmac("sha512", SECRET).update(input).digest()),
    ],
    ["signed with HS256 under the bytes of the PEM key", token({}, {}, pem), { publicKeyPem: pem }],
    [
      "that brings its own key",
      forge({ alg: "ES256", jwk }, CLAIMS, es256),
      { publicKeyPem: pemOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey) },
    ],
    [
      "that names an address for its key",
      token({}, { jku: "https://evil.example/k", x5u: "https://evil.example/c" }, OTHER_SECRET),
    ],
    ["with critical extensions", token({}, { crit: ["exp"], exp: 1 })],
    ["with an unencoded payload", token({}, { crit: ["b64"], b64: true })],
    ["without an expiry", token({ exp: undefined })],
    ["with an expiry that is text", token({ exp: "tomorrow" })],
    ["with an expiry beyond any time", token({ exp: 1e300 })],
    ["without a subject", token({ sub: undefined })],
    ["with an empty subject", token({ sub: "" })],
    ["with a subject that is a number", token({ sub: 7 })],
    ["with a subject of 129 bytes", token({ sub: "x".repeat(129) })],
    ["with a subject that ends with a space", token({ sub: "alice " })],
    ["with a control character in its subject", token({ sub: "al\u0000ice" })],
    ["with a lone surrogate in its subject", token({ sub: "al\ud800ice" })],
    ["of another issuer", token({ iss: "elsewhere" })],
    ["without an issuer", token({ iss: undefined })],
    ["for another audience", token({ aud: "elsewhere" })],
    ["without an audience", token({ aud: undefined })],
    ["that is not valid yet", token({ nbf: NOW_SEC + 60 })],
    ["that was issued in the future", token({ iat: NOW_SEC + 60 })],
    ["whose id is no text", token({ jti: 7 })],
    ["that is larger than 8 KiB", token({ pad: "x".repeat(8192) })],
    ["that is empty", ""],
    ["that is not one", "not.a.jwt"],
    ["with five parts", `${token()}.a.b`],
    ["with spaces around it", ` ${token()} `],
    ["whose header is not JSON", `${Buffer.from("{").toString("base64url")}.e30.e30`],
  ];

  it.each(rows.map(([what, text, options]) => ({ what, text, options })))("$what", async ({ text, options }) => {
    const verified = await verify(text, options);
    expect(verified).toMatchObject({ kind: "refusal", code: "unauthenticated" });
    const message = verified.kind === "identity" ? "" : verified.message;
    expect(message).toMatch(/^[a-z0-9' ]+(KiB|JSON)?[a-z0-9' ]*$/i);
    for (const piece of text.split(".").filter((each) => each.length > 3)) expect(message).not.toContain(piece);
  });

  it("that has expired, under a code of its own", async () => {
    expect(await verify(token({ exp: NOW_SEC - 6 }))).toMatchObject({ kind: "refusal", code: "token_expired" });
  });

  it("with times in milliseconds, naming the unit that was meant", async () => {
    const refused = (message: RegExp) => ({
      kind: "refusal",
      code: "unauthenticated",
      message: expect.stringMatching(message),
    });
    expect(await verify(token({ exp: NOW_MS + 60_000 }))).toMatchObject(refused(/^exp is in seconds/));
    expect(await verify(token({ iat: NOW_MS }))).toMatchObject(refused(/^iat is in seconds/));
    expect(await verify(token({ exp: NOW_SEC + 99 * 365 * 86_400 }))).toMatchObject({ kind: "identity" });
  });

  it("as unauthenticated, not as expired, when it is forged and expired", async () => {
    expect(await verify(token({ exp: 1 }, {}, OTHER_SECRET))).toMatchObject({ code: "unauthenticated" });
  });
});

describe("a verifier is not made", () => {
  const privatePem = createPrivateKey(rsa.privateKey.export({ type: "pkcs8", format: "pem" }));
  it.each<readonly [string, Partial<VerifierOptions>, RegExp]>([
    ["without a key", {}, /exactly one/],
    ["with two kinds of keys", { secret: SECRET, publicKeyPem: pemOf(ed.publicKey) }, /exactly one/],
    ["with a secret of 31 bytes", { secret: SECRET.slice(1) }, /32 bytes/],
    ["with a PEM as a secret", { secret: pemOf(rsa.publicKey) }, /not a secret/],
    [
      "with a private key",
      { publicKeyPem: privatePem.export({ type: "pkcs8", format: "pem" }).toString() },
      /private key/,
    ],
    [
      "with an RSA key of 1024 bits",
      { publicKeyPem: pemOf(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey) },
      /2048/,
    ],
    [
      "with another curve",
      { publicKeyPem: pemOf(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey) },
      /P-256/,
    ],
    ["with algorithms of two families", { secret: SECRET, algorithms: ["HS256", "RS256"] }, /one family/],
    ["with an unknown algorithm", { secret: SECRET, algorithms: ["none"] }, /one family/],
    [
      "with an algorithm that does not fit the key",
      { publicKeyPem: pemOf(ed.publicKey), algorithms: ["HS256"] },
      /does not fit/,
    ],
    ["with a JWKS and no algorithm", { jwksUrl: "https://a.example/k" }, /algorithm/],
    ["with a JWKS and HS256", { jwksUrl: "https://a.example/k", algorithms: ["HS256"] }, /does not fit/],
    ["with a JWKS over plain http", { jwksUrl: "http://a.example/k", algorithms: ["ES256"] }, /https/],
    ["with a tolerance of 31 s", { secret: SECRET, clockToleranceSec: 31 }, /tolerance/],
    ["without an issuer", { secret: SECRET, issuer: "" }, /issuer/],
  ])("%s", (_what, options, message) => {
    expect(() => createVerifier({ ...BASE, ...options })).toThrow(message);
  });
});

describe("a minter", () => {
  const minter = createMinter({ secret: SECRET, issuer: "rookery", audience: "rookery", nowMs: () => NOW_MS });

  it("makes tokens that the verifier takes, each with an id of its own", async () => {
    const minted = await minter.mint({ user: "alice", name: "Alice", ttlSec: 60, claims: { team: "blue" } });
    expect(await verify(minted.token)).toEqual({
      kind: "identity",
      user: "alice",
      name: "Alice",
      jti: minted.jti,
      issuedAtMs: NOW_MS,
      expiresAtMs: minted.expiresAtMs,
      claims: expect.objectContaining({ team: "blue", iat_ms: NOW_MS }),
    });
    expect((await minter.mint({ user: "alice", ttlSec: 60 })).jti).not.toBe(minted.jti);
  });

  it.each([
    ["a claim that the server sets", { user: "alice", ttlSec: 60, claims: { iat_ms: 1 } }],
    ["a bad user id", { user: "alice\n", ttlSec: 60 }],
    ["no lifetime", { user: "alice", ttlSec: 0 }],
    ["half a second", { user: "alice", ttlSec: 0.5 }],
    ["claims that do not fit into 8 KiB", { user: "alice", ttlSec: 60, claims: { pad: "x".repeat(8192) } }],
  ])("refuses %s", async (_what, request) => {
    await expect(minter.mint(request)).rejects.toThrow(TypeError);
  });

  it("refuses a short secret", () => {
    expect(() => createMinter({ secret: "short", issuer: "a", audience: "b" })).toThrow(/32 bytes/);
  });

  it("spreads refreshes between 70 and 90 % of a token's life", () => {
    const shares = Array.from({ length: 200 }, () => (refreshAtMs(NOW_MS, NOW_MS + 10_000) - NOW_MS) / 10_000);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.7);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.9);
    expect(new Set(shares).size).toBeGreaterThan(20);
  });
});
