// Contract of what happens around every route: problem documents, access, limits, origins, documents, counts.
import { newApiKey } from "@rookery/auth";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { fakeServer, userToken } from "./fake-server.fixture.ts";

const publisher = newApiKey();
const minting = newApiKey();
const keys = { [publisher.hash]: ["publish"], [minting.hash]: ["tokens"] };
const page = "/v1/channels/lobby/messages";
const nested = `${'{"a":'.repeat(4500)}1${"}".repeat(4500)}`;

describe("an error", async () => {
  const { ask, api } = await fakeServer({ keys });

  it.each<[string, Parameters<typeof ask>, string, number]>([
    ["an unknown path", ["GET", "/v1/nothing"], "not_found", 404],
    ["an unknown method", ["PUT", page], "unknown_type", 405],
    ["a file that the page has not", ["GET", "/docs/static/nothing.js"], "not_found", 404],
    ["a path that is not well formed", ["GET", "/v1/%zz"], "bad_frame", 400],
    ["a path that is too long", ["GET", `/v1/channels/${"a".repeat(2000)}/messages`], "invalid", 400],
    ["no credential", ["GET", page, { as: null }], "unauthenticated", 401],
    ["a bad credential", ["POST", page, { as: "x.y.z", body: {} }], "unauthenticated", 401],
    ["a key without the scope", ["POST", page, { as: minting.key, body: { body: "hi" } }], "forbidden", 403],
    ["a body that is not JSON", ["POST", page, { body: "{" }], "bad_frame", 400],
    ["a body that is not UTF-8", ["POST", page, { body: Buffer.from('{"body":"\xff"}', "latin1") }], "bad_frame", 400],
    ["a body that is not an object", ["POST", page, { body: "[]" }], "bad_frame", 400],
    ["no body", ["POST", page], "bad_frame", 400],
    ["a forbidden key", ["POST", page, { body: '{"body":"hi","__proto__":{}}' }], "bad_frame", 400],
    [
      "another type of body",
      ["POST", page, { body: "a=b", headers: { "content-type": "text/plain" } }],
      "bad_frame",
      400,
    ],
    ["nesting without end in a message", ["POST", page, { body: nested }], "bad_frame", 400],
    [
      "nesting without end in claims",
      ["POST", "/v1/tokens", { body: `{"user":"a","claims":${nested}}` }],
      "bad_frame",
      400,
    ],
    ["nesting without end in a guest's body", ["POST", "/v1/auth/guest", { as: null, body: nested }], "bad_frame", 400],
    ["nesting without end in a refresh", ["POST", "/v1/auth/refresh", { as: null, body: nested }], "bad_frame", 400],
    ["a method that HTTP has and this path has not", ["PROPFIND", page], "unknown_type", 405],
    ["a body over the limit", ["POST", page, { body: { body: "a".repeat(70_000) } }], "too_large", 413],
  ])("of %s is a problem document", async (_what, request, code, status) => {
    const { headers, json, ...reply } = await ask(...request);
    expect([reply.status, json["status"], json["code"]]).toEqual([status, status, code]);
    expect(headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(Object.keys(json)).toEqual(expect.arrayContaining(["type", "title", "detail"]));
    expect(headers).toHaveProperty("x-content-type-options", "nosniff");
  });

  it("over a method names those that there are", async () => {
    const allowed = async (method: Parameters<typeof ask>[0], url: string) => (await ask(method, url)).headers["allow"];
    expect(await allowed("DELETE", page)).toBe("GET, HEAD, POST");
    expect(await allowed("OPTIONS", `${page}?limit=1`)).toBe("GET, HEAD, POST");
    expect(await allowed("GET", "/v1/tokens")).toBe("POST");
    expect(await allowed("POST", "/v1/openapi.json")).toBe("GET, HEAD");
    expect(await allowed("POST", "/v1/openapiXjson")).toBeUndefined();
    expect(await allowed("POST", "/v1/channels/a/b/messages")).toBeUndefined();
  });

  it("of ours is told as internal, without a word of it, and logged", async () => {
    api.failNext(new Error("password=hunter2"));
    const { status, json, text } = await ask("POST", page, { body: { body: "hi" } });
    expect([status, json["code"]]).toEqual([500, "internal"]);
    expect(text).not.toContain("hunter2");
    expect(api.faults).toHaveLength(1);
  });

  it.each(["unavailable", "overloaded", "unknown", "conflict"] as const)(
    "%s of the publisher keeps its code",
    async (code) => {
      api.failNext(new ChatError(code, "words"));
      expect((await ask("POST", page, { body: { body: "hi" } })).json).toMatchObject({ code, detail: "words" });
    },
  );

  it("with a time to wait tells it in the header too", async () => {
    api.failNext(new ChatError("slow_mode", "wait", { retryAfterMs: 2500 }));
    const { status, headers, json } = await ask("POST", page, { body: { body: "hi" } });
    expect([status, headers["retry-after"], json["retryAfterMs"]]).toEqual([429, "3", 2500]);
  });
});

describe("access", async () => {
  const { ask } = await fakeServer({ keys });

  it("is open to a key with the scope and to a user, where the table says so", async () => {
    expect((await ask("POST", page, { as: publisher.key, body: { body: "hi" } })).status).toBe(201);
    expect((await ask("GET", page, { as: await userToken("ann") })).status).toBe(200);
  });

  it("is closed to users where only keys may call", async () => {
    const { status, json } = await ask("POST", "/v1/tokens", { as: await userToken("ann"), body: { user: "bob" } });
    expect([status, json["code"]]).toEqual([403, "forbidden"]);
  });

  it("asks for a bearer credential when there is none", async () => {
    expect((await ask("GET", page, { as: null })).headers["www-authenticate"]).toBe("Bearer");
  });
});

describe("a limit", () => {
  it("counts one caller's requests, whoever else calls", async () => {
    const { ask } = await fakeServer({ requestsPerMin: 3 });
    const [ann, bob] = [await userToken("ann"), await userToken("bob")];
    for (const _ of [1, 2, 3]) expect((await ask("GET", page, { as: ann })).status).toBe(200);
    const { status, json, headers } = await ask("GET", page, { as: ann });
    expect([status, json["code"], json["retry"]]).toEqual([429, "rate_limited", "later"]);
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask("GET", page, { as: bob })).status).toBe(200);
  });

  it("is told with every answer that counts, and how much of it is left", async () => {
    const { ask } = await fakeServer({ requestsPerMin: 2 });
    const ann = await userToken("ann");
    const left = async (): Promise<unknown[]> => {
      const { headers } = await ask("GET", page, { as: ann });
      expect(Number(headers["ratelimit-reset"])).toBeGreaterThan(0);
      expect(Number(headers["ratelimit-reset"])).toBeLessThanOrEqual(60);
      return [headers["ratelimit-limit"], headers["ratelimit-remaining"]];
    };
    expect([await left(), await left(), await left()]).toEqual(["1", "0", "0"].map((remaining) => ["2", remaining]));
    expect((await ask("GET", "/livez", { as: null })).headers).not.toHaveProperty("ratelimit-limit");
  });

  it("counts strangers by address, an IPv6 network as one", async () => {
    const { ask } = await fakeServer({ requestsPerMin: 2 });
    const guest = (address: string) => ask("POST", "/v1/auth/guest", { as: null, address });
    expect((await guest("2001:db8::1")).status).toBe(201);
    expect((await guest("2001:db8::2")).status).toBe(201);
    expect((await guest("2001:db8::3")).status).toBe(429);
    expect((await guest("2001:db9::1")).status).toBe(201);
  });

  it("stops an address that guesses credentials, and its good ones too", async () => {
    const { ask } = await fakeServer({ requestsPerMin: 2 });
    const address = "192.0.2.7";
    for (const _ of [1, 2]) expect((await ask("GET", page, { as: newApiKey().key, address })).status).toBe(401);
    expect((await ask("GET", page, { as: newApiKey().key, address })).status).toBe(429);
    expect((await ask("GET", page, { address })).status).toBe(429);
    expect((await ask("GET", page, { address: "192.0.2.8" })).status).toBe(200);
  });

  it("leaves loopback alone where it is told to, and signs of life always", async () => {
    const { ask } = await fakeServer({ requestsPerMin: 1, loopbackExempt: true });
    for (const _ of [1, 2, 3]) expect((await ask("POST", "/v1/auth/guest", { as: null })).status).toBe(201);
    for (const _ of [1, 2, 3]) expect((await ask("GET", "/livez", { address: "192.0.2.9" })).status).toBe(200);
  });

  it("believes a proxy about the address only when it is trusted", async () => {
    const { ask } = await fakeServer({ requestsPerMin: 1, trustedProxies: ["10.0.0.0/8"] });
    const via = (address: string, client: string) =>
      ask("POST", "/v1/auth/guest", { as: null, address, headers: { "x-forwarded-for": client } });
    expect((await via("10.0.0.1", "192.0.2.1")).status).toBe(201);
    expect((await via("10.0.0.1", "192.0.2.2")).status).toBe(201);
    expect((await via("192.0.2.50", "192.0.2.3")).status).toBe(201);
    expect((await via("192.0.2.50", "192.0.2.4")).status).toBe(429);
  });

  it("counts a client behind a proxy as one whatever port the proxy names, and not by what it wrote itself", async () => {
    const { ask } = await fakeServer({ requestsPerMin: 1, trustedProxies: ["10.0.0.0/8"] });
    const via = (...forwarded: string[]) =>
      ask("POST", "/v1/auth/guest", {
        ...{ as: null, address: "10.0.0.1" },
        headers: { "x-forwarded-for": forwarded.join(", ") },
      });
    expect((await via("192.0.2.1:1001")).status).toBe(201);
    expect((await via("192.0.2.1:1002")).status).toBe(429);
    expect((await via("198.51.100.1", "192.0.2.1")).status).toBe(429);
    expect((await via("[2001:db8::1]:1001")).status).toBe(201);
    expect((await via("[2001:db8::2]:1002", "10.0.0.2:80")).status).toBe(429);
  });
});

