// Tokens, tickets and keys as an operator and a user meet them on three edges: made, used, ended, by the command line and over
// HTTP; and nothing that a token carries beyond its user is anywhere to be read.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually } from "@rookery/testkit";
import type { Frame } from "@rookery/testkit";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startLoggedCluster } from "./logged-cluster.ts";
import type { LoggedCluster } from "./logged-cluster.ts";
import { openRaw } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";

const EDGES = 3;
const IN_FORCE_WITHIN_MS = 2000;
const ROOKERY = fileURLToPath(new URL("../packages/cli/bin/rookery.js", import.meta.url));

let logged: LoggedCluster;

beforeAll(async () => {
  logged = await startLoggedCluster({ edges: EDGES });
});
afterAll(() => logged?.stop());

type Fields = Readonly<Record<string, unknown>>;

/** One command, as on a machine where nothing else runs: where things are comes by the environment. */
async function rookery(argv: readonly string[], key?: string): Promise<{ readonly out: string; readonly err: string }> {
  const { ready } = logged.cluster;
  const env = {
    PATH: process.env["PATH"],
    ROOKERY_POSTGRES_URL: ready.postgres,
    RK_API: ready.api,
    RK_API_KEY: key ?? ready.apiKey,
  };
  const done = await promisify(execFile)(process.execPath, [ROOKERY, ...argv], { env, cwd: "/" }).catch(
    (error: unknown) => ({ stdout: "", stderr: "", ...Object(error) }),
  );
  return { out: String(done.stdout).trim(), err: String(done.stderr).trim() };
}

