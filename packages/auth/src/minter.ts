// Makes user tokens: for the REST API, the command line and tests. HS256 only, since whoever has other keys has an issuer
// of their own. It never overrides what it sets itself by what a caller puts into `claims`.
import { randomBytes } from "node:crypto";
import { isUserId, MAX_TOKEN_BYTES } from "@rookery/protocol";
import { SignJWT } from "jose";
import { readSecret } from "./token-keys.ts";

export interface MinterOptions {
  /** At least 32 bytes. */
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
  /** Wall clock; for tests. */
  readonly nowMs?: (() => number) | undefined;
}

export interface MintRequest {
  readonly user: string;
  readonly name?: string | undefined;
  /** A whole number of seconds, from 1. */
  readonly ttlSec: number;
  /** Further claims; none of `RESERVED_CLAIMS`. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

export interface Minted {
  readonly token: string;
  readonly expiresAtMs: number;
  /** When its holder should fetch the next one. */
  readonly refreshAtMs: number;
  readonly jti: string;
}

export interface Minter {
  /** Rejects with a `TypeError` for a user id, a lifetime or claims that a verifier would refuse. */
  mint(this: void, request: MintRequest): Promise<Minted>;
}

/** Claims that a caller cannot set. */
export const RESERVED_CLAIMS: ReadonlySet<string> = new Set([
  "iss",
  "aud",
  "sub",
  "exp",
  "nbf",
  "iat",
  "iat_ms",
  "jti",
  "name",
]);

const JTI_BYTES = 16;

/** Throws a `TypeError` for a secret that is too short. */
export function createMinter({ secret, issuer, audience, nowMs = Date.now }: MinterOptions): Minter {
  const key = readSecret(secret);
  return {
    async mint({ user, name, ttlSec, claims = {} }) {
      if (!isUserId(user)) throw new TypeError("the user is not a user id");
      if (!Number.isSafeInteger(ttlSec) || ttlSec < 1) throw new TypeError("the lifetime is a whole number of seconds");
      const reserved = Object.keys(claims).find((claim) => RESERVED_CLAIMS.has(claim));
      if (reserved !== undefined) throw new TypeError(`the claim "${reserved}" is set by the server`);
      const issuedAtMs = nowMs();
      const issuedAtSec = Math.floor(issuedAtMs / 1000);
      const jti = randomBytes(JTI_BYTES).toString("base64url");
      const token = await new SignJWT({ ...claims, ...(name === undefined ? {} : { name }), iat_ms: issuedAtMs })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(user)
        .setJti(jti)
        .setIssuedAt(issuedAtSec)
        .setExpirationTime(issuedAtSec + ttlSec)
        .sign(key);
      if (token.length > MAX_TOKEN_BYTES) throw new TypeError(`a token has at most ${MAX_TOKEN_BYTES} bytes`);
      const expiresAtMs = (issuedAtSec + ttlSec) * 1000;
      return { token, expiresAtMs, refreshAtMs: refreshAtMs(issuedAtMs, expiresAtMs), jti };
    },
  };
}

const REFRESH_FROM = 0.7;
const REFRESH_TO = 0.9;

/**
 * When to fetch the next token: a random moment between 70 and 90 % of this one's life, so that clients who connected
 * together do not come back together. A token that tells no time of issue (0) begins its life now.
 */
export function refreshAtMs(issuedAtMs: number, expiresAtMs: number): number {
  const startMs = issuedAtMs === 0 ? Date.now() : issuedAtMs;
  const share = REFRESH_FROM + Math.random() * (REFRESH_TO - REFRESH_FROM);
  return Math.round(startMs + Math.max(0, expiresAtMs - startMs) * share);
}
