// Contract of moderation over HTTP, with a real Redis, a real Postgres and an edge played by the test: who may do what is
// judged by what stands when it is written, every change is answered with the edge's own word, what stands and was not heard
// of is announced in the end, and nothing is done that could not be told.
import { createMinter } from "@rookery/auth";
import { createConfirmations, createRegistry, parseNumberedControl, whenReady } from "@rookery/broker";
import type { NumberedControl } from "@rookery/broker";
import { clusterSettings, connectStores, createTokenVerifier } from "@rookery/node";
import { createLog, createMetrics, createNodeId } from "@rookery/runtime";
import { createChannelActs } from "@rookery/store";
import { eventually, startProxy, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStatementCounter } from "../../../tests/statement-counter.ts";
import { buildContext } from "./build-context.ts";
import { createServer } from "./server.ts";

const SECRET = "moderation-secret-0123456789-abcdefghijkl";
const ADMIN = "rk_moderation123456789abcdefghijklmnopqrstuvwxyz";
const EDGE = "edge-1.test";
const ISSUED = { secret: SECRET, issuer: "rookery", audience: "rookery" } as const;

const redis = await testRedis();
const postgres = await testPostgres();
const toRedis = await startProxy({ target: redis.url });
const toPostgres = await startProxy({ target: postgres.url });
const stops: (() => Promise<void> | void)[] = [() => toRedis.close(), () => toPostgres.close()];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

interface Reply {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** An api of its own, with tables and connections of its own. */
async function startApi(redisUrl: string, postgresUrl: string, commandTimeoutMs = 5_000) {
  const settings = clusterSettings.load("api", {
    env: {
      ROOKERY_REDIS_URL: redisUrl,
      ROOKERY_POSTGRES_URL: postgresUrl,
      ROOKERY_PARTITIONS: "4",
      ROOKERY_JWT_SECRET: SECRET,
      ROOKERY_API_KEY: ADMIN,
      ROOKERY_REQUESTS_PER_MIN: "100000",
      ROOKERY_COMMAND_TIMEOUT_MS: String(commandTimeoutMs),
    },
  });
  const context = {
    settings,
    log: createLog({ service: "api", node: () => "api.test", level: "silent" }),
    metrics: createMetrics({ service: "api", node: () => "api.test", version: "0" }),
    node: createNodeId("api"),
    onStop: (_name: string, stop: () => Promise<void> | void) => void stops.push(stop),
    refuse: (reason: string) => expect.unreachable(reason),
  };
  const stores = connectStores(context);
  await whenReady(stores.commands, 10_000);
  const built = buildContext(context, stores, createTokenVerifier(context), () => undefined);
  const server = await createServer(built, settings);
  stops.push(() => server.close());
  async function ask(method: Method, url: string, as: string, body?: object): Promise<Reply> {
    const headers = { authorization: `Bearer ${as}` };
    const answer = await server.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) });
    const json: Readonly<Record<string, unknown>> = JSON.parse(answer.body);
    return { status: answer.statusCode, json };
  }
  return { ask, stores };
}
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const { ask, stores } = await startApi(redis.url, postgres.url);
const other = await startApi(redis.url, postgres.url);
const minter = createMinter(ISSUED);
const tokenOf = async (user: string): Promise<string> => (await minter.mint({ user, ttlSec: 600 })).token;
const [ann, bob, cid] = [await tokenOf("ann"), await tokenOf("bob"), await tokenOf("cid")];
const [mo, max] = [await tokenOf("mo"), await tokenOf("max")];

/** What the edge has heard; it confirms as having closed one session, unless it sleeps. */
const heard: NumberedControl[] = [];
let sleeps = false;
beforeAll(async () => {
  const { commands, keys } = stores;
  const registry = createRegistry({ connection: commands, keys, leaseMs: 60_000 });
  const record = { node: EDGE, kind: "edge", pid: 1, version: "0", startedAt: 1, connections: 1 } as const;
  await registry.beat({ ...record, draining: false, beatAt: 1 });
  const confirmations = createConfirmations({ connection: commands, keys });
  const subscriber = redis.redis.duplicate();
  stops.push(() => subscriber.disconnect());
  const topics = Array.from({ length: keys.partitions.count }, (_, n) => keys.partition(n).control);
  subscriber.on("smessage", (topic: string, text: string) => {
    const control = parseNumberedControl(topics.indexOf(topic), text);
    if (control === undefined) return;
    heard.push(control);
    if (!sleeps) void confirmations.confirm(control.partition, control.number, EDGE, 1);
  });
  for (const topic of topics) await subscriber.ssubscribe(topic);
});

