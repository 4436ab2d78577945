// What commands ask the api, what they print of its answers, and what they say when it refuses or is not there.
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { testCertificates } from "@rookery/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { runCommand, startFakeApi } from "./fake-api.suite.ts";

const KEY = "rk_of-a-test";
const RECEIPT = { nodes: { confirmed: 2, expected: 2, missing: [] }, sessionsClosed: 3, ms: 84 };

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "rookery-control-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

async function asking(
  body: unknown,
  argv: readonly string[],
  more: { readonly status?: number; readonly env?: Record<string, string> } = {},
) {
  const api = await startFakeApi(() => ({ body, ...(more.status === undefined ? {} : { status: more.status }) }));
  const outcome = await runCommand(argv, { env: { RK_API: api.url, RK_API_KEY: KEY, ...more.env } });
  return { ...outcome, asked: api.asked };
}

describe("a command that asks the api", () => {
  it.each([
    [
      ["channel", "create", "staff", "--kind", "private", "--owner", "alice"],
      "POST /v1/channels",
      { id: "staff", kind: "private", owner: "alice" },
    ],
    [
      ["channel", "create", "slow", "--slow-mode", "5", "--retention", "30", "--member-cap", "9"],
      "POST /v1/channels",
      { id: "slow", kind: "public", settings: { slowModeSec: 5, retentionDays: 30, memberCap: 9 } },
    ],
    [["channel", "show", "a:b"], "GET /v1/channels/a%3Ab", undefined],
    [
      ["channel", "list", "--kind", "private", "--limit", "5", "--cursor", "x=="],
      "GET /v1/channels?kind=private&limit=5&cursor=x%3D%3D",
      undefined,
    ],
    [["channel", "delete", "staff"], "DELETE /v1/channels/staff", undefined],
    [
      ["member", "set", "staff", "../b ob", "--role", "moderator"],
      "PUT /v1/channels/staff/members/..%2Fb%20ob",
      { role: "moderator" },
    ],
    [["member", "remove", "staff", "bob"], "DELETE /v1/channels/staff/members/bob", undefined],
    [["member", "list", "staff"], "GET /v1/channels/staff/members", undefined],
    [
      ["ban", "bob", "--channel", "c", "--for", "2h", "--reason", "spam"],
      "PUT /v1/channels/c/bans/bob",
      { forSec: 7200, reason: "spam" },
    ],
    [["ban", "bob", "--everywhere"], "PUT /v1/users/bob/ban", {}],
    [["unban", "bob", "--everywhere"], "DELETE /v1/users/bob/ban", undefined],
    [["mute", "bob", "--channel", "c"], "PUT /v1/channels/c/mutes/bob", {}],
    [["unmute", "bob", "--channel", "c"], "DELETE /v1/channels/c/mutes/bob", undefined],
    [["kick", "bob", "--channel", "c"], "POST /v1/channels/c/kicks/bob", {}],
    [["notice", "bob", "hello"], "POST /v1/users/bob/notices", { body: "hello" }],
    [["disconnect", "bob"], "POST /v1/users/bob/disconnect", {}],
    [["nodes"], "GET /v1/nodes", undefined],
    [
      ["token", "create", "--user", "ann", "--name", "Ann", "--ttl", "60"],
      "POST /v1/tokens",
      { user: "ann", name: "Ann", ttlSec: 60 },
    ],
    [["token", "revoke", "--user", "ann"], "POST /v1/revocations", { user: "ann" }],
    [["token", "revoke", "--jti", "x"], "POST /v1/revocations", { jti: "x" }],
    [["token", "revoke", "--issued-before", "1970-01-01T00:00:01Z"], "POST /v1/revocations", { issuedBeforeMs: 1000 }],
    [["drain", "edge-1.k3f9"], "POST /v1/nodes/edge-1.k3f9/drain", {}],
    [["explain", "--message", "m1", "--user", "bob"], "GET /v1/explain?message=m1&user=bob", undefined],
  ] as const)("%j asks %s", async (argv, line, body) => {
    const { asked, code } = await asking({ receipt: RECEIPT }, [...argv]);
    expect(asked).toEqual([{ line, body, authorization: `Bearer ${KEY}` }]);
    expect(code).toBe(0);
  });

  it.each([".", ".."])("does not ask about a user called %s, whose path would be another's", async (user) => {
    const { asked, code, err } = await asking({}, ["member", "remove", "staff", user]);
    expect(asked).toEqual([]);
    expect(code).toBe(2);
    expect(err).toContain("cannot stand in a path");
  });

  it("revokes a token that comes by standard input, by its id alone", async () => {
    const api = await startFakeApi(() => ({ body: { receipt: RECEIPT } }));
    const token = ["e30", Buffer.from('{"jti":"x-1","sub":"ann"}').toString("base64url"), "x"].join(".");
    const env = { RK_API: api.url, RK_API_KEY: KEY };
    const { out, code } = await runCommand(["token", "revoke", "-"], { env, input: `${token}\n` });
    expect(api.asked).toMatchObject([{ line: "POST /v1/revocations", body: { jti: "x-1" } }]);
    expect([code, out]).toEqual([0, "revoked: in force on 2 of 2 edges, 3 sessions, 84 ms"]);
  });

  it("prints just the api's answer with --json", async () => {
    const { out } = await asking({ receipt: RECEIPT, more: "x\u001b[31m" }, ["ban", "bob", "--channel", "c", "--json"]);
    expect(JSON.parse(out)).toEqual({ receipt: RECEIPT, more: "x\u001b[31m" });
  });

  it("prints lists in columns, times to be read and no orders to the terminal, and tells how to go on", async () => {
    const channels = [{ id: "a", kind: "public", owner: "x\u001b[2J", name: null, createdAt: 0 }];
    const { out, err } = await asking({ channels, cursor: "next" }, ["channel", "list"]);
    expect(out.split("\n")).toEqual([
      "id  kind    owner       name  createdAt",
      String.raw`a   public  x\u{1b}[2J  -     1970-01-01T00:00:00.000Z`,
    ]);
    expect(err).toBe("there is more: --cursor next");
  });

  it("tells what a receipt says, and exits 1 while an edge has not confirmed", async () => {
    const good = await asking({ receipt: RECEIPT }, ["ban", "bob", "--channel", "c"]);
    expect(good).toMatchObject({ code: 0, out: "bob is banned in c: in force on 2 of 2 edges, 3 sessions, 84 ms" });
    const receipt = { ...RECEIPT, nodes: { confirmed: 1, expected: 2, missing: ["edge-2.x"] } };
    const slow = await asking({ receipt }, ["ban", "bob", "--everywhere"]);
    expect(slow.code).toBe(1);
    expect(slow.out).toMatch(/^bob is banned everywhere: in force on 1 of 2 edges.*not confirmed by edge-2\.x/);
  });

  it("tells of a role in one line, whose it is and where", async () => {
    const argv = ["member", "set", "staff", "bob", "--role", "reader"];
    const { out } = await asking({ user: "bob", role: "reader", receipt: RECEIPT }, argv);
    expect(out).toBe("bob is reader in staff: in force on 2 of 2 edges, 3 sessions, 84 ms");
  });

  it("takes a channel's password from the environment or a file, and never shows it", async () => {
    const file = join(folder(), "password");
    writeFileSync(file, "open sesame\n");
    const argv = ["channel", "create", "cave", "--kind", "password"];
    const byFile = await asking({ id: "cave" }, [...argv, "--password-file", file]);
    const byEnv = await asking({ id: "cave" }, argv, { env: { RK_CHANNEL_PASSWORD: "open sesame" } });
    const body = { id: "cave", kind: "password", password: "open sesame" };
    expect([byFile, byEnv].map(({ asked }) => asked[0]?.body)).toEqual([body, body]);
    expect(byFile.out + byFile.err + byEnv.out + byEnv.err).not.toContain("sesame");
  });
});

