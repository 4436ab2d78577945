// Edges that take the tokens of somebody else's login: one for each family of algorithms, by the keys that the issuer publishes
// or by a PEM. Keys come and go while the edges run. No Redis stands behind them: whoever is let in is welcome without one.
import { constants, sign } from "node:crypto";
import { eventually, parseMetrics, testPostgres } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { launchEdge } from "./edge-process.ts";
import type { EdgeProcess } from "./edge-process.ts";
import { claimsOf, forge, hs256, startIssuer } from "./issuer.ts";
import type { Algorithm, Issuer, Signer } from "./issuer.ts";
import { openRaw } from "./raw-socket.ts";
import type { RawOptions, RawSocket } from "./raw-socket.ts";

const ORIGIN = "https://chat.example.com";
/** Nobody listens on the discard port of loopback. */
const NOBODY = "127.0.0.1:9";
const ALGORITHMS: readonly Algorithm[] = ["ES256", "EdDSA", "RS256"];

interface Trusting {
  readonly issuer: Issuer;
  readonly edge: EdgeProcess;
}

const { url: postgresUrl } = await testPostgres();
const teardowns: (() => unknown)[] = [];
const trusting = new Map<Algorithm | "PEM", Trusting>();

beforeAll(async () => {
  const launch = async (name: Algorithm | "PEM"): Promise<void> => {
    const algorithm = name === "PEM" ? "EdDSA" : name;
    const issuer = await startIssuer(algorithm, ["one", "two", "three"]);
    teardowns.push(issuer.close);
    const pem = issuer.publicKey("one").export({ type: "spki", format: "pem" }).toString();
    const keys =
      name === "PEM"
        ? { ROOKERY_JWT_PUBLIC_KEY: pem }
        : { ROOKERY_JWT_JWKS_URL: issuer.url, ROOKERY_JWT_ALGORITHMS: algorithm };
    const settings = {
      ROOKERY_REDIS_URL: `redis://${NOBODY}`,
      ROOKERY_POSTGRES_URL: postgresUrl,
      ROOKERY_ALLOWED_ORIGINS: ORIGIN,
      // A welcome waits so long for the Redis that is not there.
      ROOKERY_COMMAND_TIMEOUT_MS: "300",
      ...keys,
    };
    trusting.set(name, { issuer, edge: await launchEdge(settings, (stop) => teardowns.push(stop)) });
  };
  await Promise.all([...ALGORITHMS, "PEM" as const].map(launch));
});
afterAll(() => Promise.all(teardowns.map((teardown) => teardown())));

const of = (name: Algorithm | "PEM"): Trusting => {
  const found = trusting.get(name);
  if (found === undefined) throw new Error(`no edge for ${name}`);
  return found;
};

async function open({ edge }: Trusting, options: RawOptions = {}): Promise<RawSocket> {
  const socket = await openRaw(edge.ws, options);
  onTestFinished(socket.cut);
  return socket;
}

const bearer = (token: string): RawOptions => ({ headers: { authorization: `Bearer ${token}` } });

/** Who the edge says one is, or the code it closes with. */
async function outcome(socket: RawSocket): Promise<unknown> {
  const first = await Promise.race([socket.waitFor(() => true).catch(() => socket.closed), socket.closed]);
  return "type" in first ? first["user"] : first.code;
}

const shown = async (at: Trusting, token: string): Promise<unknown> => outcome(await open(at, bearer(token)));

describe("an issuer that takes requests and answers none", () => {
  it("is nobody's fault: 4005 to those who show its tokens, and all is well a second after it answers", async () => {
    const at = of("RS256");
    at.issuer.state.answers = "hang";
    expect(await shown(at, at.issuer.token("one", "ann"))).toBe(4005);
    at.issuer.state.answers = 200;
    await eventually(async () => expect(await shown(at, at.issuer.token("one", "ann"))).toBe("ann"), {
      withinMs: 10_000,
      everyMs: 200,
    });
  });
});

describe("keys that are changed while an edge runs", () => {
  it("are learnt from the first token of a new one; tokens of the old one stay good as long as it is published", async () => {
    const at = of("ES256");
    const { issuer } = at;
    const early = await open(at, bearer(issuer.token("one", "early")));
    expect(await outcome(early)).toBe("early");
    issuer.state.published = ["one", "two"];
    expect(await shown(at, issuer.token("two", "new"))).toBe("new");
    expect(await shown(at, issuer.token("one", "old"))).toBe("old");
    expect(issuer.state.asked, "once at the first token, once at the first of the new key").toBe(2);

    // A session goes over to the new key in band.
    early.send(JSON.stringify({ type: "auth", ref: "renew", token: issuer.token("two", "early") }));
    expect(await early.waitFor(({ ref }) => ref === "renew")).toMatchObject({ type: "ok", user: "early" });
  });

  it("are no longer taken once they are withdrawn, and who came in with one before stays", async () => {
    const at = of("EdDSA");
    const { issuer } = at;
    const early = await open(at, bearer(issuer.token("one", "early")));
    expect(await outcome(early)).toBe("early");
    issuer.state.published = ["two"];
    expect(await shown(at, issuer.token("two", "new"))).toBe("new");
    expect(await shown(at, issuer.token("one", "late"))).toBe(4401);
    early.send(JSON.stringify({ type: "ping", ref: "p" }));
    expect(await early.waitFor(({ ref }) => ref === "p")).toMatchObject({ type: "pong" });
  });

  it("stay good while the issuer is away; a token of a key that is not known is told so, not refused", async () => {
    const at = of("RS256");
    const { issuer } = at;
    expect(await shown(at, issuer.token("one", "before"))).toBe("before");
    issuer.state.answers = 503;
    issuer.state.published = ["one", "two"];
    expect(await shown(at, issuer.token("two", "new"))).toBe(4005);
    expect(await shown(at, issuer.token("one", "meanwhile"))).toBe("meanwhile");
    issuer.state.answers = 200;
    await eventually(async () => expect(await shown(at, issuer.token("two", "new"))).toBe("new"), {
      withinMs: 10_000,
      everyMs: 200,
    });
  });
});