const CONFIRMED = { nodes: { confirmed: 1, expected: 1, missing: [] }, sessionsClosed: 1, ms: expect.any(Number) };
const NOBODY = { nodes: { confirmed: 0, expected: 0, missing: [] }, sessionsClosed: 0, ms: expect.any(Number) };

async function made(id: string, kind: string, more: object = {}): Promise<string> {
  expect(await ask("POST", "/v1/channels", ann, { id, kind, ...more })).toMatchObject({ status: 201 });
  return `/v1/channels/${id}`;
}
const say = (path: string, as: string): Promise<Reply> => ask("POST", `${path}/messages`, as, { body: "hi" });
const role = (path: string, user: string, as: string, name: string): Promise<Reply> =>
  ask("PUT", `${path}/members/${user}`, as, { role: name });
const code = async (reply: Promise<Reply>): Promise<unknown> => (await reply).json["code"];

/** By a stranger. */
const ASKED: readonly (readonly [Method, string, object?])[] = [
  ["GET", ""],
  ["PATCH", "", { name: "mine" }],
  ["PATCH", "", { password: "mine" }],
  ["DELETE", ""],
  ["GET", "/messages"],
  ["POST", "/messages", { body: "hi" }],
  ["GET", "/members"],
  ["PUT", "/members/bob", { role: "member" }],
  ["DELETE", "/members/bob"],
  ["GET", "/bans"],
  ["PUT", "/bans/ann", {}],
  ["DELETE", "/mutes/ann"],
  ["POST", "/kicks/ann"],
];

describe("a private channel", () => {
  it("is as absent as one that is not there for whoever has no role in it, whatever is asked", async () => {
    const path = await made("staff", "private");
    for (const [method, rest, body] of ASKED) {
      const hidden = await ask(method, path + rest, bob, body);
      const absent = await ask(method, `/v1/channels/absent${rest}`, bob, body);
      expect([method, rest, absent.status]).toEqual([method, rest, 404]);
      expect([method, rest, hidden]).toEqual([method, rest, { ...absent, json: { ...absent.json, channel: "staff" } }]);
    }
    const { json } = await ask("GET", "/v1/channels?kind=public", bob);
    expect(JSON.stringify(json)).not.toContain("staff");
  });

  it("costs as many statements as one that is not there, whatever is asked", async () => {
    await made("counted", "private");
    const counter = await startStatementCounter(postgres.url);
    stops.push(() => counter.close());
    const api = await startApi(redis.url, counter.url);
    // What the api asks by itself now and then may come between: the least of three is what was asked for.
    const cost = async (method: Method, url: string, body?: object): Promise<number> => {
      const counts: number[] = [];
      for (let tries = 0; tries < 3; tries += 1) {
        const before = counter.count();
        await api.ask(method, url, bob, body);
        counts.push(counter.count() - before);
      }
      return Math.min(...counts);
    };
    for (const [method, rest, body] of ASKED) {
      const absent = await cost(method, `/v1/channels/never${rest}`, body);
      const hidden = await cost(method, `/v1/channels/counted${rest}`, body);
      expect([method, rest, hidden, absent > 0]).toEqual([method, rest, absent, true]);
    }
  });

  it("is there for whoever is let in, until a ban, which takes the role and is told until it is lifted", async () => {
    const path = await made("team", "private");
    expect((await role(path, "bob", ann, "member")).json).toEqual({ user: "bob", role: "member", receipt: CONFIRMED });
    expect((await ask("GET", path, bob)).json).toMatchObject({ id: "team", owner: "ann" });
    expect((await say(path, bob)).status).toBe(201);
    const untilMs = Date.now() + 3_600_000;
    const { json } = await ask("PUT", `${path}/bans/bob`, ann, { untilMs, reason: "spam" });
    const ban = { user: "bob", channel: "team", untilMs, reason: "spam", by: "ann", at: expect.any(Number) };
    expect(json).toEqual({ ban, receipt: CONFIRMED });
    expect((await ask("GET", `${path}/bans`, ann)).json).toEqual({ bans: [json["ban"]] });
    for (const api of [ask, other.ask]) {
      expect((await api("POST", `${path}/messages`, bob, { body: "no" })).json).toMatchObject({
        code: "banned",
        until: untilMs,
      });
      expect(await code(api("GET", `${path}/messages`, bob))).toBe("banned");
    }
    expect((await ask("DELETE", `${path}/bans/bob`, ann)).json).toEqual({ receipt: CONFIRMED });
    expect((await ask("DELETE", `${path}/bans/bob`, ann)).json).toEqual({ receipt: NOBODY });
    expect(await code(say(path, bob))).toBe("not_found");
  });
});

