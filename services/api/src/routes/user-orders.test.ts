// Contract of what a backend does to a user in the whole cluster: bans, revocations, farewells and notices.
import { hashApiKey, newApiKey } from "@rookery/auth";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { RECEIPT } from "../fake-acts.fixture.ts";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const ann = await userToken("ann");
const KEY = { kind: "key", name: "bootstrap" };

describe("a ban everywhere", async () => {
  const { ask, api } = await fakeServer();
  const path = "/v1/users/mallory/ban";

  it("is given until a time or for good, and lifted", async () => {
    const { status, json } = await ask("PUT", path, { body: { untilMs: 9e12, reason: "spam" } });
    const ban = { user: "mallory", channel: null, untilMs: 9e12, reason: "spam", by: "olga", at: 7 };
    expect([status, json]).toEqual([200, { ban, receipt: RECEIPT }]);
    expect((await ask("DELETE", path)).json).toEqual({ receipt: RECEIPT });
    expect(api.acted).toEqual([
      ["banEverywhere", { actor: KEY, user: "mallory", ban: { untilMs: 9e12, reason: "spam" } }],
      ["banEverywhere", { actor: KEY, user: "mallory", ban: null }],
    ]);
    expect(api.announced.map(({ partition }) => partition)).toEqual([0, 0]);
  });

  it("is for backends with the scope alone", async () => {
    expect((await ask("PUT", path, { as: ann })).json["code"]).toBe("forbidden");
    const { key } = newApiKey();
    const other = await fakeServer({ keys: { [hashApiKey(key)]: ["channels"] } });
    for (const [method, url] of [
      ["PUT", path],
      ["DELETE", path],
      ["POST", "/v1/users/mallory/disconnect"],
      ["POST", "/v1/revocations"],
      ["POST", "/v1/users/mallory/notices"],
    ] as const) {
      const { json } = await other.ask(method, url, { as: key, body: { body: "hi", user: "mallory" } });
      expect([url, json["code"]]).toEqual([url, "forbidden"]);
    }
  });

  it("keeps the user from every route, in the words of the ban, and backends from none", async () => {
    api.guardWith(new ChatError("banned", "banned from the whole cluster: spam", { until: 9e12 }));
    const { status, json } = await ask("GET", "/v1/channels?kind=public", { as: ann });
    expect([status, json["code"], json["until"]]).toEqual([403, "banned", 9e12]);
    expect((await ask("GET", "/v1/channels?kind=public")).status).toBe(200);
    api.guardWith(undefined);
  });
});

describe("a revocation", async () => {
  const { ask, api } = await fakeServer();
  const revoked = async (body: object): Promise<object> => {
    expect((await ask("POST", "/v1/revocations", { body })).json).toEqual({ receipt: RECEIPT });
    const { revocation }: { revocation?: object } = Object(api.acted.at(-1)?.[1]);
    return { ...revocation };
  };

  it("is of one token, of all that a user was given until now, or of everybody's until a time", async () => {
    expect(await revoked({ jti: "j1" })).toMatchObject({ jti: "j1", user: null, issuedBeforeMs: null });
    const before = Date.now();
    const ofUser = await revoked({ user: "mallory" });
    expect(ofUser).toMatchObject({ jti: null, user: "mallory", issuedBeforeMs: expect.any(Number) });
    expect(Object(ofUser)["issuedBeforeMs"]).toBeGreaterThanOrEqual(before);
    expect(await revoked({ user: "mallory", issuedBeforeMs: 5 })).toMatchObject({ user: "mallory", issuedBeforeMs: 5 });
    expect(await revoked({ issuedBeforeMs: 5 })).toMatchObject({ jti: null, user: null, issuedBeforeMs: 5 });
  });

  it("is remembered for longer than any token is good", async () => {
    const { expiresMs }: { expiresMs?: number } = await revoked({ jti: "j1" });
    expect(expiresMs).toBeGreaterThan(Date.now() + 100 * 366 * 24 * 3_600_000);
  });

  it.each<[string, object, string]>([
    ["nothing", {}, "bad_frame"],
    ["a token and a user", { jti: "j1", user: "a" }, "invalid"],
    ["a token and a time", { jti: "j1", issuedBeforeMs: 5 }, "invalid"],
    ["a time to come", { issuedBeforeMs: 9e12 }, "invalid"],
    ["an empty id", { jti: "" }, "invalid"],
    ["a user of another type", { user: 5 }, "bad_frame"],
  ])("of %s is refused", async (_what, body, code) => {
    const before = api.acted.length;
    expect((await ask("POST", "/v1/revocations", { body })).json["code"]).toBe(code);
    expect(api.acted).toHaveLength(before);
  });

  it("has its tokens refused like bad ones", async () => {
    api.guardWith(new ChatError("unauthenticated", "this token was revoked"));
    const { status, json, headers } = await ask("GET", "/v1/channels", { as: ann });
    expect([status, json["code"], headers["www-authenticate"]]).toEqual([401, "unauthenticated", "Bearer"]);
  });
});

