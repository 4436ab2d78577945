// Turns what an operator configured into the one way tokens are verified: an algorithm family and its keys. Called when a
// verifier is made; a mistake throws a TypeError there, not at the first token. Keys are KeyObjects, so the bytes of a
// PEM can never be used as an HMAC secret.
import { createPublicKey, createSecretKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createJwksKeys } from "./jwks-keys.ts";
import type { JwksKeys } from "./jwks-keys.ts";

export type TokenAlgorithm = "HS256" | "EdDSA" | "Ed25519" | "ES256" | "RS256";

export interface KeyOptions {
  /** Needed for a JWKS; follows from a secret or a PEM key when absent or empty. */
  readonly algorithms?: readonly string[] | undefined;
  readonly secret?: string | undefined;
  /** The secret before this one, accepted while keys are changed. */
  readonly previousSecret?: string | undefined;
  readonly publicKeyPem?: string | undefined;
  readonly jwksUrl?: string | undefined;
  /** Told when the issuer's keys cannot be fetched. */
  readonly onKeyFault?: ((error: Error) => void) | undefined;
}

export interface TokenKeys {
  readonly algorithms: readonly TokenAlgorithm[];
  /** Secrets are tried in order; of a JWKS the key that fits a token's header is asked for. */
  readonly source: { readonly secrets: readonly KeyObject[] } | { readonly publicKey: KeyObject } | JwksKeys;
}

/** RFC 7518 section 3.2: a key of at least the hash's output. */
const MIN_SECRET_BYTES = 32;
/** RFC 7518 section 3.3. */
const MIN_RSA_BITS = 2048;
/** Algorithms that one kind of key signs with; a configuration may name some of one row and no more. */
const FAMILIES: readonly (readonly TokenAlgorithm[])[] = [["HS256"], ["EdDSA", "Ed25519"], ["ES256"], ["RS256"]];

/** Exactly one of `secret`, `publicKeyPem` and `jwksUrl`; throws a `TypeError` otherwise, or when the parts do not fit. */
export function readTokenKeys(options: KeyOptions): TokenKeys {
  const { secret, previousSecret, publicKeyPem, jwksUrl } = options;
  const given = [secret, publicKeyPem, jwksUrl].filter((each) => each !== undefined);
  if (given.length !== 1) throw new TypeError("give exactly one of a secret, a public key and a JWKS address");
  if (secret !== undefined) {
    const secrets = previousSecret === undefined ? [secret] : [secret, previousSecret];
    return { algorithms: pick(options, ["HS256"]), source: { secrets: secrets.map(readSecret) } };
  }
  if (publicKeyPem !== undefined) {
    const { key, family } = readPublicKey(publicKeyPem);
    return { algorithms: pick(options, family), source: { publicKey: key } };
  }
  const algorithms = pick(options, undefined);
  return { algorithms, source: createJwksKeys({ url: jwksUrl ?? "", onFault: options.onKeyFault }) };
}

/** A secret as a key; throws a `TypeError` when it is too short or is a PEM. */
export function readSecret(secret: string): KeyObject {
  if (secret.includes("-----BEGIN")) throw new TypeError("a PEM key is not a secret");
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES)
    throw new TypeError(`a secret has at least ${MIN_SECRET_BYTES} bytes`);
  return createSecretKey(secret, "utf8");
}

/** A PEM as a key and what it signs with; throws a `TypeError` of one line for one that cannot verify tokens. */
export function readPublicKey(pem: string): {
  readonly key: KeyObject;
  readonly family: readonly TokenAlgorithm[];
} {
  if (pem.includes("PRIVATE KEY")) throw new TypeError("this is a private key; only its public half belongs here");
  const key = parsePem(pem);
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (key.asymmetricKeyType === "rsa" && (bits ?? 0) < MIN_RSA_BITS) {
    throw new TypeError(`an RSA key has at least ${MIN_RSA_BITS} bits`);
  }
  return { key, family: familyOfKey(key) };
}

function parsePem(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (error) {
    throw new TypeError("this PEM holds no public key that can be read", { cause: error });
  }
}

function familyOfKey(key: KeyObject): readonly TokenAlgorithm[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ed25519") return ["EdDSA", "Ed25519"];
  if (type === "rsa") return ["RS256"];
  if (type === "ec" && details?.namedCurve === "prime256v1") return ["ES256"];
  throw new TypeError("a public key is Ed25519, P-256 or RSA");
}

/** The algorithms asked for, when they lie in one family, and in the key's own if that is known; else that family. */
function pick(
  { algorithms = [] }: KeyOptions,
  ofKey: readonly TokenAlgorithm[] | undefined,
): readonly TokenAlgorithm[] {
  if (algorithms.length === 0) {
    if (ofKey === undefined) throw new TypeError("a JWKS address needs the issuer's algorithm beside it");
    return ofKey;
  }
  const family = FAMILIES.find((each) => algorithms.every((algorithm) => each.some((known) => known === algorithm)));
  if (family === undefined) throw new TypeError("name algorithms of one family: HS256, EdDSA, ES256 or RS256");
  const isFit = ofKey === undefined ? family[0] !== "HS256" : family[0] === ofKey[0];
  if (!isFit) throw new TypeError(`the algorithm ${algorithms.join(", ")} does not fit the key`);
  return family.filter((each) => algorithms.includes(each));
}