describe.each([...ALGORITHMS, "PEM" as const])("an edge that trusts %s", (name) => {
  const kid = name === "EdDSA" ? "two" : "one";

  it("lets in by header, sub-protocol, frame, and by cookie from a page that may", async () => {
    const at = of(name);
    const token = at.issuer.token(kid, "ann");
    expect(await shown(at, token)).toBe("ann");
    const protocols = ["rookery.v1", `bearer.${Buffer.from(token).toString("base64url")}`];
    expect(await outcome(await open(at, { protocols }))).toBe("ann");
    const framed = await open(at);
    framed.send(JSON.stringify({ type: "auth", token }));
    expect(await outcome(framed)).toBe("ann");

    const cookie = `rookery_token=${token}`;
    expect(await outcome(await open(at, { headers: { cookie, origin: ORIGIN } }))).toBe("ann");
    for (const origin of [
      undefined,
      "null",
      "https://chat.example.com.evil.test",
      "https://evil.test?chat.example.com",
    ]) {
      const headers = { cookie, ...(origin === undefined ? {} : { origin }) };
      await expect(open(at, { headers }), String(origin)).rejects.toMatchObject({ status: 403 });
    }
  });

  it("refuses what is signed in any other way than by a key it was told of", async () => {
    const at = of(name);
    const { issuer } = at;
    const claims = claimsOf("mallory");
    const alg = issuer.algorithm;
    const stranger = await startIssuer(alg, [kid]);
    const others = await Promise.all(ALGORITHMS.filter((each) => each !== alg).map((each) => startIssuer(each, [kid])));
    onTestFinished(() => [stranger, ...others].forEach(({ close }) => close()));
    const pem = issuer.publicKey(kid).export({ type: "spki", format: "pem" }).toString();
    const jwk = stranger.publicKey(kid).export({ format: "jwk" });
    const x = String(issuer.publicKey(kid).export({ format: "jwk" })["x"]);
    const bad: Record<string, string> = {
      "another's key under a known id": stranger.token(kid, "mallory"),
      "a key that it brings along": stranger.token(kid, "mallory", { header: { jwk } }),
      "a key that lies at its address": stranger.token(kid, "mallory", { header: { jku: stranger.url } }),
      "a certificate that lies at its address": stranger.token(kid, "mallory", { header: { x5u: stranger.url } }),
      "HS256 under the PEM of the key": forge({ alg: "HS256", kid }, claims, hs256(pem)),
      "HS256 under the bytes of the key": forge({ alg: "HS256", kid }, claims, hs256(x)),
      "HS256 under its name": forge({ alg, kid }, claims, hs256(pem)),
      "no signature": forge({ alg: "none", kid }, claims, () => Buffer.alloc(0)),
      "a rule that nobody here knows": issuer.token(kid, "mallory", { header: { crit: ["x"], x: 1 } }),
      "another issuer": issuer.token(kid, "mallory", { claims: { iss: "elsewhere" } }),
      "another audience": issuer.token(kid, "mallory", { claims: { aud: "elsewhere" } }),
      "no expiry": issuer.token(kid, "mallory", { claims: { exp: undefined } }),
      ...Object.fromEntries(others.map((other) => [`${other.algorithm} instead`, other.token(kid, "mallory")])),
      ...ownTraps(issuer, kid),
    };
    for (const [what, token] of Object.entries(bad)) {
      const socket = await open(at, bearer(token));
      expect(await outcome(socket), what).toBe(4401);
      expect(socket.frames, what).toEqual([]);
    }
    expect(stranger.state.asked, "a token's own addresses are not looked at").toBe(0);
    expect(await shown(at, issuer.token(kid, "ann")), "and whoever is trusted still is").toBe("ann");
    const seen = parseMetrics(await (await fetch(`${at.edge.internal}/metrics`)).text());
    expect(seen.get('rookery_edge_token_checks_total{outcome="unauthenticated"}')).toBeGreaterThanOrEqual(
      Object.keys(bad).length,
    );
  });
});

/** What only this family of algorithms could mistake for its own: signed with the right key, in another way. */
function ownTraps(issuer: Issuer, kid: string): Record<string, string> {
  const key = issuer.privateKey(kid);
  const { algorithm: alg } = issuer;
  const signed = (header: object, signWith: Signer): string =>
    forge({ alg, kid, ...header }, claimsOf("mallory"), signWith);
  const zeros = signed({}, () => Buffer.alloc(alg === "RS256" ? 256 : 64));
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const traps: Record<Algorithm, () => Record<string, string>> = {
    ES256: () => ({ "a signature in DER": signed({}, (input) => sign("sha256", Buffer.from(input), key)) }),
    EdDSA: () => ({
      "an algorithm of its family": signed({ alg: "Ed448" }, (input) => sign(null, Buffer.from(input), key)),
    }),
    RS256: () => ({
      RS512: signed({ alg: "RS512" }, (input) => sign("sha512", Buffer.from(input), key)),
      PS256: signed({ alg: "PS256" }, (input) => sign("sha256", Buffer.from(input), pss)),
    }),
  };
  return { "a signature of zeros": zeros, ...traps[alg]() };
}