describe("a farewell", async () => {
  const { ask, api } = await fakeServer();
  const path = "/v1/users/mallory/disconnect";

  it("goes to the user's partition with a code and its word, and tells who closed what", async () => {
    expect((await ask("POST", path)).json).toEqual({ receipt: RECEIPT });
    await ask("POST", path, { body: { code: 4401 } });
    await ask("POST", path, { body: { code: 4999 } });
    const close = [
      { code: 4003, reason: "resync" },
      { code: 4401, reason: "token" },
      { code: 4999, reason: "disconnected" },
    ];
    const controls = close.map((each) => ({ kind: "user", user: "mallory", frame: null, close: each }));
    expect(api.announced.map(({ partition, control }) => [partition, control])).toEqual(controls.map((c) => [1, c]));
    expect(JSON.parse(api.announced[0]?.audit ?? "")).toEqual({
      ...{ kind: "disconnect_user", actor: "key:bootstrap", subject: "mallory", channel: null, node: null },
      ...{ address: null, reason: null, data: { code: 4003 } },
    });
  });

  it.each([3999, 5000, 4003.5, "4003", null])("with code %j is refused", async (code) => {
    expect((await ask("POST", path, { body: { code } })).status).toBe(400);
  });
});

describe("a notice", async () => {
  const { ask, api } = await fakeServer();
  const path = "/v1/users/ann/notices";

  it("goes out as a finished frame, with Redis' time, and is answered with how many were reached", async () => {
    const { status, json } = await ask("POST", path, { body: { body: "shipped\r\n", meta: { order: 7 } } });
    expect([status, json]).toEqual([202, { id: expect.any(String), sessions: 2 }]);
    const { control, audit } = api.announced.at(-1) ?? { control: undefined, audit: "" };
    const { frame }: { frame?: string } = Object(control);
    const notice = { type: "notice", id: json["id"], body: "shipped\n", meta: { order: 7 }, at: 5000 };
    expect(JSON.parse(frame ?? "")).toEqual(notice);
    expect(control).toMatchObject({ kind: "user", user: "ann", close: null });
    expect(audit).not.toContain("shipped");
    expect(JSON.parse(audit)).toMatchObject({ kind: "notice", subject: "ann", data: { id: json["id"] } });
  });

  it("that is repeated under its key is answered again and not told again", async () => {
    const told = api.announced.length;
    const headers = { "idempotency-key": '"k1"' };
    const first = await ask("POST", path, { headers, body: { body: "once" } });
    const again = await ask("POST", path, { headers, body: { body: "once" } });
    expect([again.status, again.json]).toEqual([202, { ...first.json, duplicate: true }]);
    expect(api.announced).toHaveLength(told + 1);
    const other = await ask("POST", path, { headers, body: { body: "twice" } });
    expect([other.status, other.json["code"]]).toEqual([409, "conflict"]);
  });

  it.each<[string, unknown, string]>([
    ["no text", {}, "bad_frame"],
    ["an empty text", { body: "" }, "invalid"],
    ["a text of another type", { body: 5 }, "bad_frame"],
    ["control characters", { body: "a\u0000b" }, "invalid"],
    ["more than 4096 bytes", { body: "x".repeat(4097) }, "too_large"],
    ["meta that is not flat", { body: "a", meta: { a: {} } }, "bad_frame"],
    ["no object", 5, "bad_frame"],
  ])("with %s is refused", async (_what, body, code) => {
    const told = api.announced.length;
    expect((await ask("POST", path, { body })).json["code"]).toBe(code);
    expect(api.announced).toHaveLength(told);
  });

  it("with a key that nobody could use is refused", async () => {
    const reply = await ask("POST", path, { headers: { "idempotency-key": "a b" }, body: { body: "x" } });
    expect(reply.json["code"]).toBe("invalid");
  });
});