describe("a refusal of the api", () => {
  it.each([
    [401, "unauthenticated", {}, "set RK_API_KEY"],
    [403, "forbidden", {}, "rookery key create --scope"],
    [404, "not_found", {}, "not_found"],
    [429, "rate_limited", { retryAfterMs: 1500 }, "again in 2 s"],
    [503, "unavailable", {}, "nothing was changed"],
    [504, "unknown", {}, "a repeat does no harm"],
  ])("%d %s exits 1, in words with what to do", async (status, code, more, said) => {
    const problem = { code, detail: "words\u0007", ...more };
    const outcome = await asking(problem, ["nodes"], { status });
    expect(outcome).toMatchObject({ code: 1, out: "" });
    expect(outcome.err).toContain(`${code}: words\\u{7}`);
    expect(outcome.err).toContain(said);
    expect(outcome.err).not.toContain("\u0007");
    expect(outcome.err).not.toContain(KEY);
  });

  it("that is no problem document, or no JSON at all, is told as such", async () => {
    expect((await asking({}, ["nodes"], { status: 500 })).err).toContain("HTTP 500: the api gave no reason");
    expect((await asking("<html>", ["nodes"], { status: 502 })).err).toContain(
      "is no api of this cluster: it answered HTTP 502",
    );
  });
});

