// Owns one issuer of tokens: pairs of keys by key id, the address at which their public halves are published, and tokens signed
// by hand, so that also what no library makes can be shown to an edge. Called by tests of who is let in.
// What it publishes and how its address answers is the test's to change as it goes. Ends with `close`.
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createServer } from "node:http";

export type Algorithm = "EdDSA" | "ES256" | "RS256";

/** What signs the text before a token's last full stop. */
export type Signer = (input: string) => Buffer;

export interface Issuer {
  readonly algorithm: Algorithm;
  /** Of its published keys. */
  readonly url: string;
  /** Key ids that are published, and what the address answers: "hang" takes a request and never answers it. */
  readonly state: { published: readonly string[]; answers: number | "hang"; asked: number };
  readonly publicKey: (kid: string) => KeyObject;
  readonly privateKey: (kid: string) => KeyObject;
  /** Signed with the key of this id; `header` and `claims` go over what stands there otherwise. */
  readonly token: (kid: string, user: string, more?: { header?: object; claims?: object }) => string;
  readonly close: () => void;
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const KINDS: Readonly<Record<Algorithm, { pair: () => Pair; signWith: (key: KeyObject) => Signer }>> = {
  EdDSA: {
    pair: () => generateKeyPairSync("ed25519"),
    signWith: (key) => (input) => sign(null, Buffer.from(input), key),
  },
  ES256: {
    pair: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    signWith: (key) => (input) => sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }),
  },
  RS256: {
    pair: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    signWith: (key) => (input) => sign("sha256", Buffer.from(input), key),
  },
};

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token of any header and claims, under whatever signature. */
export function forge(header: object, claims: object, signWith: Signer): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signWith(input).toString("base64url")}`;
}

export const hs256 =
  (secret: string): Signer =>
  (input) =>
    createHmac("sha256", secret).update(input).digest();

/** Claims of a good token. */
export function claimsOf(user: string): Record<string, unknown> {
  const nowSec = Math.floor(Date.now() / 1000);
  return { iss: "rookery", aud: "rookery", sub: user, iat: nowSec, exp: nowSec + 600 };
}

export async function startIssuer(algorithm: Algorithm, kids: readonly string[]): Promise<Issuer> {
  const kind = KINDS[algorithm];
  const pairs = new Map(kids.map((kid) => [kid, kind.pair()]));
  const pairOf = (kid: string): Pair => {
    const found = pairs.get(kid);
    if (found === undefined) throw new Error(`no key ${kid}`);
    return found;
  };
  const state: Issuer["state"] = { published: kids.slice(0, 1), answers: 200, asked: 0 };
  const server = createServer((_request, response) => {
    state.asked += 1;
    if (state.answers === "hang") return;
    const keys = state.published.map((kid) => ({
      ...pairOf(kid).publicKey.export({ format: "jwk" }),
      ...{ kid, alg: algorithm, use: "sig" },
    }));
    response.writeHead(state.answers, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    algorithm,
    url: `http://127.0.0.1:${port}/jwks`,
    state,
    publicKey: (kid) => pairOf(kid).publicKey,
    privateKey: (kid) => pairOf(kid).privateKey,
    token: (kid, user, { header = {}, claims = {} } = {}) =>
      forge(
        { alg: algorithm, kid, ...header },
        { ...claimsOf(user), ...claims },
        kind.signWith(pairOf(kid).privateKey),
      ),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
