// Exchanges refresh tokens: what a family of them stands for, how long it lives, who gets none, and what a client is told. Used
// by the token routes. That a token is good once, and what a second showing means, is kept by the store in one transaction.
import { ChatError } from "@rookery/protocol";
import type { RefreshOwner, RefreshTokens } from "@rookery/store";

/** The access token that each exchange mints. */
export interface RefreshGrant extends RefreshOwner {
  readonly ttlSec: number;
}

export interface Refresh {
  /** The first refresh token of a family. Throws ChatError `unavailable`. */
  begin(this: void, grant: RefreshGrant): Promise<string>;
  /**
   * Throws ChatError `unavailable`, `unauthenticated` for a token that is no good, without telling why, or what `allows` has
   * against its user: then the token is not used up.
   */
  exchange(this: void, token: string): Promise<{ readonly grant: RefreshGrant; readonly refreshToken: string }>;
  /** Ends the token's family; of one that is no good there is nothing to end. Throws ChatError `unavailable`. */
  end(this: void, token: string): Promise<void>;
}

export interface RefreshOptions {
  readonly tokens: Pick<RefreshTokens, "issue" | "rotate" | "owner" | "revokeFamily">;
  /** Throws for a user who is to get no token, such as one who is banned everywhere. */
  readonly allows: (user: string) => Promise<void>;
  /** Told of a family that was revoked, since a used token was shown again. */
  readonly onReuse?: (family: string) => void;
}

/** Anything else was never issued, and is not worth a question to Postgres. */
const TOKEN_FORM = /^rt_[\w-]{43}$/;
/** From the last exchange on. */
const LIFE_MS = 30 * 24 * 3_600_000;

export function createRefresh({ tokens, allows, onReuse }: RefreshOptions): Refresh {
  return {
    async begin(grant) {
      const { token } = await tokens.issue(packGrant(grant), Date.now() + LIFE_MS);
      return token;
    },
    async exchange(token) {
      const refused = new ChatError("unauthenticated", "the refresh token is not valid");
      if (!TOKEN_FORM.test(token)) throw refused;
      const user = await tokens.owner(token);
      if (user === undefined) throw refused;
      await allows(user);
      const rotation = await tokens.rotate(token, Date.now() + LIFE_MS);
      if (rotation.outcome === "reused") onReuse?.(rotation.family);
      if (!("token" in rotation)) throw refused;
      return { grant: unpackGrant(rotation), refreshToken: rotation.token };
    },
    async end(token) {
      if (TOKEN_FORM.test(token)) await tokens.revokeFamily(token);
    },
  };
}

/** The store keeps one object for a family; the lifetime of its access tokens stands in it beside their claims. */
function packGrant({ user, name, ttlSec, claims }: RefreshGrant): RefreshOwner {
  return { user, name, claims: { ttlSec, claims } };
}

function unpackGrant({ user, name, claims: kept }: RefreshOwner): RefreshGrant {
  const { ttlSec, claims } = kept;
  if (typeof ttlSec !== "number" || typeof claims !== "object" || claims === null) {
    throw new Error("a family of refresh tokens holds no grant");
  }
  return { user, name, ttlSec, claims: { ...claims } };
}
