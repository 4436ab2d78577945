// Contract of the api with a real Redis and a real Postgres: tokens that last, keys from the table, messages that keep
// their position from the log to Postgres.
import { createMinter, newApiKey } from "@rookery/auth";
import { connectRedis, createOutbox, whenReady } from "@rookery/broker";
import { parseMessageFrame } from "@rookery/protocol";
import { clusterSettings, connectStores, createTokenVerifier } from "@rookery/node";
import { createLog, createMetrics, createNodeId } from "@rookery/runtime";
import { createApiKeys, saveBatch } from "@rookery/store";
import type { BatchEntry } from "@rookery/store";
import { testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { buildContext } from "./build-context.ts";
import { createServer } from "./server.ts";

const SECRET = "pg-test-secret-0123456789-abcdefghijkl";
const ADMIN = "rk_pgtest0123456789abcdefghijklmnopqrstuvwxyzABC";
const BEGINNING = { epoch: 0, number: 0 };

const redis = await testRedis();
const postgres = await testPostgres();
const settings = clusterSettings.load("api", {
  env: {
    ROOKERY_REDIS_URL: redis.url,
    ROOKERY_POSTGRES_URL: postgres.url,
    ROOKERY_PARTITIONS: "4",
    ROOKERY_JWT_SECRET: SECRET,
    ROOKERY_API_KEY: ADMIN,
    ROOKERY_GUEST_TOKENS: "true",
    ROOKERY_CHANNELS_AUTO_CREATE: "public",
    ROOKERY_REQUESTS_PER_MIN: "100000",
  },
});
const stops: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
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
const verifier = createTokenVerifier(context);
const noTrouble = (): undefined => undefined;
const server = await createServer(buildContext(context, stores, verifier, noTrouble), settings);
stops.push(() => server.close());

interface Reply {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

async function ask(
  method: "GET" | "POST" | "PATCH",
  url: string,
  body?: object,
  as: string | undefined = ADMIN,
): Promise<Reply> {
  const headers = as === "" ? {} : { authorization: `Bearer ${as}` };
  const answer = await server.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) });
  const json: Readonly<Record<string, unknown>> = JSON.parse(answer.body);
  return { status: answer.statusCode, json };
}

/** Everything that waits, into Postgres, as the persister does it; what is saved may then leave the log. */
async function persist(): Promise<void> {
  const { commands, keys, store } = stores;
  const reader = connectRedis({ url: redis.url, use: "outbox", commandTimeoutMs: 2000 });
  try {
    await whenReady(reader, 10_000);
    const outbox = createOutbox({ connection: commands, reader, keys, logEntries: 3 });
    const partitions = Array.from({ length: keys.partitions.count }, (_, n) => n);
    const readAfter = new Map(partitions.map((n) => [n, BEGINNING]));
    const read = await outbox.read(readAfter, 1000, 0);
    const entries = read.flatMap((entry) => (entry.kind === "message" ? entry : []));
    const batch = entries.map(({ partition, id, channel, position, frame, prev }): BatchEntry => {
      const {
        clientId,
        user: author,
        name,
        body,
        meta,
        replyTo,
        mentions,
        id: messageId,
        at,
      } = parseMessageFrame(frame);
      const link = { prevEpoch: prev?.epoch ?? null, prevSeq: prev?.seq ?? null, ...position };
      const none = { target: null, deletedAt: null, emoji: null, standing: null };
      const texts = { clientId, author, name, body, replyTo: replyTo ?? null, mentions: mentions ?? null };
      const row = { channel, kind: "message", id: messageId, at, ...link, ...none, ...texts } as const;
      return { partition, id, channel, position, frame, row: { ...row, meta: meta ? JSON.stringify(meta) : null } };
    });
    const touched = new Set(entries.map(({ partition }) => partition));
    await saveBatch(store, { readAfter: new Map([...readAfter].filter(([n]) => touched.has(n))), entries: batch });
    for (const partition of touched) {
      const own = entries.filter((entry) => entry.partition === partition);
      const last = own.at(-1);
      if (last === undefined) continue;
      const channels = new Map(own.map(({ channel, position }) => [channel, position]));
      await outbox.save(partition, { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false });
    }
  } finally {
    reader.disconnect();
  }
}

