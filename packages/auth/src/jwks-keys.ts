// An issuer's published keys (RFC 7517), cached. Asked by the verifier with a token's header. It limits how often it
// fetches, serves keys that are out of date for a bounded time while the issuer is away, and never follows a header's
// `jku` or `x5u`: there is one address, the configured one.
// States: empty -> fresh -> stale (served, refreshed behind) -> expired (nothing is verified until a fetch succeeds).
import { createLocalJWKSet, errors } from "jose";
import type { CryptoKey, JSONWebKeySet, JWSHeaderParameters, LocalJWKSet } from "jose";

export interface JwksOptions {
  /** https, or http on loopback. */
  readonly url: string;
  readonly onFault?: ((error: Error) => void) | undefined;
  /** Wall clock; for tests. */
  readonly nowMs?: (() => number) | undefined;
}

/** The key that fits the header; throws jose's `JWKSNoMatchingKey`, or what kept the keys from being fetched. */
export type JwksKeys = (header: JWSHeaderParameters) => Promise<CryptoKey>;

const FRESH_MS = 10 * 60_000;
/** How long a revoked key can outlive its removal when the issuer cannot be reached. */
const STALE_MS = 60 * 60_000;
/** Least time between two fetches that unknown key ids or failures cause, so tokens of strangers cannot flood the issuer. */
const REFETCH_MS = 30_000;
const FETCH_MS = 5000;
const MAX_JWKS_BYTES = 256 * 1024;

/** Fetches nothing until the first token asks. Throws a `TypeError` for an address that is not https or loopback. */
export function createJwksKeys({ url, onFault = () => undefined, nowMs = Date.now }: JwksOptions): JwksKeys {
  const address = checkedAddress(url);
  let keys: LocalJWKSet | undefined;
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let fault: Error | undefined;
  let pending: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    triedAtMs = nowMs();
    try {
      keys = createLocalJWKSet(await fetchJwks(address));
      fetchedAtMs = nowMs();
      fault = undefined;
    } catch (error) {
      fault = error instanceof Error ? error : new Error("the keys could not be fetched");
      onFault(fault);
    }
  }

  function mayRefresh(): boolean {
    return pending !== undefined || nowMs() - triedAtMs >= REFETCH_MS;
  }

  function refreshOnce(): Promise<void> {
    pending ??= refresh().finally(() => (pending = undefined));
    return pending;
  }

  return async (header) => {
    if (nowMs() - fetchedAtMs >= STALE_MS) {
      keys = undefined;
      if (mayRefresh()) await refreshOnce();
    } else if (nowMs() - fetchedAtMs >= FRESH_MS && mayRefresh()) void refreshOnce();
    if (keys === undefined) throw fault ?? new Error("the issuer's keys are not known");
    try {
      return await keys(header);
    } catch (error) {
      // A key id that is not known may be new: a rotation shows this way first.
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayRefresh()) throw error;
      await refreshOnce();
      return keys(header);
    }
  };
}

function checkedAddress(url: string): URL {
  const address = new URL(url);
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
