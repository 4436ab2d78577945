// Decides whether a token is one of ours and whom it names. Used by edges once per connection and refresh, and by the REST
// API per request. It answers and never throws for a token; it never repeats any part of one, and trusts no key, address
// or algorithm that a token brings along.
import { displayName, isUserId, MAX_TOKEN_BYTES } from "@rookery/protocol";
import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { JWTPayload, JWTVerifyOptions, ProtectedHeaderParameters } from "jose";
import { KeysAway } from "./jwks-keys.ts";
import { verifyBySecret } from "./secret-tokens.ts";
import { readTokenKeys } from "./token-keys.ts";
import type { KeyOptions, TokenKeys } from "./token-keys.ts";

export interface VerifierOptions extends KeyOptions {
  readonly issuer: string;
  readonly audience: string;
  /** How far the issuer's clock may be off, 0 to 30. */
  readonly clockToleranceSec: number;
  /** Wall clock; for tests. */
  readonly nowMs?: (() => number) | undefined;
}

export type Verified =
  | {
      readonly kind: "identity";
      readonly user: string;
      /** At most 64 code points; the user id when the token names nobody. */
      readonly name: string;
      readonly jti?: string;
      /** `iat_ms`, else the end of the second of `iat`, else 0: revocations by time must not miss a token. */
      readonly issuedAtMs: number;
      readonly expiresAtMs: number;
      readonly claims: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: "refusal";
      /** `unavailable`: the issuer's keys are away, which says nothing of the token. */
      readonly code: "unauthenticated" | "token_expired" | "unavailable";
      readonly message: string;
    };

export interface Verifier {
  /** At once where tokens are signed with a secret. */
  verify(this: void, token: string): Verified | Promise<Verified>;
  /** For operators: why no token can be verified now; undefined when all is well. */
  trouble(this: void): Promise<string | undefined>;
}

const MAX_TOLERANCE_SEC = 30;
const MAX_JTI_CHARS = 256;
/** Beyond this an expiry is a mistake of its issuer, and milliseconds always are: they end in the year 58,000. */
const MAX_LIFE_MS = 100 * 366 * 24 * 3_600_000;
/** RFC 7519: base64url parts; so characters are bytes. */
const COMPACT_FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** A verifier for one issuer. Throws a `TypeError` when the options do not fit together. */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, clockToleranceSec, nowMs = Date.now } = options;
  if (!(clockToleranceSec >= 0 && clockToleranceSec <= MAX_TOLERANCE_SEC)) {
    throw new TypeError(`the clock tolerance is 0 to ${MAX_TOLERANCE_SEC} s`);
  }
  if (issuer === "" || audience === "") throw new TypeError("issuer and audience must be named");
  const keys = readTokenKeys(options);
  const algorithms = [...keys.algorithms];
  const rules = { algorithms, issuer, audience, requiredClaims: ["exp", "sub"], clockTolerance: clockToleranceSec };

  return {
    verify(token) {
      const header = readHeader(token);
      if (typeof header === "string") return refused(header);
      const atMs = nowMs();
      const read = (payload: JWTPayload): Verified => readClaims(payload, atMs, atMs + clockToleranceSec * 1000);
      try {
        const payload = verifySignature(token, header, keys, { ...rules, currentDate: new Date(atMs) });
        return payload instanceof Promise ? payload.then(read).catch(refusalFor) : read(payload);
      } catch (error) {
        return refusalFor(error);
      }
    },
    trouble: async () => ("trouble" in keys.source ? keys.source.trouble() : undefined),
  };
}

/**
 * A token's header, or what is wrong before any cryptography: size, form, and `crit`, which asks for rules that nobody here
 * knows.
 */
function readHeader(token: string): ProtectedHeaderParameters | string {
  if (token.length > MAX_TOKEN_BYTES) return `a token has at most ${MAX_TOKEN_BYTES} bytes`;
  if (!COMPACT_FORM.test(token)) return NOT_A_TOKEN;
  try {
    const header = decodeProtectedHeader(token);
    return header.crit === undefined ? header : "the token asks for critical extensions";
  } catch {
    return NOT_A_TOKEN;
  }
}

const NOT_A_TOKEN = "this is not a signed token";

function verifySignature(
  token: string,
  header: ProtectedHeaderParameters,
  { source }: TokenKeys,
  rules: JWTVerifyOptions,
): JWTPayload | Promise<JWTPayload> {
  if ("find" in source) return jwtVerify(token, (asked) => source.find(asked), rules).then(({ payload }) => payload);
  if ("secrets" in source) return verifyBySecret(token, header, source.secrets, rules);
  return jwtVerify(token, source.publicKey, rules).then(({ payload }) => payload);
}

function readClaims(payload: JWTPayload, atMs: number, latestIssueMs: number): Verified {
  const { sub, jti, iat, exp } = payload;
  if (!isUserId(sub)) return refused("the subject is not a user id");
  const expiresAtMs = Math.floor((exp ?? Number.NaN) * 1000);
  if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs <= 0) return refused("the expiry is not a time");
  if (expiresAtMs > atMs + MAX_LIFE_MS) return refused("exp is in seconds and this one is more than 100 years away");
  if (jti !== undefined && (typeof jti !== "string" || jti === "" || jti.length > MAX_JTI_CHARS)) {
    return refused("the token's id is not text");
  }
  const issuedAtMs = issueTime(iat, payload["iat_ms"]);
  if (Number.isNaN(issuedAtMs)) return refused("the time of issue is not a time");
  // A token from the future would outlive every "issued before" revocation.
  if ((iat ?? 0) * 1000 > latestIssueMs) {
    return refused((iat ?? 0) * 1000 > atMs + MAX_LIFE_MS ? "iat is in seconds" : "the token was issued in the future");
  }
  const name = displayName(payload["name"], sub);
  const identity = { kind: "identity", user: sub, name, issuedAtMs, expiresAtMs, claims: payload } as const;
  return jti === undefined ? identity : { ...identity, jti };
}

/** `iat_ms` counts only within the second that `iat` names; NaN for an `iat` that is no time. */
function issueTime(iat: number | undefined, iatMs: unknown): number {
  if (iat === undefined) return 0;
  const firstMs = Math.floor(iat) * 1000;
  if (!Number.isSafeInteger(firstMs) || firstMs < 0) return Number.NaN;
  const isWithin = typeof iatMs === "number" && Number.isInteger(iatMs) && iatMs >= firstMs && iatMs < firstMs + 1000;
  return isWithin ? iatMs : firstMs + 999;
}

function refused(message: string): Verified {
  return { kind: "refusal", code: "unauthenticated", message };
}

function refusalFor(error: unknown): Verified {
  if (error instanceof errors.JWTExpired)
    return { kind: "refusal", code: "token_expired", message: "the token has expired" };
  if (error instanceof KeysAway)
    return {
      kind: "refusal",
      code: "unavailable",
      message: "tokens cannot be verified now: the issuer is out of reach",
    };
  return refused(reasonOf(error));
}

/** Words of ours for what jose refuses; its own may quote claims. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_REASONS.get(error.claim) ?? "a claim is not valid";
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return "the token's algorithm is not accepted";
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the signature does not fit";
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return "no known key fits the token";
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return NOT_A_TOKEN;
  return "the token cannot be verified now";
}

const CLAIM_REASONS: ReadonlyMap<string, string> = new Map([
  ["exp", "the token carries no valid expiry"],
  ["sub", "the token names no user"],
  ["iss", "the token is of another issuer"],
  ["aud", "the token is for another audience"],
  ["nbf", "the token is not valid yet"],
  ["iat", "the time of issue is not a time"],
]);
