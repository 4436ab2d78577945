// The routes that hand out user tokens: minted for a backend, for a guest, and in exchange for a refresh token. Served only
// where this cluster signs its own tokens. A token or a refresh token must never reach the log.
import { RESERVED_CLAIMS } from "@rookery/auth";
import { ChatError, displayName, isUserId } from "@rookery/protocol";
import { nanoid } from "nanoid";
import Type from "typebox";
import type { Static } from "typebox";
import type { TokenParts } from "../context.ts";
import type { RefreshGrant } from "../refresh.ts";
import { NameField, USER_FIELD, USER_WORDS } from "../fields.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Answer, Route } from "../route.ts";

const DEFAULT_TTL_SEC = 900;
/** 30 days: what is longer cannot be told from forever by those who would have to revoke it. */
const MAX_TTL_SEC = 2_592_000;
const GUEST_PREFIX = "guest-";
const GUEST_ID_CHARS = 12;

const TokenAnswer = Type.Object({
  token: Type.String({ description: "JWT, for Authorization: Bearer and for the WebSocket" }),
  expiresAt: Type.Integer({ description: "milliseconds since the Unix epoch" }),
  refreshAt: Type.Integer({ description: "when to fetch the next one, different for every client" }),
  refreshToken: Type.String({ description: "good for one exchange within 30 days" }),
  user: Type.String(),
  name: Type.String(),
});

const MintBody = Type.Object({
  user: Type.String(USER_FIELD),
  name: NameField,
  ttlSec: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_TTL_SEC,
      default: DEFAULT_TTL_SEC,
      description: `a whole number of seconds from 1 to ${MAX_TTL_SEC}`,
    }),
  ),
  claims: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "an object of further claims, none that the server sets",
    }),
  ),
});

/** `POST /v1/tokens` */
const mint = defineRoute({
  method: "POST",
  url: "/v1/tokens",
  family: "tokens",
  access: { users: false, scopes: ["tokens"] },
  params: NOTHING,
  query: NOTHING,
  body: MintBody,
  tells: {
    operationId: "mintToken",
    summary: "A token for a user",
    description: "A user who is banned everywhere gets none.",
    answers: { 201: TokenAnswer },
    refuses: ["banned", "unavailable"],
  },
  async handle({ tokens }, { body }) {
    if (!isUserId(body.user)) throw new ChatError("invalid", `"user" must be ${USER_WORDS}`);
    const parts = served(tokens);
    const grant = grantOf(body);
    await parts.allows(grant.user);
    return { status: 201, body: await begin(parts, grant) };
  },
});

/** `POST /v1/auth/guest` */
const guest = defineRoute({
  method: "POST",
  url: "/v1/auth/guest",
  family: "tokens",
  access: "anyone",
  params: NOTHING,
  query: NOTHING,
  body: Type.Object({ name: NameField }),
  tells: {
    operationId: "guestToken",
    summary: "A token under a guest name",
    description: "The body may be left out: the name is then the user id that was made.",
    answers: { 201: TokenAnswer },
    refuses: ["unavailable"],
  },
  async handle({ tokens }, { body }) {
    const user = GUEST_PREFIX + nanoid(GUEST_ID_CHARS);
    return { status: 201, body: await begin(served(tokens), grantOf({ user, name: body.name })) };
  },
});

/** `POST /v1/auth/refresh` */
const refresh = defineRoute({
  method: "POST",
  url: "/v1/auth/refresh",
  family: "tokens",
  access: "anyone",
  params: NOTHING,
  query: NOTHING,
  body: Type.Object({ refreshToken: Type.String({ description: "a refresh token as it was given" }) }),
  tells: {
    operationId: "refreshToken",
    summary: "The next token, in exchange for a refresh token",
    description:
      "A refresh token is good once. The same one again within 10 s gets the same successor, since an answer may be lost; " +
      "later it is refused, and so is every refresh token that came from it. A user who is banned everywhere is `banned`, and " +
      "the token stays good.",
    answers: { 200: TokenAnswer },
    refuses: ["unauthenticated", "banned", "unavailable"],
  },
  async handle({ tokens }, { body }): Promise<Answer> {
    const parts = served(tokens);
    const { grant, refreshToken } = await parts.refresh.exchange(body.refreshToken);
    return { status: 200, body: { ...(await sign(parts, grant)), refreshToken } };
  },
});

export const tokenRoutes: readonly Route[] = [mint, refresh];
export const guestRoutes: readonly Route[] = [guest];

/** The table serves these routes only where there is a key to sign with. */
function served(tokens: TokenParts | undefined): TokenParts {
  if (tokens === undefined) throw new ChatError("not_found", "tokens of this cluster come from another issuer");
  return tokens;
}

interface Wish {
  readonly user: string;
  readonly name?: string | undefined;
  readonly ttlSec?: number | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

function grantOf({ user, name, ttlSec = DEFAULT_TTL_SEC, claims = {} }: Wish): RefreshGrant {
  const reserved = Object.keys(claims).find((claim) => RESERVED_CLAIMS.has(claim));
  if (reserved !== undefined) throw new ChatError("invalid", `"claims.${reserved}" is set by the server`);
  return { user, name: displayName(name, user), ttlSec, claims };
}

type Tokens = Omit<Static<typeof TokenAnswer>, "refreshToken">;

/** The access token first: what cannot be signed must not leave a refresh token behind. */
async function begin(parts: TokenParts, grant: RefreshGrant): Promise<Static<typeof TokenAnswer>> {
  const tokens = await sign(parts, grant);
  return { ...tokens, refreshToken: await parts.refresh.begin(grant) };
}

async function sign({ minter }: TokenParts, grant: RefreshGrant): Promise<Tokens> {
  try {
    const { token, expiresAtMs, refreshAtMs } = await minter.mint(grant);
    return { token, expiresAt: expiresAtMs, refreshAt: refreshAtMs, user: grant.user, name: grant.name };
  } catch (error) {
    // User, lifetime and names of claims were checked before: what the minter still refuses is the token's size.
    if (error instanceof TypeError) throw new ChatError("too_large", `"claims": ${error.message}`);
    throw error;
  }
}
