// Who is calling: a backend with an API key, a user with a token, or nobody in particular. Asked once per request, before
// its body is read. It must never tell why a key is not accepted, and never compare one in a time that depends on it.
import { hashApiKey, isApiKey, matchesApiKey } from "@rookery/auth";
import type { Scope, Verifier } from "@rookery/auth";
import { ChatError } from "@rookery/protocol";
import type { Actor } from "@rookery/store";

export type Caller = { readonly kind: "anyone" } | KeyCaller | UserCaller;

export interface KeyCaller {
  readonly kind: "key";
  /** The key's hash. */
  readonly id: string;
  /** For people: under it the key's acts are recorded. */
  readonly name: string;
  readonly scopes: ReadonlySet<string>;
}

export interface UserCaller {
  readonly kind: "user";
  readonly user: string;
  readonly name: string;
  /** Of the token, as revocations name it. */
  readonly jti: string | undefined;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Who may call a route: anyone at all, users, keys with one of the scopes. Without a scope, no key at all. */
export type Access = "anyone" | CallersAccess;

interface CallersAccess {
  readonly users: boolean;
  readonly scopes: readonly Scope[];
  /** True: who shows no credential is let through as anyone, and the route says what is for them. */
  readonly strangers?: true;
}

export interface KeyRecord {
  readonly name: string;
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

/** The name of the key that is known from the start. */
const BOOTSTRAP_NAME = "bootstrap";
const BEARER = /^bearer +(\S+) *$/i;

export function createIdentify({ bootstrapKey, findKey, verifier, onChecked }: CallersOptions): Identify {
  const bootstrapHash = bootstrapKey === undefined ? "" : hashApiKey(bootstrapKey);

  async function identify(authorization: string | undefined): Promise<Caller> {
    const credential = BEARER.exec(authorization ?? "")?.[1];
    if (credential === undefined) {
      throw new ChatError("unauthenticated", "show an API key or a token as Authorization: Bearer");
    }
    if (matchesApiKey(credential, bootstrapHash)) {
      return { kind: "key", id: bootstrapHash, name: BOOTSTRAP_NAME, scopes: new Set(["admin"]) };
    }
    if (isApiKey(credential)) {
      const hash = hashApiKey(credential);
      const found = await findKey(hash);
      if (found === undefined) throw new ChatError("unauthenticated", "this API key is not known");
      return { kind: "key", id: hash, name: found.name, scopes: new Set(found.scopes) };
    }
    const verified = await verifier.verify(credential);
    if (verified.kind === "refusal") throw new ChatError(verified.code, verified.message);
    const { user, name, jti, issuedAtMs, expiresAtMs } = verified;
    return { kind: "user", user, name, jti, issuedAtMs, expiresAtMs };
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
    if (access.scopes.length === 0) throw new ChatError("forbidden", "this is for users: it needs a user's token");
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

/** As whom the caller acts. */
export function actorOf(caller: Caller): Actor {
  if (caller.kind === "user") return { kind: "user", user: caller.user };
  if (caller.kind === "key") return { kind: "key", name: caller.name };
  throw new ChatError("unauthenticated", "show an API key or a token as Authorization: Bearer");
}

/** As it stands in `by` and in the audit. A user may be called like a key: in the audit a key has no subject of that name. */
export function actorName(actor: Actor): string {
  return actor.kind === "user" ? actor.user : `key:${actor.name}`;
}
