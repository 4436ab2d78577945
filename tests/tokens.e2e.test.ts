import { createHmac } from "node:crypto";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runEdge } from "./edge-process.ts";
import { openRaw, openWelcomed } from "./raw-socket.ts";
import type { RawOptions, RawSocket } from "./raw-socket.ts";

const ORIGIN = "https://chat.example.com";
const AUTH_TIMEOUT_MS = 1000;
const TOKEN_GRACE_MS = 1500;
const HEARTBEAT_MS = 500;
const IDLE_MS = 3000;
/** The edge looks at the clock of its sockets once a second; the rest is for a loaded machine. */
const SWEEP_SLACK_MS = 4000;
const MAX_TOKEN_BYTES = 8 * 1024;
const CONNECTIONS_PER_USER = 10;

let cluster: Cluster;
const sockets: RawSocket[] = [];
const clients: ChatClient[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    edges: 1,

    set: {
      ROOKERY_ALLOWED_ORIGINS: ORIGIN,
      ROOKERY_AUTH_TIMEOUT_MS: String(AUTH_TIMEOUT_MS),
      ROOKERY_TOKEN_GRACE_MS: String(TOKEN_GRACE_MS),
      ROOKERY_HEARTBEAT_MS: String(HEARTBEAT_MS),
      ROOKERY_IDLE_MS: String(IDLE_MS),
    },
  });
});
afterAll(async () => {
  for (const socket of sockets) socket.cut();
  await Promise.all(clients.map((client) => client.close()));
});

async function open(options: RawOptions = {}, query = ""): Promise<RawSocket> {
  const socket = await openRaw(`${cluster.ready.ws[0] ?? ""}${query}`, options);
  sockets.push(socket);
  return socket;
}

async function connect(user: string, token = cluster.token(user)): Promise<ChatClient> {
  const client = await cluster.client(user, { token });
  clients.push(client);
  return client;
}

const bearer = (token: string): RawOptions => ({ headers: { authorization: `Bearer ${token}` } });
const subProtocol = (token: string): string[] => ["rookery.v1", `bearer.${Buffer.from(token).toString("base64url")}`];
const cookie = (token: string): Record<string, string> => ({ cookie: `theme=dark; rookery_token=${token}; lang=en` });
const isWelcome = ({ type }: Frame): boolean => type === "welcome";
const userOf = async (socket: RawSocket): Promise<unknown> => (await socket.waitFor(isWelcome)).user;

