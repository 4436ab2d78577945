// Property: whatever a token says, and however it was spoilt, it is judged by its secret just as jose judges it.
import { createHmac } from "node:crypto";
import { asyncProperty, assert, constant, constantFrom, integer, oneof, record, string, uint8Array } from "fast-check";
import type { Arbitrary } from "fast-check";
import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { JWTVerifyOptions } from "jose";
import { expect, inject, it } from "vitest";
import { verifyBySecret } from "./secret-tokens.ts";
import { readSecret } from "./token-keys.ts";

const RUNS = 200 * inject("fuzzTimes");
const NEWEST = "n".repeat(32);
const OLDER = "o".repeat(32);
const FOREIGN = "f".repeat(32);
const NOW_SEC = 1_800_000_000;
const RULES: JWTVerifyOptions = {
  ...{ algorithms: ["HS256"], issuer: "rookery", audience: "rookery", requiredClaims: ["exp", "sub"] },
  ...{ clockTolerance: 5, currentDate: new Date(NOW_SEC * 1000) },
};
const SECRETS = [NEWEST, OLDER].map(readSecret);

const mostly = <Value>(usual: Value, ...others: Value[]): Arbitrary<Value> =>
  oneof({ weight: 6, arbitrary: constant(usual) }, { weight: 1, arbitrary: constantFrom(...others) });
const time = mostly<unknown>(NOW_SEC + 60, NOW_SEC - 4, NOW_SEC - 5, NOW_SEC - 60, 0.5, "soon", null, undefined, 1e300);
const header = record({
  alg: mostly<unknown>("HS256", "hs256", "HS384", "none", "RS256", "", 7, undefined, null),
  typ: constantFrom("JWT", undefined, 7),
  b64: mostly<unknown>(undefined, false, "no"),
});
const claims = record({
  iss: mostly<unknown>("rookery", "elsewhere", ["rookery"], undefined),
  aud: mostly<unknown>("rookery", ["other", "rookery"], "elsewhere", 7, undefined),
  sub: mostly<unknown>("ann", "", 7, undefined),
  exp: time,
  nbf: oneof(constant(undefined), time),
  iat: oneof(constant(undefined), time),
});
const text = (value: Arbitrary<unknown>): Arbitrary<Buffer> => value.map((each) => Buffer.from(JSON.stringify(each)));
const payload = oneof(
  { weight: 10, arbitrary: text(claims) },
  { weight: 1, arbitrary: text(oneof(constant(null), constant([]), integer(), string())) },
  { weight: 1, arbitrary: text(claims).map((bytes) => Buffer.concat([Buffer.from("\uFEFF"), bytes])) },
  { weight: 1, arbitrary: uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);
/** What becomes of a part of a token on its way. */
const spoilt = mostly(
  (part: string) => part,
  ...[(part: string) => part.slice(0, -1), (part: string) => part.slice(0, -2), (part: string) => part.slice(0, -3)],
  ...[(part: string) => `${part}A`, (part: string) => `${part}AA`, (part: string) => `${part.slice(0, -1)}_`],
  ...[(part: string) => `-${part.slice(1)}`, (part: string) => part.toLowerCase(), () => "A", () => "AAAA"],
);
const token: Arbitrary<Made> = record({
  ...{ header: text(header), payload, secret: mostly(NEWEST, OLDER, FOREIGN) },
  ...{ early: spoilt, late: spoilt },
});

interface Made {
  readonly header: Buffer;
  readonly payload: Buffer;
  readonly secret: string;
  /** Spoils what is signed, before it is signed. */
  readonly early: (part: string) => string;
  /** Spoils the signature. */
  readonly late: (part: string) => string;
}

function forge({ header: head, payload: body, secret, early, late }: Made): string {
  const input = `${head.toString("base64url")}.${early(body.toString("base64url"))}`;
  return `${input}.${late(createHmac("sha256", secret).update(input).digest("base64url"))}`;
}

/** The claims, or the kind of refusal; jose tells a bad part of a token from bad claims, which no answer of ours does. */
function kindOf(error: unknown): unknown {
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return "no token";
  if (error instanceof errors.JOSEError) return [error.code, "claim" in error ? error.claim : undefined];
  throw error;
}

async function byJose(jwt: string): Promise<unknown> {
  let refusal: unknown;
  for (const key of [NEWEST, OLDER]) {
    try {
      return (await jwtVerify(jwt, Buffer.from(key), RULES)).payload;
    } catch (error) {
      refusal = error;
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
    }
  }
  return kindOf(refusal);
}

function byUs(jwt: string): unknown {
  try {
    return verifyBySecret(jwt, decodeProtectedHeader(jwt), SECRETS, RULES);
  } catch (error) {
    return kindOf(error);
  }
}

it("a token is judged by its secret just as jose judges it", async () => {
  const seen = new Map<string, number>();
  await assert(
    asyncProperty(token, async (made) => {
      const jwt = forge(made);
      if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(jwt)) return;
      const expected = await byJose(jwt);
      const kind = JSON.stringify(Array.isArray(expected) || typeof expected === "string" ? expected : "taken");
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      expect(byUs(jwt)).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
  expect(seen.get('"taken"'), "good tokens are among them").toBeGreaterThan(RUNS / 100);
  expect(seen.size, "and bad ones of many kinds").toBeGreaterThanOrEqual(5);
});