describe("a key", () => {
  it("may stand in a file, whose first line it is", async () => {
    const api = await startFakeApi(() => ({ body: { nodes: [] } }));
    const file = join(folder(), "key");
    writeFileSync(file, `${KEY}\r\n`);
    chmodSync(file, 0o600);
    expect(await runCommand(["nodes"], { env: { RK_API: api.url, RK_API_KEY_FILE: file } })).toMatchObject({ code: 0 });
    expect(api.asked[0]?.authorization).toBe(`Bearer ${KEY}`);
  });

  it("of the cluster that runs here goes to its own api and to no other", async () => {
    const own = await startFakeApi(() => ({ body: { nodes: [] } }));
    const other = await startFakeApi(() => ({ body: { nodes: [] } }));
    const cwd = folder();
    mkdirSync(join(cwd, ".rookery"));
    const note = { ready: true, pid: process.pid, ws: [], api: own.url, apiKey: KEY, jwt: {} };
    writeFileSync(join(cwd, ".rookery", "cluster.json"), JSON.stringify(note));
    expect((await runCommand(["nodes"], { cwd })).code).toBe(0);
    expect(own.asked).toMatchObject([{ authorization: `Bearer ${KEY}` }]);
    const elsewhere = await runCommand(["nodes", "--api", other.url], { cwd });
    expect(elsewhere).toMatchObject({ code: 2, err: expect.stringContaining("nothing tells which key") });
    expect(other.asked).toEqual([]);
  });

  it("follows no redirect, and one that can be none is refused without being repeated", async () => {
    const target = await startFakeApi(() => ({ body: { nodes: [] } }));
    const api = await startFakeApi(() => ({ status: 307, headers: { location: `${target.url}/v1/nodes` }, body: "" }));
    expect((await runCommand(["nodes"], { env: { RK_API: api.url, RK_API_KEY: KEY } })).code).toBe(1);
    expect(target.asked).toEqual([]);
    const bad = await runCommand(["nodes"], { env: { RK_API: api.url, RK_API_KEY: "hush\nhush" } });
    expect(bad.code).toBe(2);
    expect(bad.err).not.toContain("hush");
  });

  it("that is none is told by the variable it came by", async () => {
    const file = join(folder(), "key");
    writeFileSync(file, "two words\n");
    const asked = (env: Readonly<Record<string, string>>) => runCommand(["nodes"], { env });
    const api = "http://127.0.0.1:1";
    expect((await asked({ RK_API: api, RK_API_KEY: "two words" })).err).toMatch(/RK_API_KEY is no key/);
    expect((await asked({ RK_API: api, RK_API_KEY_FILE: file })).err).toMatch(/RK_API_KEY_FILE names is no key/);
    expect((await asked({ RK_API: api })).err).toMatch(/set RK_API_KEY or RK_API_KEY_FILE/);
  });

  it("is not shown when the api is not there", async () => {
    const { code, err } = await runCommand(["nodes"], { env: { RK_API: "http://127.0.0.1:1", RK_API_KEY: KEY } });
    expect(code).toBe(1);
    expect(err).toMatch(/127\.0\.0\.1:1 does not answer: .*is it running\?/);
    expect(err).not.toContain(KEY);
  });
});

describe("an address in the environment", () => {
  it("is judged as the flag is, and a wrong one is told by its variable", async () => {
    const env = { RK_API: "ws://127.0.0.1:1", RK_API_KEY: KEY, RK_URL: "http://127.0.0.1:1/ws", RK_TOKEN: "t" };
    const nodes = await runCommand(["nodes"], { env });
    expect(nodes).toMatchObject({
      code: 2,
      err: expect.stringMatching(/RK_API: .* http:\/\/ or https:\/\//) as unknown,
    });
    const sent = await runCommand(["send", "lobby", "hello"], { env });
    expect(sent).toMatchObject({ code: 2, err: expect.stringMatching(/RK_URL: .* ws:\/\/ or wss:\/\//) as unknown });
  });

  it("without TLS of a port that has it is told to say so", async () => {
    const { files } = await testCertificates();
    const server = createServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) });
    server.on("tlsClientError", () => undefined);
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const told = server.address();
    const host = `127.0.0.1:${typeof told === "object" && told !== null ? told.port : 0}`;
    const env = { RK_API: `http://${host}`, RK_API_KEY: KEY, RK_URL: `ws://${host}/ws`, RK_TOKEN: "t" };
    expect((await runCommand(["nodes"], { env })).err).toContain("say https://");
    expect((await runCommand(["send", "lobby", "hello"], { env })).err).toContain("say wss://");
  });
});
