// Contract of the settings of tokens: exactly what a verifier can be made of is taken.
import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { SettingsError } from "@rookery/runtime";
import { describe, expect, it } from "vitest";
import { clusterSettings } from "./cluster-settings.ts";

const SECRET = "k3J9vQ0xZr7LmN2pTs5WbY8cDf1GhE4a";
const KEYS = ["jwtSecret", "jwtPreviousSecret", "jwtPublicKey", "jwtJwksUrl", "jwtAlgorithms"] as const;
const pemOf = (key: KeyObject, type: "spki" | "pkcs8" = "spki"): string =>
  key.export({ type, format: "pem" }).toString();
const ed = generateKeyPairSync("ed25519");
const ED_PEM = pemOf(ed.publicKey);
const P384_PEM = pemOf(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey);
const SHORT_RSA_PEM = pemOf(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey);
const JWKS = "https://issuer.example/jwks";

const problemsOf = (env: Record<string, string>): unknown[][] => {
  try {
    clusterSettings.load(KEYS, { env });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    expect(error.message).not.toMatch(/MC4C|MCow|swordfish/);
    return error.problems.map(({ key, fault, expected }) => [key, fault ?? expected]);
  }
  return [];
};

describe("the settings of tokens", () => {
  it.each([
    ["a secret", { ROOKERY_JWT_SECRET: SECRET, ROOKERY_JWT_ALGORITHMS: "HS256" }],
    ["a public key", { ROOKERY_JWT_PUBLIC_KEY: ED_PEM }],
    [
      "a public key and both names of its algorithm",
      { ROOKERY_JWT_PUBLIC_KEY: ED_PEM, ROOKERY_JWT_ALGORITHMS: "EdDSA,Ed25519" },
    ],
    ["a JWKS address and its algorithm", { ROOKERY_JWT_JWKS_URL: JWKS, ROOKERY_JWT_ALGORITHMS: "RS256" }],
    ["a JWKS address on loopback", { ROOKERY_JWT_JWKS_URL: "http://127.0.0.1:9/k", ROOKERY_JWT_ALGORITHMS: "RS256" }],
  ])("may be %s", (_what, env) => {
    expect(problemsOf(env)).toEqual([]);
  });

  it.each([
    ["a secret that is a PEM", { ROOKERY_JWT_SECRET: ED_PEM }, "jwtSecret", /not a secret/],
    ["a PEM cut off", { ROOKERY_JWT_PUBLIC_KEY: ED_PEM.slice(0, 60) }, "jwtPublicKey", /no public key/],
    [
      "a private key behind a public one",
      { ROOKERY_JWT_PUBLIC_KEY: ED_PEM + pemOf(ed.privateKey, "pkcs8") },
      "jwtPublicKey",
      /private key/,
    ],
    ["a curve that nobody signs with", { ROOKERY_JWT_PUBLIC_KEY: P384_PEM }, "jwtPublicKey", /Ed25519, P-256 or RSA/],
    ["an RSA key that is too short", { ROOKERY_JWT_PUBLIC_KEY: SHORT_RSA_PEM }, "jwtPublicKey", /2048 bits/],
    [
      "a key and another key's algorithm",
      { ROOKERY_JWT_PUBLIC_KEY: ED_PEM, ROOKERY_JWT_ALGORITHMS: "RS256" },
      "jwtAlgorithms",
      /does not fit/,
    ],
    [
      "a secret and a public algorithm",
      { ROOKERY_JWT_SECRET: SECRET, ROOKERY_JWT_ALGORITHMS: "ES256" },
      "jwtAlgorithms",
      /does not fit/,
    ],
    [
      "HS256 with published keys",
      { ROOKERY_JWT_JWKS_URL: JWKS, ROOKERY_JWT_ALGORITHMS: "HS256" },
      "jwtAlgorithms",
      /does not fit/,
    ],
    [
      "published keys without an algorithm",
      { ROOKERY_JWT_JWKS_URL: JWKS },
      "jwtAlgorithms",
      /needs the issuer's algorithm/,
    ],
    [
      "two algorithms",
      { ROOKERY_JWT_JWKS_URL: JWKS, ROOKERY_JWT_ALGORITHMS: "ES256,RS256" },
      "jwtAlgorithms",
      /one family/,
    ],
    [
      "a JWKS address that cannot be read",
      { ROOKERY_JWT_JWKS_URL: "https://[bad/k", ROOKERY_JWT_ALGORITHMS: "RS256" },
      "jwtJwksUrl",
      /cannot be read/,
    ],
    [
      "a JWKS address that is http in truth",
      { ROOKERY_JWT_JWKS_URL: "http://localhost:x@issuer.example/k", ROOKERY_JWT_ALGORITHMS: "RS256" },
      "jwtJwksUrl",
      /names no user/,
    ],
  ])("are refused for %s", (_what, env, key, fault) => {
    expect(problemsOf(env)).toEqual([[key, expect.stringMatching(fault)]]);
  });
});
