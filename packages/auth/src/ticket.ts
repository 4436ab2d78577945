// What a one-use ticket stands for, from the api that sells it to the edge that takes it: the token that bought it, without the
// token itself and without its claims. Pure; the broker keeps the text and gives it out once.
import { displayName, isUserId } from "@rookery/protocol";
import type { Verified } from "./verifier.ts";

type Proven = Verified & { readonly kind: "identity" };

/** Whose the ticket is, and what revokes or ends it: the same that would its token. */
export type TicketBearer = Pick<Proven, "user" | "name" | "issuedAtMs" | "expiresAtMs"> & {
  readonly jti?: string | undefined;
};

export function packTicket({ user, name, jti, issuedAtMs, expiresAtMs }: TicketBearer): string {
  return JSON.stringify({ user, name, jti, issuedAtMs, expiresAtMs });
}

/** As if the token itself had been verified, but for its claims. Undefined for what `packTicket` did not write. */
export function unpackTicket(text: string): Proven | undefined {
  const value = parsed(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { user, name, jti, issuedAtMs, expiresAtMs }: Readonly<Record<string, unknown>> = { ...value };
  if (!isUserId(user) || !isTime(issuedAtMs) || !isTime(expiresAtMs)) return undefined;
  const bearer = {
    kind: "identity",
    user,
    name: displayName(name, user),
    issuedAtMs,
    expiresAtMs,
    claims: {},
  } as const;
  return typeof jti === "string" ? { ...bearer, jti } : bearer;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