function bodiesOf(json: Reply["json"]): string[] {
  const messages: readonly unknown[] = Array.isArray(json["messages"]) ? json["messages"] : [];
  return messages.map((message) => String(Object(message)["body"]));
}

function positionOf(message: unknown): string {
  const { epoch, seq }: { epoch?: number; seq?: number } = Object(message);
  return `${epoch}-${seq}`;
}

describe("messages", () => {
  it("published are listed forward and backward, page by page, across log and Postgres", async () => {
    const path = "/v1/channels/tiers/messages";
    const bodies = Array.from({ length: 10 }, (_, n) => `m${n + 1}`);
    for (const body of bodies.slice(0, 7)) expect((await ask("POST", path, { body, meta: { n: 1 } })).status).toBe(201);
    await persist();
    for (const body of bodies.slice(7)) await ask("POST", path, { body });
    const { log } = stores.keys.channel("tiers");
    expect(await redis.redis.xlen(log)).toBeLessThan(10);

    const forward: string[] = [];
    for (let after = "0-0", more = true; more;) {
      const { json } = await ask("GET", `${path}?after=${after}&limit=4`);
      forward.push(...bodiesOf(json));
      after = positionOf(Array.isArray(json["messages"]) ? json["messages"].at(-1) : undefined);
      more = json["more"] === true;
    }
    expect(forward).toEqual(bodies);

    const backward: string[] = [];
    for (let before = "", more = true; more;) {
      const { json } = await ask("GET", `${path}?limit=4${before}`);
      backward.unshift(...bodiesOf(json));
      before = `&before=${positionOf(Array.isArray(json["messages"]) ? json["messages"][0] : undefined)}`;
      more = json["more"] === true;
    }
    expect(backward).toEqual(bodies);
  });

  it("repeated are a duplicate at the same position, and with other text a conflict", async () => {
    const path = "/v1/channels/once/messages";
    const first = await ask("POST", path, { body: "hi", clientId: "c1", meta: { a: 1, b: 2 } });
    const again = await ask("POST", path, { body: "hi", clientId: "c1", meta: { b: 2, a: 1 } });
    expect(first.status).toBe(201);
    expect(again.json).toEqual({ ...first.json, duplicate: true });
    expect(await ask("POST", path, { body: "ho", clientId: "c1" })).toMatchObject({
      status: 409,
      json: { code: "conflict" },
    });
    expect(await ask("POST", path, { body: "hi", clientId: "c1", user: "ann" })).toMatchObject({ status: 201 });
    expect(bodiesOf((await ask("GET", path)).json)).toEqual(["hi", "hi"]);
  });

  it("of a user carry the token's user and name, and find a channel made with that user as owner", async () => {
    const { json: minted } = await ask("POST", "/v1/tokens", { user: "ann", name: "Ann" });
    const posted = await ask("POST", "/v1/channels/anns/messages", { body: "hi @bob" }, String(minted["token"]));
    expect(posted.status).toBe(201);
    const { json } = await ask("GET", "/v1/channels/anns/messages", undefined, String(minted["token"]));
    expect(json["messages"]).toMatchObject([{ user: "ann", name: "Ann", body: "hi @bob", mentions: ["bob"] }]);
    expect(await postgres.sql`select owner from channels where id = 'anns'`).toMatchObject([{ owner: "ann" }]);
  });

  it("read in a channel that nobody wrote to make no channel", async () => {
    expect((await ask("GET", "/v1/channels/silent/messages")).json).toEqual({ messages: [], more: false });
    expect(await postgres.sql`select 1 from channels where id = 'silent'`).toHaveLength(0);
  });
});

