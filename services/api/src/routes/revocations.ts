// Tokens that are to be good no longer: one of them, all of a user, or all that were issued up to a time. For backends; a user
// ends their own by logging out.
import { ChatError, isUserId } from "@rookery/protocol";
import type { Revocation } from "@rookery/protocol";
import Type from "typebox";
import type { Static } from "typebox";
import { actorOf } from "../callers.ts";
import { USER_FIELD, USER_WORDS } from "../fields.ts";
import { ReceiptAnswer } from "../receipt.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";

const GLOBAL_PARTITION = 0;
/**
 * Longer than the verifier lets any token live, since nobody knows how long those of a foreign issuer do: so nothing that
 * was revoked is ever good again.
 */
export const NEVER_AGAIN_MS = 101 * 366 * 24 * 3_600_000;
const MAX_JTI_CHARS = 256;
const MAX_TIME_MS = 8_640_000_000_000_000;

const EXAMPLES = [{ user: "mallory" }, { jti: "V1StGXR8_Z5jdHi6B-myT" }, { issuedBeforeMs: 1_700_000_000_000 }];
const Body = Type.Object({
  jti: Type.Optional(Type.String({ description: "the id of one token", minLength: 1, maxLength: MAX_JTI_CHARS })),
  user: Type.Optional(Type.String(USER_FIELD)),
  issuedBeforeMs: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_TIME_MS,
      description: "milliseconds since the Unix epoch, not in the future: tokens issued then or earlier",
    }),
  ),
});

/** `POST /v1/revocations` */
const revoke = defineRoute({
  method: "POST",
  url: "/v1/revocations",
  family: "tokens",
  access: { users: false, scopes: ["moderate"] },
  params: NOTHING,
  query: NOTHING,
  body: Body,
  tells: {
    operationId: "revokeTokens",
    summary: "Ends tokens before their time",
    description:
      "By `jti` one token; by `user` all that the user was given until now, or until `issuedBeforeMs`; by `issuedBeforeMs` alone " +
      "everybody's. With the latter two go the refresh tokens. Connections that live by such a token are closed with 4403, and " +
      "the api refuses it as `unauthenticated`. Minted tokens carry their time in milliseconds; of any other the end of the " +
      "second in `iat` counts, and one without `iat` is of the oldest.",
    body: Type.Object(Body.properties, { minProperties: 1, examples: EXAMPLES }),
    answers: { 200: ReceiptAnswer },
    refuses: ["unknown"],
  },
  async handle({ globals, enforcement }, { caller, body }) {
    const revocation = readRevocation(body, Date.now());
    const actor = actorOf(caller);
    const { receipt } = await enforcement.enforce(GLOBAL_PARTITION, () => globals.revoke(actor, revocation));
    return { status: 200, body: { receipt } };
  },
});

export const revocationRoutes: readonly Route[] = [revoke];

function readRevocation({ jti, user, issuedBeforeMs }: Static<typeof Body>, nowMs: number): Revocation {
  const expiresMs = nowMs + NEVER_AGAIN_MS;
  if (jti !== undefined) {
    if (user === undefined && issuedBeforeMs === undefined) return { jti, user: null, issuedBeforeMs: null, expiresMs };
    throw new ChatError("invalid", '"jti" names one token, and goes with nothing else');
  }
  if (user !== undefined && !isUserId(user)) throw new ChatError("invalid", `"user" must be ${USER_WORDS}`);
  if (user === undefined && issuedBeforeMs === undefined) {
    throw new ChatError("bad_frame", 'name tokens by "jti", "user" or "issuedBeforeMs"');
  }
  if (issuedBeforeMs !== undefined && issuedBeforeMs > nowMs) {
    throw new ChatError("invalid", '"issuedBeforeMs" is in the future: what is issued from now on is not revoked');
  }
  return { jti: null, user: user ?? null, issuedBeforeMs: issuedBeforeMs ?? nowMs, expiresMs };
}
