// Who is calling: a backend with an API key, a user with a token, or nobody in particular. Asked once per request, before
// its body is read. It must never tell why a key is not accepted, and never compare one in a time that depends on it.
import { hashApiKey, isApiKey, matchesApiKey } from "@rookery/auth";
import type { Verifier } from "@rookery/auth";
import { ChatError } from "@rookery/protocol";

/** What a key may be allowed to do; `admin` allows everything. */
export const SCOPES = ["tokens", "publish", "channels", "moderate", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export type Caller =
  | { readonly kind: "anyone" }
  /** `id` is the key's hash. */
  | { readonly kind: "key"; readonly id: string; readonly scopes: ReadonlySet<string> }
  | { readonly kind: "user"; readonly user: string; readonly name: string };

/** Who may call a route: anyone at all, users, keys with one of the scopes. */
export type Access = "anyone" | { readonly users: boolean; readonly scopes: readonly Scope[] };

export interface KeyRecord {
  readonly scopes: readonly string[];
}

export interface CallersOptions {
  /** The key that is known from the start, with scope `admin`, whatever the database holds. */
  readonly bootstrapKey: string | undefined;
  /** By hash; rejects with `unavailable` while the database is away. */
  findKey(this: void, hash: string): Promise<KeyRecord | undefined>;
  readonly verifier: Verifier;
  /** Hears the outcome of every check. */
  readonly onChecked?: (outcome: CheckOutcome) => void;
}

export const CHECK_OUTCOMES = ["key", "user", "unauthenticated", "token_expired"] as const;
export type CheckOutcome = (typeof CHECK_OUTCOMES)[number];

/** Reads an `Authorization` header. Throws ChatError `unauthenticated`, `token_expired` or `unavailable`. */
export type Identify = (authorization: string | undefined) => Promise<Caller>;

const BEARER = /^bearer +(\S+) *$/i;

export function createIdentify({ bootstrapKey, findKey, verifier, onChecked }: CallersOptions): Identify {
  const bootstrapHash = bootstrapKey === undefined ? "" : hashApiKey(bootstrapKey);

  async function identify(authorization: string | undefined): Promise<Caller> {
    const credential = BEARER.exec(authorization ?? "")?.[1];
    if (credential === undefined) {
      throw new ChatError("unauthenticated", "show an API key or a token as Authorization: Bearer");
    }
    if (matchesApiKey(credential, bootstrapHash)) return { kind: "key", id: bootstrapHash, scopes: new Set(["admin"]) };
    if (isApiKey(credential)) {
      const hash = hashApiKey(credential);
      const found = await findKey(hash);
      if (found === undefined) throw new ChatError("unauthenticated", "this API key is not known");
      return { kind: "key", id: hash, scopes: new Set(found.scopes) };
    }
    const verified = await verifier.verify(credential);
    if (verified.kind === "refusal") throw new ChatError(verified.code, verified.message);
    return { kind: "user", user: verified.user, name: verified.name };
  }

  return async (authorization) => {
    try {
      const caller = await identify(authorization);
      if (caller.kind !== "anyone") onChecked?.(caller.kind);
      return caller;
    } catch (error) {
      if (error instanceof ChatError && isRefusedCredential(error.code)) onChecked?.(error.code);
      throw error;
    }
  };
}

/** Whether an error means that the credential was no good, rather than that it could not be looked at. */
export function isRefusedCredential(code: string): code is "unauthenticated" | "token_expired" {
  return code === "unauthenticated" || code === "token_expired";
}

/** Throws `forbidden` unless the route is open to this caller. */
export function admit(caller: Caller, access: Access): void {
  if (access === "anyone") return;
  if (caller.kind === "user" && access.users) return;
  if (caller.kind === "key") {
    if (caller.scopes.has("admin") || access.scopes.some((scope) => caller.scopes.has(scope))) return;
    throw new ChatError("forbidden", `this needs an API key with scope ${access.scopes.join(" or ")}`);
  }
  throw new ChatError("forbidden", "this is not for users: it needs an API key");
}

/** Under which name a caller's requests are counted. */
export function limitKeyOf(caller: Caller): string | undefined {
  if (caller.kind === "anyone") return undefined;
  return caller.kind === "key" ? `key|${caller.id}` : `user|${caller.user}`;
}
