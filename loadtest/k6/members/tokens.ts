// Gives members their tokens: from a list (TOKENS names a file, one token a line), signed here with the secret of a cluster
// that one may know (JWT_SECRET; never that of a deployment that others use), else of guests by the api. Called by member.ts.
import { hmac } from "k6/crypto";
import { SharedArray } from "k6/data";
import { b64encode } from "k6/encoding";
import http from "k6/http";
import { setTimeout } from "k6/timers";
import { textKnob } from "./knobs.ts";

export interface Grant {
  readonly token: string;
  readonly refreshToken?: string;
}

export interface Tokens {
  /** The token of member number `member`, counted from 1, of the run of this name. */
  first(run: string, member: number): Promise<Grant>;
  /** One that lives longer; a token of a list has no other. */
  next(run: string, member: number, last: Grant): Promise<Grant>;
}

const TOKEN_SEC = 900;
const TRIES = 20;
const DEFAULT_WAIT_SEC = 1;

export function createTokens(api: string): Tokens {
  const file = textKnob("TOKENS");
  const secret = textKnob("JWT_SECRET");
  const issuer = textKnob("JWT_ISSUER", "rookery");
  const audience = textKnob("JWT_AUDIENCE", "rookery");
  if (file !== "") {
    const list = new SharedArray("tokens", () => linesOf(open(file)));
    const listed = (_run: string, member: number): Promise<Grant> =>
      Promise.resolve({ token: list[(member - 1) % list.length] ?? "" });
    return { first: listed, next: listed };
  }
  if (secret !== "") {
    const sign = (run: string, member: number): Promise<Grant> =>
      Promise.resolve({ token: signToken(`load-${run}-${member}`, secret, issuer, audience) });
    return { first: sign, next: sign };
  }
  return {
    first: (_run, member) => ask(`${api}/v1/auth/guest`, { name: `Load ${member}` }),
    next: (_run, _member, { refreshToken }) => ask(`${api}/v1/auth/refresh`, { refreshToken }),
  };
}

function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  const tokens = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (tokens.length === 0) throw new Error("TOKENS names a file without a token");
  return tokens;
}

function signToken(user: string, secret: string, issuer: string, audience: string): string {
  const nowMs = Date.now();
  const iat = Math.floor(nowMs / 1_000);
  const claims = { sub: user, iss: issuer, aud: audience, iat, iat_ms: nowMs, exp: iat + TOKEN_SEC };
  const jti = `${user}-${nowMs}-${Math.random().toString(36).slice(2)}`;
  const part = (value: object): string => b64encode(JSON.stringify(value), "rawurl");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, jti })}`;
  return `${signed}.${hmac("sha256", secret, signed, "base64rawurl")}`;
}

/** Waits as told where the api asks for it: a crowd of guests comes from one address. */
async function ask(url: string, body: object): Promise<Grant> {
  for (let attempt = 1; ; attempt += 1) {
    const headers = { "content-type": "application/json" };
    const response = await http.asyncRequest("POST", url, JSON.stringify(body), { headers });
    if (response.status === 200 || response.status === 201) return grantIn(response.body);
    if (attempt === TRIES) throw new Error(`${url} answered ${response.status}: no token`);
    const waitSec = Number(response.headers["Retry-After"] ?? DEFAULT_WAIT_SEC);
    await new Promise<void>((resolve) => void setTimeout(resolve, waitSec * 1_000));
  }
}

function grantIn(body: string | ArrayBuffer | null): Grant {
  const grant: Grant = JSON.parse(typeof body === "string" ? body : "{}");
  if (typeof grant.token !== "string") throw new Error("the api's answer holds no token");
  return grant;
}