describe("channels", () => {
  const small = { digestAbove: 2, countAbove: 5 };

  it("are made once, with a role for their owner, and changed by whoever is first among those at once", async () => {
    const body = { id: "made", kind: "public", owner: "ann", settings: small };
    const answers = await Promise.all([1, 2, 3].map(() => ask("POST", "/v1/channels", body)));
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(["201", "409", "409"]);
    const names = ["one", "two", "three"];
    const path = "/v1/channels/made";
    const changes = await Promise.all(names.map((name) => ask("PATCH", path, { name })));
    expect(changes.map(({ json, status }) => [status, json["name"]])).toEqual(names.map((name) => [200, name]));
    expect(await ask("GET", "/v1/channels/made/members")).toMatchObject({
      json: { members: [{ user: "ann", name: "ann", role: "owner", lastSeenAt: null, online: false }] },
    });
    expect(await postgres.sql`select settings_version from channels where id = 'made'`).toEqual([
      { settings_version: "4" },
    ]);
  });

  it("in use follow their settings at once, by what Redis then has", async () => {
    await ask("POST", "/v1/channels", { id: "in-use", kind: "public" });
    const { status } = await ask("PATCH", "/v1/channels/in-use", { settings: small });
    const { crowd } = stores.keys.channel("in-use");
    expect([status, await redis.redis.hget(crowd, "version")]).toEqual([200, "1"]);
  });
});

describe("a user", () => {
  it("is told as Postgres and Redis know them", async () => {
    await postgres.sql`insert into users (id, name, first_seen_at, last_seen_at) values ('seen', 'Seen', 5, 6)`;
    const known = { user: "seen", name: "Seen", firstSeenAt: 5, lastSeenAt: 6, online: false, sessions: [] };
    expect((await ask("GET", "/v1/users/seen")).json).toEqual(known);
  });
});

describe("keys", () => {
  const keys = createApiKeys(stores.store);
  const BY = { machine: "box", user: "ops" };

  it("of the table open what their scopes say, and their hash opens nothing", async () => {
    const { key, hash } = newApiKey();
    await keys.create({ hash, name: "test", scopes: ["tokens"] }, BY);
    expect((await ask("POST", "/v1/tokens", { user: "ann" }, key)).status).toBe(201);
    expect(await ask("POST", "/v1/channels/c/messages", { body: "hi" }, key)).toMatchObject({ status: 403 });
    expect((await ask("POST", "/v1/tokens", { user: "ann" }, hash)).status).toBe(401);
    expect((await ask("POST", "/v1/tokens", { user: "ann" }, newApiKey().key)).status).toBe(401);
  });

  it("that replace one another are good beside each other, until the old one is revoked, which is told within 2 s", async () => {
    const [old, next] = [newApiKey(), newApiKey()];
    const id = await keys.create({ hash: old.hash, name: "pair", scopes: ["tokens"] }, BY);
    await keys.create({ hash: next.hash, name: "pair", scopes: ["tokens"] }, BY);
    const statusOf = async (key: string) => (await ask("POST", "/v1/tokens", { user: "ann" }, key)).status;
    expect([await statusOf(old.key), await statusOf(next.key)]).toEqual([201, 201]);
    await keys.revoke(id, BY);
    await expect.poll(() => statusOf(old.key), { timeout: 2000 }).toBe(401);
    expect(await statusOf(next.key)).toBe(201);
  });

  it("that are used are known to have been, to the minute", async () => {
    const { key, hash } = newApiKey();
    const id = await keys.create({ hash, name: "used", scopes: ["tokens"] }, BY);
    const usedAt = async () => (await keys.list(100)).find((listed) => listed.id === id)?.lastUsedAt;
    expect(await usedAt()).toBeNull();
    const before = Date.now();
    await ask("POST", "/v1/tokens", { user: "ann" }, key);
    await expect.poll(usedAt).toBeGreaterThanOrEqual(before);
    expect(await usedAt()).toBeLessThan(before + 60_000);
  });
});