async function ask(method: string, path: string, credential: string | null, body?: object) {
  const response = await fetch(`${logged.cluster.ready.api}${path}`, {
    method,
    headers: {
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json: Fields = Object(await response.json());
  return { status: response.status, json };
}

const mint = async (user: string, more: object = {}): Promise<Record<"token" | "refreshToken", string>> => {
  const { json } = await ask("POST", "/v1/tokens", logged.cluster.ready.apiKey, { user, ...more });
  return { token: String(json["token"]), refreshToken: String(json["refreshToken"]) };
};

async function enter(
  edge: number,
  credential: { readonly token: string } | { readonly ticket: string },
): Promise<RawSocket> {
  const url = logged.cluster.ready.ws[edge] ?? "";
  const socket =
    "ticket" in credential
      ? await openRaw(`${url}?ticket=${credential.ticket}`, {})
      : await openRaw(url, { headers: { authorization: `Bearer ${credential.token}` } });
  onTestFinished(() => socket.cut());
  return socket;
}

const welcome = (socket: RawSocket) => socket.waitFor(({ type }) => type === "welcome");
const onEveryEdge = (token: string) =>
  Promise.all(
    Array.from({ length: EDGES }, async (_, edge) => {
      const socket = await enter(edge, { token });
      await welcome(socket);
      return socket;
    }),
  );
const WHOLE = { confirmed: EDGES, expected: EDGES, missing: [] };

describe("what Postgres would not take", () => {
  it("is never persisted, is listed without its text, stands in the history once it is tried again, and is recorded", async () => {
    const { cluster } = logged;
    const sql = postgres(cluster.ready.postgres, { max: 1, onnotice: () => undefined });
    onTestFinished(() => sql.end({ timeout: 1 }));
    const client = await cluster.client("ann");
    const channel = "refused";
    await client.join(channel, { persisted: true });
    const first = await client.send(channel, "before");
    const isPersisted = ({ type, channel: where, epoch, seq }: Frame): boolean =>
      type === "persisted" && where === channel && epoch === first.epoch && seq === first.seq;
    await client.waitFor(isPersisted);
    await sql`alter table messages add constraint refused check (body not like 'poison%') not valid`;
    const poison = [await client.send(channel, "poison 1"), await client.send(channel, "poison 2")];
    const last = await client.send(channel, "behind");
    const stored = async (): Promise<unknown[]> =>
      (await sql`select id, body from messages where channel = ${channel} order by seq`).map(
        ({ body }): unknown => body,
      );
    await eventually(async () => expect(await stored()).toEqual(["before", null, null, "behind"]));
    const read = async (): Promise<{ letters: Fields[] }> =>
      JSON.parse((await rookery(["dead-letters", "list", "--channel", channel, "--json"])).out);
    const { letters } = await read();
    expect(letters.map(({ position }) => position)).toEqual(poison.map(({ epoch, seq }) => `${epoch}-${seq}`));
    expect(JSON.stringify(letters)).not.toContain("poison");
    const [one, other] = letters.map(({ id }) => String(id));
    if (one === undefined || other === undefined) throw new Error("no letters");

    const again = await rookery(["dead-letters", "retry", "--all", "--channel", channel]);
    expect(again.out).toMatch(/still refused by Postgres \(23514\)/);
    await sql`alter table messages drop constraint refused`;
    expect((await rookery(["dead-letters", "retry", one])).out).toBe(`${one}  stored`);
    expect((await rookery(["dead-letters", "drop", other])).out).toBe(`${other}  dropped`);
    expect((await read()).letters).toEqual([]);

    // As when nobody has spoken here for a day: what is read comes of Postgres.
    const redis = new Redis(cluster.ready.redis);
    onTestFinished(() => redis.disconnect());
    const kept = await redis.keys(`{*}:*:${channel}`);
    expect(kept.length).toBeGreaterThan(1);
    await redis.del(...kept);
    const reader = await cluster.client("ben", { edge: 1 });
    const joined = await reader.join(channel);
    expect(joined).toMatchObject({ epoch: last.epoch, seq: last.seq });
    const bodies = reader.inOrder(channel).map(({ body, deleted }) => deleted ?? body);
    expect(bodies).toEqual(["before", "poison 1", true, "behind"]);
    // Nothing says to the session of a letter that it is stored, nor of what it said behind it.
    expect(client.frames.filter(({ type, seq }) => type === "persisted" && seq !== first.seq)).toEqual([]);
    await eventually(
      async () => {
        const rows = await sql`select kind, channel from audit_log where kind like 'dead_letter%' order by kind`;
        expect(rows.map(({ kind }): unknown => kind)).toEqual(["dead_letter_drop", "dead_letter_retry"]);
      },
      { withinMs: 10_000 },
    );
    await Promise.all([client.close(), reader.close()]);
  });
});

describe("a key", () => {
  it("is made, replaced by another and revoked from the command line, and the api follows within two seconds", async () => {
    const make = async () =>
      JSON.parse(
        (await rookery(["key", "create", "--name", "shop", "--scope", "tokens", "--scope", "channels", "--json"])).out,
      );
    const [old, next]: [Fields, Fields] = [await make(), await make()];
    const [oldKey, nextKey] = [String(old["key"]), String(next["key"])];
    for (const key of [oldKey, nextKey]) {
      expect((await rookery(["channel", "show", "nowhere"], key)).err).toContain("not_found");
    }
    expect((await rookery(["ban", "nobody", "--everywhere"], oldKey)).err).toContain("forbidden");
    expect((await rookery(["key", "revoke", String(old["id"])])).out).toContain("is revoked");
    await eventually(async () => expect((await ask("GET", "/v1/channels", oldKey)).status).toBe(401), {
      withinMs: IN_FORCE_WITHIN_MS,
    });
    expect((await rookery(["channel", "create", "shop-floor"], nextKey)).out).toContain("shop-floor");
    const listed: { keys: Fields[] } = JSON.parse((await rookery(["key", "list", "--json"])).out);
    const rows = listed.keys.filter(({ name }) => name === "shop");
    expect(rows).toHaveLength(2);
    for (const { lastUsedAt } of rows) expect(Math.abs(Date.now() - Number(lastUsedAt))).toBeLessThan(60_000);
    expect(rows.map(({ revokedAt }) => typeof revokedAt)).toEqual(["object", "number"]);
    expect(JSON.stringify(listed)).not.toContain(oldKey);
  });

  it("has its making and its end in the audit", async () => {
    const { key, id }: Fields = JSON.parse(
      (await rookery(["key", "create", "--name", "watched", "--scope", "publish", "--json"])).out,
    );
    await rookery(["key", "revoke", String(id)]);
    const sql = postgres(logged.cluster.ready.postgres, { max: 1, onnotice: () => undefined });
    onTestFinished(() => sql.end());
    await eventually(
      async () => {
        const rows = await sql`select kind, subject from audit_log where subject = 'key:watched' order by kind`;
        expect(rows.map(({ kind }) => kind)).toEqual(["key_create", "key_revoke"]);
      },
      { withinMs: 15_000 },
    );
    const [everything] = await sql`select string_agg(t::text, ' ') as text from audit_log t`;
    expect(String(everything?.["text"])).not.toContain(String(key));
  });
});

describe("a ticket", () => {
  it("opens one connection on any edge, as the token that bought it, and no second one anywhere", async () => {
    const { token } = await mint("tick", { name: "Tick" });
    const { json } = await ask("POST", "/v1/tickets", token);
    const ticket = String(json["ticket"]);
    const first = await enter(1, { ticket });
    expect(await welcome(first)).toMatchObject({ user: "tick", name: "Tick" });
    for (const edge of [1, 2]) {
      const again = await enter(edge, { ticket });
      expect(await again.closed).toEqual({ code: 4401, reason: "token" });
    }
  });
});

describe("a login", () => {
  it("that its user ends is over on every edge: its connections, its token, its ticket and what it could be renewed by", async () => {
    const { token, refreshToken } = await mint("leaver");
    const sockets = await onEveryEdge(token);
    const ticket = String((await ask("POST", "/v1/tickets", token)).json["ticket"]);
    const { json } = await ask("POST", "/v1/auth/logout", token, { refreshToken });
    expect(json).toMatchObject({ receipt: { nodes: WHOLE, sessionsClosed: EDGES } });
    expect((await Promise.all(sockets.map(({ closed }) => closed))).map(({ code }) => code)).toEqual([
      4403, 4403, 4403,
    ]);
    expect((await (await enter(0, { token })).closed).code).toBe(4403);
    expect((await (await enter(2, { ticket })).closed).code).toBe(4403);
    expect((await ask("GET", "/v1/channels", token)).status).toBe(401);
    expect((await ask("POST", "/v1/auth/refresh", null, { refreshToken })).status).toBe(401);
    // Another login of the same user stands.
    await welcome(await enter(0, await mint("leaver")));
  });

  it("of a user whose tokens are revoked from the command line is over everywhere, and a new one is not", async () => {
    const [first, second] = [await mint("gone"), await mint("gone")];
    const sockets = [...(await onEveryEdge(first.token)), await enter(0, second)];
    const { out } = await rookery(["token", "revoke", "--user", "gone"]);
    expect(out).toMatch(/^revoked: in force on 3 of 3 edges/);
    const closes = await Promise.all(sockets.map(({ closed }) => closed));
    expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([4403]));
    for (const { refreshToken } of [first, second]) {
      expect((await ask("POST", "/v1/auth/refresh", null, { refreshToken })).status).toBe(401);
    }
    await welcome(await enter(1, await mint("gone")));
  });
});

describe("what a token carries beside its user", () => {
  it("is in no frame, no answer, no log and no row of the audit, however one came in", async () => {
    const marker = "mark-9f27c1";
    const { token, refreshToken } = await mint("bearer", { claims: { team: marker } });
    const watcher = await enter(1, await mint("watcher"));
    await welcome(watcher);
    watcher.send(JSON.stringify({ type: "join", ref: "j", channel: "claims" }));
    await watcher.waitFor(({ ref }) => ref === "j");
    const bought = await ask("POST", "/v1/tickets", token);
    const sockets = [await enter(0, { token }), await enter(2, { ticket: String(bought.json["ticket"]) })];
    for (const [n, socket] of sockets.entries()) {
      await welcome(socket);
      socket.send(JSON.stringify({ type: "join", ref: "j", channel: "claims" }));
      socket.send(JSON.stringify({ type: "send", ref: "s", channel: "claims", clientId: `c${n}`, body: "hi" }));
      socket.send(JSON.stringify({ type: "members", ref: "m", channel: "claims" }));
      await socket.waitFor(({ ref }) => ref === "m");
    }
    const own = await ask("GET", "/v1/users/bearer", token);
    const members = await ask("GET", "/v1/channels/claims/members", logged.cluster.ready.apiKey);
    const bad = await ask("GET", "/v1/users/bearer", `${token}x`);
    const refreshed = await ask("POST", "/v1/auth/refresh", null, { refreshToken });
    // The renewed token carries them, as it has to; nothing beside it does.
    const { token: _token, ...beside } = refreshed.json;
    const ended = await ask("POST", "/v1/auth/logout", String(refreshed.json["token"]), { refreshToken });
    const said = [...sockets, watcher].flatMap(({ frames }) => frames);
    const told = JSON.stringify([said, bought, own, members, bad, beside, ended]);
    const sql = postgres(logged.cluster.ready.postgres, { max: 1, onnotice: () => undefined });
    onTestFinished(() => sql.end());
    await eventually(
      async () => expect(await sql`select 1 from audit_log where kind = 'logout' and actor = 'bearer'`).toHaveLength(1),
      { withinMs: 15_000 },
    );
    const [audit] = await sql`select string_agg(t::text, ' ') as text from audit_log t`;
    const names = ["edge-1", "edge-2", "edge-3", "api", "persister-1"];
    const logs = (await Promise.all(names.map((name) => logged.logOf(name)))).flat().join("\n");
    for (const secret of [marker, token, token.split(".")[1] ?? "", refreshToken]) {
      for (const text of [told, String(audit?.["text"]), logs]) expect(text).not.toContain(secret);
    }
  });
});
