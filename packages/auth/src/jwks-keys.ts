// An issuer's published keys (RFC 7517), cached. Asked by the verifier with a token's header. It limits how often it
// fetches, serves keys that are out of date for a bounded time while the issuer is away, and never follows a header's
// `jku` or `x5u`: there is one address, the configured one.
// States: empty -> fresh -> stale (served, refreshed behind) -> expired (nothing is verified until a fetch succeeds). While
// there is no key, whoever asks has them fetched again, once a second: that the issuer is away is no token's fault.
import { createLocalJWKSet, errors } from "jose";
import type { CryptoKey, JSONWebKeySet, JWSHeaderParameters, LocalJWKSet } from "jose";

export interface JwksOptions {
  /** https, or http on loopback. */
  readonly url: string;
  readonly onFault?: ((error: Error) => void) | undefined;
  /** Monotonic clock; for tests. */
  readonly nowMs?: (() => number) | undefined;
}

/** The keys that a token would need cannot be fetched now; nothing is said of the token. */
export class KeysAway extends Error {}

export interface JwksKeys {
  /** The key that fits the header; throws jose's `JWKSNoMatchingKey`, or `KeysAway`. */
  find(header: JWSHeaderParameters): Promise<CryptoKey>;
  /** Why no token can be verified now; asking has the keys fetched, should it be time. */
  trouble(): Promise<string | undefined>;
}

const FRESH_MS = 10 * 60_000;
/** How long a revoked key can outlive its removal when the issuer cannot be reached. */
const STALE_MS = 60 * 60_000;
/** Least time between two fetches that unknown key ids cause, so tokens of strangers cannot flood the issuer. */
const UNKNOWN_KEY_MS = 30_000;
/** Least time between two fetches while the last one failed and its answer is needed. */
const RETRY_MS = 1000;
/** The same while keys that are out of date are served. */
const STALE_RETRY_MS = 30_000;
/** Well below the time that a socket has for its authentication: whoever waits must be told whose fault it is. */
const FETCH_MS = 2500;
const MAX_JWKS_BYTES = 256 * 1024;

/** Fetches nothing until somebody asks. Throws a `TypeError` for an address that is not https or loopback. */
export function createJwksKeys(options: JwksOptions): JwksKeys {
  const { url, onFault = () => undefined, nowMs = () => performance.now() } = options;
  const address = readJwksAddress(url);
  let keys: LocalJWKSet | undefined;
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let unknownAtMs = Number.NEGATIVE_INFINITY;
  /** Of the last fetch; undefined when it succeeded. */
  let fault: Error | undefined;
  let pending: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    triedAtMs = nowMs();
    try {
      const fetched = await fetchJwks(address);
      // An issuer that publishes nothing is in trouble; the keys it published before are good all the same.
      if (fetched.keys.length === 0) throw new Error("it publishes no key");
      keys = createLocalJWKSet(fetched);
      fetchedAtMs = nowMs();
      fault = undefined;
    } catch (error) {
      fault = error instanceof Error ? error : new Error("the keys could not be fetched");
      onFault(fault);
    }
  }

  /** Joins a fetch that is under way; begins one unless the last was less than `leastMs` ago. Never rejects. */
  async function refreshUnless(leastMs: number): Promise<void> {
    if (pending === undefined && nowMs() - triedAtMs < leastMs) return;
    pending ??= refresh().finally(() => (pending = undefined));
    await pending;
  }

  async function present(): Promise<LocalJWKSet | undefined> {
    const ageMs = nowMs() - fetchedAtMs;
    if (ageMs >= STALE_MS) {
      keys = undefined;
      await refreshUnless(RETRY_MS);
    } else if (ageMs >= FRESH_MS) refreshUnless(STALE_RETRY_MS).catch(onFault);
    return keys;
  }

  /** A key id that is not known may be new: a rotation shows this way first. */
  async function refreshForUnknown(): Promise<void> {
    if (fault !== undefined) await refreshUnless(RETRY_MS);
    else if (pending !== undefined) await pending;
    else if (nowMs() - unknownAtMs >= UNKNOWN_KEY_MS) {
      unknownAtMs = nowMs();
      await refreshUnless(0);
    }
    if (fault !== undefined) throw away(fault);
  }

  return {
    async find(header) {
      const before = await present();
      if (before === undefined) throw away(fault);
      try {
        return await before(header);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refreshForUnknown();
        return (keys ?? before)(header);
      }
    },
    async trouble() {
      return (await present()) === undefined ? away(fault).message : undefined;
    },
  };
}

function away(fault: Error | undefined): KeysAway {
  const { cause } = fault ?? {};
  // fetch itself says no more than that it failed.
  const code = typeof cause === "object" && cause !== null && "code" in cause ? ` (${String(cause.code)})` : "";
  const reason = `${fault?.message ?? "no answer yet"}${code}`;
  return new KeysAway(`the issuer's keys cannot be fetched: ${reason}`, { cause: fault });
}

/** The address as it is fetched; throws a `TypeError` of one line for one that is not. */
export function readJwksAddress(url: string): URL {
  if (!URL.canParse(url)) throw new TypeError("the host, the port or the path of this address cannot be read");
  const address = new URL(url);
  // fetch refuses an address with a user in it, and the other parts are never sent or would be shown in logs.
  if (address.username !== "" || address.password !== "") throw new TypeError("a JWKS address names no user");
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(address.hostname);
  if (address.protocol === "https:" || (address.protocol === "http:" && isLoopback)) return address;
  throw new TypeError("a JWKS address begins with https:// (http:// only on loopback)");
}

async function fetchJwks(address: URL): Promise<JSONWebKeySet> {
  const response = await fetch(address, {
    redirect: "error",
    signal: AbortSignal.timeout(FETCH_MS),
    headers: { accept: "application/jwk-set+json, application/json" },
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`the JWKS address answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_JWKS_BYTES) throw new Error(`the JWKS is larger than ${MAX_JWKS_BYTES} bytes`);
    chunks.push(chunk);
  }
  const content: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (!isJwks(content)) throw new Error("the JWKS address answered no key set");
  return content;
}

function isJwks(content: unknown): content is JSONWebKeySet {
  return typeof content === "object" && content !== null && "keys" in content && Array.isArray(content.keys);
}