describe("roles", () => {
  it("give what they say over HTTP: readers read, the muted do not write, slow mode holds nobody who moderates", async () => {
    const path = await made("roles", "private", { settings: { slowModeSec: 60 } });
    await role(path, "bob", ann, "reader");
    await role(path, "cid", ann, "member");
    await role(path, "mo", ann, "moderator");
    expect([await code(say(path, bob)), (await ask("GET", `${path}/messages`, bob)).status]).toEqual([
      "forbidden",
      200,
    ]);
    expect([(await say(path, cid)).status, await code(say(path, cid))]).toEqual([201, "slow_mode"]);
    expect([(await say(path, mo)).status, (await say(path, mo)).status]).toEqual([201, 201]);
    expect((await ask("PUT", `${path}/mutes/cid`, mo, { forSec: 60 })).json).toMatchObject({ mute: { by: "mo" } });
    expect((await say(path, cid)).json).toMatchObject({ code: "muted", until: expect.any(Number) });
    expect((await ask("GET", `${path}/messages`, cid)).status).toBe(200);
    // A backend is not judged as the user for whom it speaks.
    expect((await ask("POST", `${path}/messages`, ADMIN, { body: "hi", user: "cid" })).status).toBe(201);
    expect((await ask("DELETE", `${path}/mutes/cid`, mo)).json).toEqual({ receipt: CONFIRMED });
    expect(await code(say(path, cid))).toBe("slow_mode");
  });

  it("above one's own are given by nobody, and nobody acts upon equals: of two moderators neither bans the other", async () => {
    const path = await made("ranks", "public");
    await role(path, "mo", ann, "moderator");
    await role(path, "max", ann, "moderator");
    expect(await code(role(path, "bob", mo, "owner"))).toBe("forbidden");
    expect(await code(role(path, "mo", mo, "owner"))).toBe("forbidden");
    const both = [ask("PUT", `${path}/bans/max`, mo, {}), ask("PUT", `${path}/bans/mo`, max, {})];
    expect(await Promise.all(both.map(code))).toEqual(["forbidden", "forbidden"]);
    expect(await code(ask("POST", `${path}/kicks/ann`, mo))).toBe("forbidden");
    expect((await ask("PUT", `${path}/bans/max`, ann, {})).status).toBe(200);
    expect(await code(ask("PUT", `${path}/bans/mo`, max, {}))).toBe("forbidden");
  });

  it("are given up by anybody but the last owner", async () => {
    const path = await made("last", "private");
    expect(await code(ask("DELETE", `${path}/members/ann`, ann))).toBe("conflict");
    expect(await code(ask("DELETE", `${path}/members/ann`, ADMIN))).toBe("conflict");
    await role(path, "bob", ann, "owner");
    expect((await ask("DELETE", `${path}/members/ann`, ann)).json).toEqual({ receipt: CONFIRMED });
    expect([await code(ask("GET", path, ann)), (await ask("GET", path, bob)).json["owner"]]).toEqual([
      "not_found",
      "bob",
    ]);
    expect(await code(ask("PUT", `${path}/members/ann`, bob, { role: "member" }))).toBeUndefined();
  });
});