async function say(socket: RawSocket, frame: Record<string, unknown>): Promise<Frame> {
  const ref = `ask-${socket.frames.length}`;
  socket.send(JSON.stringify({ ...frame, ref }));
  return socket.waitFor((each) => each.ref === ref);
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signed here by any header and key, whatever the claims. */
function forge(user: string, header: { alg: string }, secret: string, claims: object = {}): string {
  const { issuer: iss, audience: aud } = cluster.ready.jwt;
  const nowSec = Math.floor(Date.now() / 1000);
  const signed = `${part(header)}.${part({ sub: user, iss, aud, iat: nowSec, exp: nowSec + 600, ...claims })}`;
  const hash = header.alg === "HS512" ? "sha512" : "sha256";
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

/** Somebody else's claims under the signature of a token that was given to this user. */
function altered(user: string, other: string): string {
  const [header = "", payload = "", signature = ""] = cluster.token(user).split(".");
  const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  return [header, part({ ...Object(claims), sub: other }), signature].join(".");
}

/** A valid token of this many bytes. */
function tokenOf(bytes: number, user: string): string {
  const bare = cluster.token(user, { claims: { pad: "" } }).length;
  const about = Math.floor(((bytes - bare) * 3) / 4);
  for (let pad = about - 4; pad < about + 4; pad += 1) {
    const token = cluster.token(user, { claims: { pad: "x".repeat(pad) } });
    if (token.length === bytes) return token;
  }
  throw new Error(`no token of ${bytes} bytes`);
}

interface Bad {
  what: string;
  token: () => string;
  code?: "token_expired";
}

const BAD: Bad[] = [
  { what: "no token at all", token: () => "nonsense" },
  { what: "one that has expired", token: () => cluster.token("mallory", { ttlSec: -60 }), code: "token_expired" },
  { what: "one whose user was altered", token: () => altered("mallory", "alice") },
  { what: "one without a signature", token: () => cluster.token("mallory").replace(/[^.]+$/, "") },
  { what: "alg none", token: () => forge("mallory", { alg: "none" }, "").replace(/[^.]+$/, "") },
  { what: "alg none with a signature", token: () => forge("mallory", { alg: "none" }, cluster.ready.jwt.secret) },
  { what: "alg NONE in capitals", token: () => forge("mallory", { alg: "NONE" }, cluster.ready.jwt.secret) },
  { what: "HS256 with another secret", token: () => forge("mallory", { alg: "HS256" }, "a".repeat(43)) },
  { what: "HS512 with the right secret", token: () => forge("mallory", { alg: "HS512" }, cluster.ready.jwt.secret) },
  { what: "another issuer", token: () => cluster.token("mallory", { claims: { iss: "elsewhere" } }) },
  { what: "another audience", token: () => cluster.token("mallory", { claims: { aud: "other-app" } }) },
  { what: "no expiry", token: () => cluster.token("mallory", { claims: { exp: undefined } }) },
  { what: "no user", token: () => cluster.token("mallory", { claims: { sub: undefined } }) },
  { what: "a user with a line break", token: () => cluster.token("mallory", { claims: { sub: "mal\nlory" } }) },
  { what: "a user of 129 bytes", token: () => cluster.token("mallory", { claims: { sub: "m".repeat(129) } }) },
  { what: "one not valid yet", token: () => cluster.token("mallory", { claims: { nbf: 4_000_000_000 } }) },
  { what: "one issued in the future", token: () => cluster.token("mallory", { claims: { iat: 4_000_000_000 } }) },
  {
    what: "critical extensions",
    token: () => forge("mallory", Object({ alg: "HS256", crit: ["x"], x: 1 }), cluster.ready.jwt.secret),
  },
  { what: "one byte over 8 KiB", token: () => tokenOf(MAX_TOKEN_BYTES + 1, "mallory") },
];

describe("a valid token", () => {
  it("enters by the header", async () => {
    const socket = await open(bearer(cluster.token("by-header", { name: "By Header" })));
    const welcome = await socket.waitFor(isWelcome);
    expect(welcome).toMatchObject({ user: "by-header", name: "By Header", heartbeatMs: HEARTBEAT_MS });
    expect(welcome).toMatchObject({ limits: { idleMs: IDLE_MS, bodyBytes: 4096 } });
    expect(socket.protocol).toBe("");
  });

  it("enters by a sub-protocol item, of which only rookery.v1 is echoed", async () => {
    const socket = await open({ protocols: subProtocol(cluster.token("by-protocol")) });
    expect(await userOf(socket)).toBe("by-protocol");
    expect(socket.protocol).toBe("rookery.v1");
  });

  it("enters by a cookie with an allowed Origin, and by no cookie without one", async () => {
    const headers = cookie(cluster.token("by-cookie"));
    expect(await userOf(await open({ headers: { ...headers, origin: ORIGIN } }))).toBe("by-cookie");
    await expect(open({ headers })).rejects.toMatchObject({ status: 403 });
    await expect(open({ headers: { ...headers, origin: "null" } })).rejects.toMatchObject({ status: 403 });
  });

  it("enters by an auth frame: welcome first, then ok", async () => {
    const socket = await open();
    const answer = await say(socket, { type: "auth", token: cluster.token("by-frame") });
    expect(answer).toMatchObject({ type: "ok", user: "by-frame" });
    expect(answer["expiresAt"]).toBeGreaterThan(Date.now());
    expect(answer["refreshAt"]).toBeLessThan(Number(answer["expiresAt"]));
    expect(socket.frames.map(({ type }) => type)).toEqual(["welcome", "ok"]);
  });

  it("shown first of several is the one that counts", async () => {
    const headers = { ...bearer(cluster.token("first")).headers, ...cookie(cluster.token("third")), origin: ORIGIN };
    expect(await userOf(await open({ headers, protocols: subProtocol(cluster.token("second")) }))).toBe("first");
  });

  it("of exactly 8 KiB enters by header, sub-protocol, cookie and frame", async () => {
    const token = tokenOf(MAX_TOKEN_BYTES, "heavy");
    const framed = await open();
    const [header, protocol, cookied, answer] = await Promise.all([
      open(bearer(token)).then(userOf),
      open({ protocols: subProtocol(token) }).then(userOf),
      open({ headers: { ...cookie(token), origin: ORIGIN } }).then(userOf),
      say(framed, { type: "auth", token }),
    ]);
    expect([header, protocol, cookied, answer.user]).toEqual(["heavy", "heavy", "heavy", "heavy"]);
  });
});

describe("a bad token", () => {
  it.each(BAD.map((bad) => [bad.what, bad] as const))(
    "%s: in the header is let in only to be closed with 4401, in a frame is told why before",
    async (_, { token, code }) => {
      const byHeader = await open(bearer(token()));
      expect(await byHeader.closed).toEqual({ code: 4401, reason: "token" });
      expect(byHeader.frames).toEqual([]);

      const byFrame = await open();
      byFrame.send(JSON.stringify({ type: "auth", ref: "a", token: token() }));
      expect(await byFrame.closed).toEqual({ code: 4401, reason: "token" });
      // One that is too long is not even looked at: it is no first frame.
      const why = code ?? "unauthenticated";
      expect(byFrame.frames).toMatchObject([{ type: "error", ref: "a", code: why, retry: "after_auth" }]);
    },
  );

  it("is told by no answer which part of it was wrong in the sub-protocol and cookie either", async () => {
    const token = forge("mallory", { alg: "HS256" }, "b".repeat(43));
    const both = await Promise.all([
      open({ protocols: subProtocol(token) }),
      open({ headers: { ...cookie(token), origin: ORIGIN } }),
    ]);
    for (const socket of both) {
      expect(await socket.closed).toEqual({ code: 4401, reason: "token" });
      expect(socket.frames).toEqual([]);
    }
  });

  it("an unknown ticket likewise", async () => {
    const socket = await open({}, "?ticket=nobody-sold-this");
    expect(await socket.closed).toEqual({ code: 4401, reason: "token" });
  });
});

describe("whoever was sent away", () => {
  it("is not counted any more", async () => {
    const left = await open(bearer("nonsense"));
    await left.closed;
    await eventually(async () =>
      expect((await cluster.metrics("edge-1")).get("rookery_edge_unidentified_connections")).toBe(0),
    );
  });
});

describe("an upgrade", () => {
  it.each(["token", "access_token", "jwt", "anything"])("with a token as ?%s= is 400, however valid", async (name) => {
    const token = cluster.token("careless");
    await expect(open({}, `?${name}=${token}`)).rejects.toMatchObject({ status: 400 });
    await expect(open(bearer(token), `?${name}=${token}`)).rejects.toMatchObject({ status: 400 });
  });

  it.each([
    "https://evil.example.com",
    "null",
    "http://chat.example.com",
    "https://chat.example.com:8443",
    "https://chat.example.com.evil.test",
    "https://evil.test/https://chat.example.com",
    "https://CHAT.example.com",
    "https://chat.example.com/",
  ])("from the origin %s is 403, whatever its token", async (origin) => {
    const headers = { ...bearer(cluster.token("foreign")).headers, origin };
    await expect(open({ headers })).rejects.toMatchObject({ status: 403 });
    await expect(open({ headers: { origin } })).rejects.toMatchObject({ status: 403 });
  });

  it("from an allowed origin or none is accepted", async () => {
    const { headers } = bearer(cluster.token("native"));
    expect(await userOf(await open({ headers: { ...headers, origin: ORIGIN } }))).toBe("native");
    expect(await userOf(await open({ headers: { ...headers } }))).toBe("native");
  });
});

describe("a socket without credentials", () => {
  it("that says anything but auth first is answered unauthenticated and closed with 4401", async () => {
    const first = { type: "join", ref: "j", channel: "lounge" };
    for (const [text, ref] of [[JSON.stringify(first), "j"] as const, ["{", undefined] as const]) {
      const socket = await open();
      socket.send(text);
      socket.send(JSON.stringify({ type: "auth", token: cluster.token("too-late") }));
      expect(await socket.closed).toEqual({ code: 4401, reason: "token" });
      expect(socket.frames).toMatchObject([{ type: "error", code: "unauthenticated", retry: "after_auth" }]);
      expect(socket.frames[0]?.ref).toBe(ref);
    }
  });

  it("may say 12 KiB and no more", async () => {
    const frame = JSON.stringify({ type: "auth", token: cluster.token("wordy") });
    const full = await open();
    full.send(frame.padEnd(12 * 1024));
    expect(await userOf(full)).toBe("wordy");
    const over = await open();
    over.send(frame.padEnd(12 * 1024 + 1));
    expect(await over.closed).toEqual({ code: 4401, reason: "token" });
    expect(over.frames).toMatchObject([{ type: "error", code: "too_large" }]);
  });
});

describe("a session", () => {
  it("that refreshes its token in band keeps what it joined", async () => {
    const [renewing, speaker] = await Promise.all([connect("renewing"), connect("speaker")]);
    await Promise.all([renewing.join("lounge"), speaker.join("lounge")]);
    const longer = cluster.token("renewing", { ttlSec: 3600 });
    const answer = await renewing.request({ type: "auth", token: longer });
    expect(answer).toMatchObject({ type: "ok", user: "renewing" });
    expect(Number(answer["expiresAt"])).toBeGreaterThan(Number(renewing.welcome()["expiresAt"]));
    const { id } = await speaker.send("lounge", "still here?");
    await renewing.waitFor((frame) => frame.type === "message" && frame.id === id);
    expect(await renewing.send("lounge", "still here")).toMatchObject({ type: "ok" });
    expect(renewing.frames.filter(({ type }) => type === "welcome")).toHaveLength(1);
  });

  it("that shows another user's token, or a bad one, is refused and stays who it was", async () => {
    const client = await connect("steadfast");
    await client.join("lounge");
    expect(await client.request({ type: "auth", token: cluster.token("somebody-else") })).toMatchObject({
      type: "error",
      code: "forbidden",
    });
    expect(await client.request({ type: "auth", token: altered("steadfast", "steadfast-2") })).toMatchObject({
      type: "error",
      code: "unauthenticated",
    });
    const pretence = { user: "somebody-else", name: "Somebody Else", id: "V1StGXR8_Z5jdHi6B-myT", seq: 1, at: 1 };
    const send = { type: "send", channel: "lounge", clientId: "pretends", body: "it is me", ...pretence };
    const sent = await client.request(send);
    const seen = await client.waitFor((frame) => frame.type === "message" && frame.id === sent.id);
    expect(seen).toMatchObject({ user: "steadfast", name: "steadfast" });
    expect([seen.id, seen.at], "nothing of it is the client's to say").not.toEqual([pretence.id, 1]);
  });

  it("has its frames behind an auth judged by the token that the auth brings", async () => {
    const client = await connect("hasty", cluster.token("hasty", { ttlSec: 1 }));
    await eventually(async () => (await client.request({ type: "ping" })).code === "token_expired", { everyMs: 100 });
    const auth = client.request({ type: "auth", token: cluster.token("hasty") });
    expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(await auth).toMatchObject({ type: "ok" });
  });

  it("is the eleventh of a user: the oldest is closed with 4509, nobody else", async () => {
    const url = cluster.ready.ws[0] ?? "";
    const own: RawSocket[] = [];
    for (let n = 0; n < CONNECTIONS_PER_USER; n += 1) own.push(await openWelcomed(url, cluster.token("many")));
    const other = await connect("not-many");
    for (const socket of own) expect(await say(socket, { type: "ping" })).toMatchObject({ type: "pong" });
    own.push(await openWelcomed(url, cluster.token("many")));
    sockets.push(...own);
    const [oldest, ...others] = own;
    expect(await oldest?.closed).toEqual({ code: 4509, reason: "replaced" });
    for (const socket of others) expect(await say(socket, { type: "ping" })).toMatchObject({ type: "pong" });
    expect(await other.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });
});

describe.concurrent("the clock", () => {
  /** When a socket ended, by the clock of this process. */
  const endOf = async (socket: RawSocket): Promise<{ code: number; reason: string; atMs: number }> => ({
    ...(await socket.closed),
    atMs: Date.now(),
  });

  it("closes a socket that does not authenticate in time with 4408", async () => {
    const startedMs = Date.now();
    const { atMs, ...end } = await endOf(await open());
    expect(end).toEqual({ code: 4408, reason: "auth_timeout" });
    expect(atMs - startedMs).toBeGreaterThanOrEqual(AUTH_TIMEOUT_MS - 50);
    expect(atMs - startedMs).toBeLessThan(AUTH_TIMEOUT_MS + SWEEP_SLACK_MS);
  });

  it("refuses everything but auth from the moment the token expires, and a fresh one makes all well", async () => {
    const client = await connect("expiring", cluster.token("expiring", { ttlSec: 3 }));
    expect(await client.join("lounge")).toMatchObject({ type: "ok" });
    const refused = await eventually(
      async () => {
        const reply = await client.request({ type: "ping" });
        return reply.type === "error" && reply;
      },
      { everyMs: 100 },
    );
    expect(Date.now()).toBeGreaterThanOrEqual(Number(client.welcome()["expiresAt"]));
    expect(refused).toMatchObject({ code: "token_expired", retry: "after_auth" });
    for (const frame of [
      { type: "join", channel: "garden" },
      { type: "leave", channel: "lounge" },
      { type: "send", channel: "lounge", clientId: "late", body: "late" },
      { type: "history", channel: "lounge" },
    ]) {
      expect(await client.request(frame)).toMatchObject({ type: "error", code: "token_expired" });
    }
    expect(await client.request({ type: "auth", token: cluster.token("expiring") })).toMatchObject({ type: "ok" });
    expect(await client.send("lounge", "back")).toMatchObject({ type: "ok" });
  });

  it("closes an expired session with 4401 after the grace and not before", async () => {
    const socket = await open(bearer(cluster.token("forgetful", { ttlSec: 2 })));
    const dueMs = Number((await socket.waitFor(isWelcome))["expiresAt"]) + TOKEN_GRACE_MS;
    const { atMs, ...end } = await endOf(socket);
    expect(end).toEqual({ code: 4401, reason: "token" });
    expect(atMs).toBeGreaterThanOrEqual(dueMs);
    expect(atMs).toBeLessThan(dueMs + SWEEP_SLACK_MS);
  });

  it("closes a socket that answers no ping with 4002, and no silent one that does", async () => {
    const url = cluster.ready.ws[0] ?? "";
    const alive = await openWelcomed(url, cluster.token("quiet-but-alive"));
    const gone = await openWelcomed(url, cluster.token("gone"), { answersPings: false });
    sockets.push(alive, gone);
    const startedMs = Date.now();
    const { atMs, ...end } = await endOf(gone);
    expect(end).toEqual({ code: 4002, reason: "idle" });
    expect(atMs - startedMs).toBeGreaterThanOrEqual(IDLE_MS - HEARTBEAT_MS);
    expect(atMs - startedMs).toBeLessThan(IDLE_MS + SWEEP_SLACK_MS);
    expect(await say(alive, { type: "ping" })).toMatchObject({ type: "pong" });
  });
});

describe("an edge with three wrong settings", () => {
  it("ends with 78, names all three at once, and shows no secret and no stack", async () => {
    const { code, stderr } = await runEdge({
      ROOKERY_REDIS_URL: "http://user:hunter2@127.0.0.1:6379",
      ROOKERY_POSTGRES_URL: "postgres://rookery@127.0.0.1:5432/rookery",
      ROOKERY_JWT_SECRET: "swordfish",
      ROOKERY_PORT: "70000",
    });
    expect(code).toBe(78);
    expect(stderr).toMatch(/^3 settings are wrong/);
    for (const name of ["ROOKERY_REDIS_URL", "ROOKERY_JWT_SECRET", "ROOKERY_PORT"]) expect(stderr).toContain(name);
    expect(stderr).toMatch(/ROOKERY_PORT .*got 70000 from environment; expected/);
    expect(stderr).not.toMatch(/hunter2|swordfish/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("suggests the name that was meant", async () => {
    const { code, stderr } = await runEdge({
      ROOKERY_REDIS_URL: "redis://127.0.0.1:6379",
      ROOKERY_POSTGRES_URL: "postgres://rookery@127.0.0.1:5432/rookery",
      ROOKERY_JWT_SECERT: "swordfish",
    });
    expect(code).toBe(78);
    expect(stderr).toMatch(/ROOKERY_JWT_SECERT.*ROOKERY_JWT_SECRET/);
    expect(stderr).not.toContain("swordfish");
  });
});