describe("refresh tokens", () => {
  const refresh = (refreshToken: unknown) => ask("POST", "/v1/auth/refresh", { refreshToken }, "");

  it("rotate; the old one again at once gets the same successor, which works", async () => {
    const { json: guest, status } = await ask("POST", "/v1/auth/guest", { name: "Guest" }, "");
    expect(status).toBe(201);
    const [one, two] = await Promise.all([refresh(guest["refreshToken"]), refresh(guest["refreshToken"])]);
    expect([one.status, two.status]).toEqual([200, 200]);
    expect(one.json["refreshToken"]).toBe(two.json["refreshToken"]);
    const next = await refresh(one.json["refreshToken"]);
    expect(next).toMatchObject({ status: 200, json: { user: guest["user"], name: "Guest" } });
    const { json } = await ask("GET", "/v1/channels/lobby/messages", undefined, String(next.json["token"]));
    expect(json).toHaveProperty("messages");
  });

  it("shown again after the time for repeats end their whole family", async () => {
    const { json: first } = await ask("POST", "/v1/tokens", { user: "eve" });
    const { json: second } = await refresh(first["refreshToken"]);
    await postgres.sql`update refresh_tokens set replaced_at = replaced_at - 10001 where user_id = 'eve' and replaced_at is not null`;
    expect(await refresh(first["refreshToken"])).toMatchObject({ status: 401, json: { code: "unauthenticated" } });
    expect((await refresh(second["refreshToken"])).status).toBe(401);
  });

  it("are kept as hashes only", async () => {
    const { json } = await ask("POST", "/v1/tokens", { user: "hashed" });
    const rows = await postgres.sql`select * from refresh_tokens where user_id = 'hashed'`;
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(String(json["refreshToken"]).slice(3));
  });
});

describe("tokens", () => {
  it("of another secret or audience open nothing", async () => {
    const issued = { secret: SECRET, issuer: "rookery", audience: "rookery" };
    for (const options of [
      { ...issued, secret: `${SECRET}x` },
      { ...issued, audience: "other" },
    ]) {
      const { token } = await createMinter(options).mint({ user: "ann", ttlSec: 60 });
      expect((await ask("GET", "/v1/channels/lobby/messages", undefined, token)).json["code"]).toBe("unauthenticated");
    }
  });
});

describe("a Postgres that answers and refuses to write", () => {
  it("is told by what was asked for, and what needs no change is served", async () => {
    const path = "/v1/channels/read-only/messages";
    expect((await ask("POST", path, { body: "before" })).status).toBe(201);
    const database = new URL(postgres.url).pathname.slice(1);
    await postgres.sql.unsafe(`alter database ${database} set default_transaction_read_only to on`);
    const metrics = createMetrics({ service: "api", node: () => "api.read-only", version: "0" });
    const readOnly = connectStores({ ...context, metrics });
    await whenReady(readOnly.commands, 10_000);
    const other = await createServer(buildContext({ ...context, metrics }, readOnly, verifier, noTrouble), settings);
    const headers = { authorization: `Bearer ${ADMIN}` };
    const told = async (method: "GET" | "POST", url: string, payload?: object): Promise<unknown> => {
      const { statusCode, body } = await other.inject({ method, url, headers, ...(payload ? { payload } : {}) });
      return [statusCode, Object(JSON.parse(body))["detail"]];
    };
    try {
      expect(await told("POST", "/v1/tokens", { user: "ann" })).toEqual([
        503,
        "refresh tokens cannot be changed at present",
      ]);
      expect(await told("POST", "/v1/channels/unmade/messages", { body: "hi" })).toEqual([
        503,
        "channels cannot be changed at present",
      ]);
      expect(await told("POST", path, { body: "after" })).toEqual([201, undefined]);
      expect(await told("GET", path)).toEqual([200, undefined]);
    } finally {
      await other.close();
      await postgres.sql.unsafe(`alter database ${database} reset default_transaction_read_only`);
    }
  });
});
