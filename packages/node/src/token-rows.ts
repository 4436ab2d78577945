// Rows of the table that say how callers prove who they are, and the rules between the keys of tokens. Each names what of
// auth reads its value, so that settings which are taken make a verifier. Read by the table alone.
import { readJwksAddress, readPublicKey, readSecret, readTokenKeys } from "@rookery/auth";
import type { KeyOptions } from "@rookery/auth";
import { TOKEN_GRACE_MS } from "@rookery/protocol";
import { flag, integer, list, optionalBearer, optionalSecret, optionalText, text } from "@rookery/runtime";
import type { SettingRule } from "@rookery/runtime";
import { API, EDGE, PUBLIC } from "./services.ts";
import { MIN_MS } from "./units.ts";

const CLAIM = { pattern: "^\\S+$", expected: "text without spaces", example: "rookery" };
const JWKS_URL = {
  pattern: "^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/])\\S+$",
  expected: "an https:// address (http:// only on loopback)",
  example: "https://login.example.com/.well-known/jwks.json",
  reader: readJwksAddress,
};
const PUBLIC_KEY = {
  pattern: "^\\s*-----BEGIN (PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE)-----[\\s\\S]+$",
  expected: "a PEM public key (never a private one)",
  example: "ROOKERY_JWT_PUBLIC_KEY_FILE=/etc/rookery/jwt.pem",
  // A private key is what is put here by mistake.
  secrecy: "hidden",
  fromFile: true,
  reader: readPublicKey,
} as const;
const ALGORITHM_NAMES: readonly string[] = ["HS256", "EdDSA", "ES256", "RS256"];
const ALGORITHMS = {
  item: (name: string) => {
    // RFC 9864 names the curve; what it signs is the same.
    if (ALGORITHM_NAMES.includes(name) || name === "Ed25519") return name;
    throw new Error(`${JSON.stringify(name.slice(0, 16))} is no algorithm that is known here`);
  },
  expected: `one of ${ALGORITHM_NAMES.join(", ")}`,
  example: "ES256",
};

/** Any one of these makes tokens verifiable; without one, a development secret is made. */
const ANY_KEY = ["jwtSecret", "jwtPublicKey", "jwtJwksUrl"] as const;

// prettier-ignore
export const TOKEN_ROWS = {
  jwtSecret: optionalSecret("ROOKERY_JWT_SECRET", { reader: readSecret, madeWithout: ANY_KEY }, PUBLIC,
    "HS256 key of user tokens; made at start outside production when no key of any kind is given"),
  jwtPreviousSecret: optionalSecret("ROOKERY_JWT_PREVIOUS_SECRET", { reader: readSecret }, PUBLIC,
    "the HS256 key before this one, still accepted while keys are changed"),
  jwtPublicKey: optionalText("ROOKERY_JWT_PUBLIC_KEY", PUBLIC_KEY, PUBLIC,
    "PEM public key of user tokens, in place of a secret"),
  jwtJwksUrl: optionalText("ROOKERY_JWT_JWKS_URL", JWKS_URL, PUBLIC,
    "where the issuer publishes its keys, in place of a secret; needs ROOKERY_JWT_ALGORITHMS"),
  jwtAlgorithms: list("ROOKERY_JWT_ALGORITHMS", ALGORITHMS, PUBLIC,
    "the only signature algorithm that is accepted; follows from a secret or a PEM key when empty"),
  jwtIssuer: text("ROOKERY_JWT_ISSUER", "rookery", CLAIM, PUBLIC,
    "the `iss` that a token must carry"),
  jwtAudience: text("ROOKERY_JWT_AUDIENCE", "rookery", CLAIM, PUBLIC,
    "the `aud` that a token must carry"),
  clockToleranceSec: integer("ROOKERY_CLOCK_TOLERANCE_SEC", 5, [0, 30], "s", PUBLIC,
    "how far the issuer's clock may be off"),
  tokenGraceMs: integer("ROOKERY_TOKEN_GRACE_MS", TOKEN_GRACE_MS, [0, 10 * MIN_MS], "ms", EDGE,
    "time to refresh an expired token in band before close 4401"),
  apiKey: optionalBearer("ROOKERY_API_KEY", API,
    "an API key with every scope that exists from the start; for development and bootstrap"),
  guestTokens: flag("ROOKERY_GUEST_TOKENS", false, API,
    "whether anybody may take a token under a guest name"),
} as const;

type Rule = SettingRule<typeof TOKEN_ROWS>;
type TokenValues = Parameters<Extract<Rule, { kind: "reads" }>["read"]>[0];

export const TOKEN_RULES: readonly Rule[] = [
  {
    kind: "holds",
    keys: ANY_KEY,
    holds: (values, isProduction) => !isProduction || keysGiven(values) > 0,
    expected: "a secret, ROOKERY_JWT_PUBLIC_KEY_FILE or ROOKERY_JWT_JWKS_URL",
  },
  {
    kind: "holds",
    keys: ANY_KEY,
    holds: (values) => keysGiven(values) < 2,
    expected: "only one of ROOKERY_JWT_SECRET, ROOKERY_JWT_PUBLIC_KEY and ROOKERY_JWT_JWKS_URL",
  },
  {
    kind: "holds",
    keys: ["jwtPreviousSecret", "jwtSecret"],
    holds: hasSecretBesidePrevious,
    expected: "ROOKERY_JWT_SECRET beside it",
  },
  {
    kind: "reads",
    keys: ["jwtAlgorithms", "jwtSecret", "jwtPreviousSecret", "jwtPublicKey", "jwtJwksUrl"],
    // What the rules before it refuse has been told by them.
    read: (values) =>
      keysGiven(values) === 1 && hasSecretBesidePrevious(values) ? readTokenKeys(keyOptions(values)) : undefined,
  },
];

function keysGiven(values: TokenValues): number {
  return ANY_KEY.filter((key) => values[key] !== undefined).length;
}

function hasSecretBesidePrevious({ jwtPreviousSecret, jwtSecret }: TokenValues): boolean {
  return jwtPreviousSecret === undefined || jwtSecret !== undefined;
}

function keyOptions(values: TokenValues): KeyOptions {
  const { jwtAlgorithms, jwtSecret, jwtPreviousSecret, jwtPublicKey, jwtJwksUrl } = values;
  return {
    algorithms: jwtAlgorithms,
    secret: jwtSecret,
    previousSecret: jwtPreviousSecret,
    publicKeyPem: jwtPublicKey,
    jwksUrl: jwtJwksUrl,
  };
}