describe("a direct channel", () => {
  it("is its two users' and nobody else's: nobody is added, removed, banned, muted or kicked", async () => {
    const { json } = await ask("POST", "/v1/channels", ann, { kind: "direct", with: "bob" });
    const path = `/v1/channels/${String(json["id"])}`;
    expect([(await say(path, ann)).status, (await say(path, bob)).status]).toEqual([201, 201]);
    expect(await code(say(path, cid))).toBe("not_found");
    expect((await ask("GET", "/v1/channels", bob)).json["channels"]).toContainEqual(json);
    for (const as of [ann, ADMIN]) {
      for (const [method, rest] of [
        ["DELETE", "members/bob"],
        ["PUT", "bans/bob"],
        ["PUT", "mutes/bob"],
        ["POST", "kicks/bob"],
      ] as const) {
        expect([rest, await code(ask(method, `${path}/${rest}`, as))]).toEqual([rest, "conflict"]);
      }
      expect(await code(role(path, "cid", as, "member"))).toBe("conflict");
    }
    expect(await code(ask("PATCH", path, ann, { name: "ours" }))).toBe("forbidden");
  });
});

describe("a deleted channel", () => {
  it("is gone for everybody while a thousand send: each is told ok or not_found, and nobody ok after the deletion", async () => {
    const path = await made("doomed", "public");
    let isDeleted = false;
    let accepted = 0;
    const late: unknown[] = [];
    const sender = async (as: string): Promise<unknown[]> => {
      const outcomes: unknown[] = [];
      for (let n = 0; n < 50; n += 1) {
        const wasDeleted = isDeleted;
        const outcome = (await code(say(path, as))) ?? "ok";
        if (outcome === "ok") accepted += 1;
        (wasDeleted ? late : outcomes).push(outcome);
      }
      return outcomes;
    };
    const senders = Array.from({ length: 20 }, (_, n) => sender(n % 2 === 0 ? bob : ADMIN));
    await eventually(async () => accepted >= 200);
    expect((await ask("DELETE", path, ann)).json).toEqual({ receipt: CONFIRMED });
    isDeleted = true;
    expect(new Set((await Promise.all(senders)).flat())).toEqual(new Set(["ok", "not_found"]));
    expect(new Set(late)).toEqual(new Set(["not_found"]));
    expect(accepted).toBeLessThan(1_000);
    for (const as of [bob, ADMIN, ann]) expect(await code(say(path, as))).toBe("not_found");
    expect(await code(ask("GET", path, ann))).toBe("not_found");
    expect(await code(ask("GET", path, ADMIN))).toBe("not_found");
    for (const as of [ann, ADMIN]) {
      expect(await code(ask("POST", "/v1/channels", as, { id: "doomed", kind: "public" }))).toBe("conflict");
    }
  });
});

describe("in the whole cluster", () => {
  it("a ban is in force on every api from its answer on, and ends when it is lifted", async () => {
    await made("all", "public");
    const mal = await tokenOf("mal");
    for (const api of [ask, other.ask]) expect((await api("GET", "/v1/channels/all", mal)).status).toBe(200);
    const { json } = await ask("PUT", "/v1/users/mal/ban", ADMIN, { forSec: 60, reason: "spam" });
    expect(json).toMatchObject({ ban: { user: "mal", by: "key:bootstrap", reason: "spam" }, receipt: CONFIRMED });
    for (const api of [ask, other.ask]) {
      expect((await api("GET", "/v1/channels/all", mal)).json).toMatchObject({
        code: "banned",
        until: expect.any(Number),
      });
      expect((await api("GET", "/v1/channels/all", bob)).status).toBe(200);
    }
    expect((await other.ask("DELETE", "/v1/users/mal/ban", ADMIN)).json).toEqual({ receipt: CONFIRMED });
    for (const api of [ask, other.ask]) expect((await api("GET", "/v1/channels/all", mal)).status).toBe(200);
  });

  it("revoked tokens are good nowhere, refresh tokens of the user included; a newer one is", async () => {
    const { json: minted } = await ask("POST", "/v1/tokens", ADMIN, { user: "eve" });
    const [old, refreshToken] = [String(minted["token"]), minted["refreshToken"]];
    expect((await other.ask("GET", "/v1/channels/all", old)).status).toBe(200);
    expect((await ask("POST", "/v1/revocations", ADMIN, { user: "eve" })).json).toEqual({ receipt: CONFIRMED });
    for (const api of [ask, other.ask]) expect(await code(api("GET", "/v1/channels/all", old))).toBe("unauthenticated");
    expect((await ask("POST", "/v1/auth/refresh", "x", { refreshToken: String(refreshToken) })).status).toBe(401);
    const { token, jti } = await freshToken("eve");
    expect((await other.ask("GET", "/v1/channels/all", token)).status).toBe(200);
    await ask("POST", "/v1/revocations", ADMIN, { jti });
    for (const api of [ask, other.ask])
      expect(await code(api("GET", "/v1/channels/all", token))).toBe("unauthenticated");
  });

  it("a notice is told once under its key, and answered with how many were reached", async () => {
    const path = "/v1/users/bob/notices";
    const { status, json } = await ask("POST", path, ADMIN, { body: "shipped" });
    expect([status, json]).toEqual([202, { id: expect.any(String), sessions: 1 }]);
    const { control } = heard.at(-1) ?? { control: undefined };
    expect(control).toMatchObject({ kind: "user", user: "bob", frame: expect.stringContaining(String(json["id"])) });
    expect((await ask("POST", "/v1/users/bob/disconnect", ADMIN, {})).json).toEqual({ receipt: CONFIRMED });
  });
});

