// Refresh tokens by family: each is good once, and one that is shown again too late gives its whole family away.
// Called by the api. Only hashes are kept; the successor is kept sealed with the token it replaces, so that whoever asks
// twice at once gets the same one and the table alone gives nobody a token.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** Whom a family of tokens belongs to. `claims` is what the user's tokens carry beside the standard ones. */
export interface RefreshOwner {
  readonly user: string;
  readonly name: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Times in ms since the Unix epoch. */
export interface IssuedRefreshToken {
  readonly token: string;
  readonly family: string;
}

/**
 * `rotated`: the successor is new. `repeated`: the same token within 10 s, and so the same successor. `reused`: shown too
 * late, the family is revoked now. `unknown`: absent, expired or revoked.
 */
export type Rotation =
  | (RefreshOwner & { readonly outcome: "rotated" | "repeated"; readonly token: string; readonly family: string })
  | { readonly outcome: "reused"; readonly user: string; readonly family: string }
  | { readonly outcome: "unknown" };

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface RefreshTokens {
  /** The first token of a new family. */
  issue(owner: RefreshOwner, expiresAtMs: number): Promise<IssuedRefreshToken>;
  rotate(token: string, successorExpiresAtMs: number): Promise<Rotation>;
  /** The user whose token it is, also of one that was replaced; undefined where `rotate` says `unknown`. */
  owner(token: string): Promise<string | undefined>;
  /** Revokes the family of this token, also of one that was replaced or has ended. False when nothing was left to revoke. */
  revokeFamily(token: string): Promise<boolean>;
  /** Revokes everything of a user; answers how many families. */
  revokeUser(user: string): Promise<number>;
}

const INSERT = loadStatement("refresh-token-insert");
const OWNER = loadStatement("refresh-token-owner");
const ROTATE = loadStatement("refresh-token-rotate");
const FIND_FAMILIES = loadStatement("refresh-families-find");
const REVOKE_FAMILIES = loadStatement("refresh-families-revoke");

const PREFIX = "rt_";
const TOKEN_BYTES = 32;
const FAMILY_BYTES = 16;
/** Two tabs, or a retry after a lost answer, show the same token within this. */
const REPEAT_MS = 10_000;
const IV_BYTES = 12;
const TAG_BYTES = 16;

interface RotationRow {
  readonly outcome: "rotated" | "repeated" | "reused" | "unknown";
  readonly family: string;
  readonly user: string;
  readonly name: string;
  readonly claims: string;
  readonly sealed: Uint8Array;
}

export function createRefreshTokens(store: Store): RefreshTokens {
  async function revoke(token: string | null, user: string | null): Promise<number> {
    const hash = token === null ? null : hashOf(token);
    const rows = await store.read<{ family: string }>("refresh tokens", FIND_FAMILIES, [hash, user]);
    if (rows.length === 0) return 0;
    const families = arrayLiteral(rows.map(({ family }) => family));
    const [row] = await store.write<{ revoked: number }>("refresh tokens", REVOKE_FAMILIES, [families]);
    return row?.revoked ?? 0;
  }

  return {
    async issue({ user, name, claims }, expiresAtMs) {
      const token = newToken();
      const family = randomBytes(FAMILY_BYTES).toString("base64url");
      await store.write("refresh tokens", INSERT, [
        hashOf(token),
        family,
        user,
        name,
        JSON.stringify(claims),
        expiresAtMs,
      ]);
      return { token, family };
    },
    async rotate(token, successorExpiresAtMs) {
      const successor = newToken();
      const sealed = seal(successor, token);
      const parameters = [hashOf(token), hashOf(successor), sealed, successorExpiresAtMs, REPEAT_MS];
      const [row] = await store.write<RotationRow>("refresh tokens", ROTATE, parameters);
      if (row === undefined || row.outcome === "unknown") return { outcome: "unknown" };
      const { outcome, family, user, name } = row;
      if (outcome === "reused") return { outcome, user, family };
      return { outcome, family, user, name, claims: readClaims(row.claims), token: unseal(row.sealed, token) };
    },
    async owner(token) {
      const [row] = await store.read<{ user: string }>("refresh tokens", OWNER, [hashOf(token)]);
      return row?.user;
    },
    revokeFamily: async (token) => (await revoke(token, null)) > 0,
    revokeUser: (user) => revoke(null, user),
  };
}

function newToken(): string {
  return PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
}

/** A fast hash will do: a token is 256 random bits. */
function hashOf(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex");
}

/** Another digest than the one that is stored, or the table would hold the key. */
function sealingKey(token: string): Buffer {
  return createHash("sha256").update(`seal ${token}`, "utf8").digest();
}

/** iv, tag, ciphertext. */
function seal(text: string, token: string): Uint8Array {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", sealingKey(token), iv);
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

function unseal(sealed: Uint8Array, token: string): string {
  const decipher = createDecipheriv("aes-256-gcm", sealingKey(token), sealed.subarray(0, IV_BYTES));
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const body = decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES));
  return Buffer.concat([body, decipher.final()]).toString("utf8");
}

function readClaims(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? { ...value } : {};
}
