// A user's own end of a login: the token that is shown, and where it is given the family of its refresh token. Served whoever
// signs the tokens; refresh tokens are there only where this cluster does.
import { ChatError } from "@rookery/protocol";
import type { Revocation } from "@rookery/protocol";
import Type from "typebox";
import { actorOf } from "../callers.ts";
import type { UserCaller } from "../callers.ts";
import { ReceiptAnswer } from "../receipt.ts";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";
import { NEVER_AGAIN_MS } from "./revocations.ts";

const GLOBAL_PARTITION = 0;
/** Beyond the token's own end: what verifiers allow to clocks, and clocks that are worse. */
const KEPT_BEYOND_MS = 10 * 60_000;

/** `POST /v1/auth/logout` */
const logout = defineRoute({
  method: "POST",
  url: "/v1/auth/logout",
  family: "tokens",
  access: { users: true, scopes: [] },
  params: NOTHING,
  query: NOTHING,
  body: Type.Object({
    refreshToken: Type.Optional(Type.String({ description: "a refresh token as it was given: its family ends too" })),
  }),
  tells: {
    operationId: "logout",
    summary: "Ends the token that is shown",
    description:
      "Connections that live by it are closed with 4403, and it is refused everywhere from then on. With `refreshToken` nothing " +
      "comes after it either; one that is no good any more is no error. A token without an id of its own (`jti`) cannot be " +
      "told from others: with it end all of the user that were issued until then, and the user's refresh tokens.",
    answers: { 200: ReceiptAnswer },
    refuses: ["banned", "unknown"],
  },
  async handle({ tokens, globals, enforcement }, { caller, body: { refreshToken } }) {
    if (caller.kind !== "user") throw new ChatError("forbidden", "only a user's token can be logged out");
    const { receipt } = await enforcement.enforce(GLOBAL_PARTITION, async () => {
      // First, so that a token which was revoked has no successor whatever fails between the two.
      if (refreshToken !== undefined) await tokens?.refresh.end(refreshToken);
      return globals.revoke(actorOf(caller), revocationOf(caller));
    });
    return { status: 200, body: { receipt } };
  },
});

export const logoutRoutes: readonly Route[] = [logout];

/** Of a token without an id, those that end with it may have been issued for longer. */
function revocationOf({ user, jti, issuedAtMs, expiresAtMs }: UserCaller): Revocation {
  return jti === undefined
    ? { jti: null, user, issuedBeforeMs: issuedAtMs, expiresMs: Date.now() + NEVER_AGAIN_MS }
    : { jti, user: null, issuedBeforeMs: null, expiresMs: expiresAtMs + KEPT_BEYOND_MS };
}