describe("an origin", async () => {
  const { ask } = await fakeServer({ allowedOrigins: ["https://chat.example.com"] });
  const local = await fakeServer({ allowedOrigins: ["loopback"] });
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "authorization" };

  it("on the list may read answers, errors too, and nobody else's page may", async () => {
    const origin = "https://chat.example.com";
    for (const as of [undefined, "bad"]) {
      const { headers } = await ask("GET", page, { headers: { origin }, ...(as === undefined ? {} : { as }) });
      expect(headers["access-control-allow-origin"]).toBe(origin);
      expect(headers["vary"]).toContain("origin");
    }
  });

  it("of this machine may read where the word loopback stands on the list, on any port, and only there", async () => {
    const origin = "http://localhost:5173";
    const { headers } = await local.ask("GET", page, { headers: { origin } });
    expect(headers["access-control-allow-origin"]).toBe(origin);
    expect((await local.ask("OPTIONS", page, { as: null, headers: { origin, ...preflight } })).status).toBe(204);
    expect((await ask("GET", page, { headers: { origin } })).headers).not.toHaveProperty("access-control-allow-origin");
  });

  it("on the list passes a preflight without a credential", async () => {
    const headers = { origin: "https://chat.example.com", ...preflight };
    const reply = await ask("OPTIONS", page, { as: null, headers });
    expect(reply.status).toBe(204);
    expect(reply.headers["access-control-allow-headers"]).toContain("authorization");
  });

  it.each(["https://evil.example", "null", "https://chat.example.com.evil.example", "http://chat.example.com"])(
    "such as %s gets no leave",
    async (origin) => {
      const read = await ask("GET", page, { headers: { origin } });
      expect(read.headers).not.toHaveProperty("access-control-allow-origin");
      const reply = await ask("OPTIONS", page, { as: null, headers: { origin, ...preflight } });
      expect([reply.status, reply.json["code"]]).toEqual([403, "forbidden"]);
    },
  );
});

describe("counts", () => {
  it("tell requests by family and class, and publications by outcome", async () => {
    const { ask, api } = await fakeServer();
    await ask("POST", page, { body: { body: "hi", clientId: "c1" } });
    await ask("POST", page, { body: { body: "hi", clientId: "c1" } });
    await ask("POST", page, { body: { body: "other", clientId: "c1" } });
    await ask("GET", "/v1/nothing");
    await ask("GET", "/livez");
    const { text } = await api.prometheus.render();
    for (const line of [
      'rookery_api_requests_total{family="messages",class="2xx"} 2',
      'rookery_api_requests_total{family="messages",class="4xx"} 1',
      'rookery_api_requests_total{family="unknown",class="4xx"} 1',
      'rookery_api_requests_total{family="health",class="2xx"} 1',
      'rookery_api_publishes_total{outcome="new"} 1',
      'rookery_api_publishes_total{outcome="duplicate"} 1',
      'rookery_api_publishes_total{outcome="conflict"} 1',
      'rookery_api_request_seconds_count{family="messages"} 3',
    ])
      expect(text).toContain(line);
  });
});