async function freshToken(user: string): Promise<{ readonly token: string; readonly jti: unknown }> {
  const { token } = await minter.mint({ user, ttlSec: 600 });
  const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return { token, jti: Object(payload)["jti"] };
}

describe("an edge that says nothing", () => {
  it("is missing in the receipt after 2 s, and the change stands", async () => {
    const path = await made("asleep", "public");
    sleeps = true;
    const { json } = await ask("PUT", `${path}/bans/bob`, ann, {});
    sleeps = false;
    expect(json["receipt"]).toMatchObject({ nodes: { confirmed: 0, expected: 1, missing: [EDGE] }, sessionsClosed: 0 });
    expect(await code(say(path, bob))).toBe("banned");
  });
});

describe("what was committed by an api that died", () => {
  it("is announced by another one, and in force on sends", async () => {
    const path = await made("orphan", "public");
    expect((await say(path, bob)).status).toBe(201);
    const partition = stores.partitions.of("orphan");
    const act = { actor: { kind: "key", name: "dead" }, channel: "orphan", partition } as const;
    const given = { untilMs: null, reason: null };
    const before = heard.length;
    await createChannelActs(stores.store).ban({ ...act, user: "bob", ban: given });
    const isBan = ({ control }: NumberedControl): boolean => control.kind === "channel" && control.channel === "orphan";
    await eventually(async () => heard.slice(before).some(isBan));
    expect(await code(say(path, bob))).toBe("banned");
    await eventually(async () => (await postgres.sql`select 1 from announcements`).length === 0);
  });
});

describe("without a server", () => {
  it("nothing is changed that could not be told: Redis away, a ban is unavailable and did not happen", async () => {
    const path = await made("unheard", "public");
    const api = await startApi(toRedis.url("redis"), postgres.url, 500);
    toRedis.freeze(true);
    expect(await code(api.ask("PUT", `${path}/bans/bob`, ADMIN, {}))).toBe("unavailable");
    expect(await code(api.ask("GET", path, bob))).toBe("unavailable");
    toRedis.freeze(false);
    expect((await ask("GET", `${path}/bans`, ADMIN)).json).toEqual({ bans: [] });
  });

  it("Postgres away, changes are unavailable, and who was known reads and writes on", async () => {
    const path = await made("known", "private");
    await role(path, "bob", ann, "member");
    const url = new URL(postgres.url);
    url.host = `127.0.0.1:${toPostgres.port}`;
    const api = await startApi(redis.url, url.href);
    expect((await api.ask("POST", `${path}/messages`, bob, { body: "before" })).status).toBe(201);
    toPostgres.refuse(true);
    toPostgres.cut();
    expect(await code(api.ask("PUT", `${path}/bans/bob`, ADMIN, {}))).toBe("unavailable");
    expect((await api.ask("POST", `${path}/messages`, bob, { body: "on" })).status).toBe(201);
    expect((await api.ask("GET", `${path}/messages`, bob)).status).toBe(200);
    expect(await code(api.ask("GET", `${path}/messages`, cid))).toBe("unavailable");
    toPostgres.refuse(false);
  });
});
