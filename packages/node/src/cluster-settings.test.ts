import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { DEFAULT_LIMITS } from "@rookery/protocol";
import { parseFlags, SettingsError } from "@rookery/runtime";
import type { AnyRow, SettingsProblem, SettingsSources } from "@rookery/runtime";
import { Compile } from "typebox/compile";
import { clusterSettings } from "./cluster-settings.ts";
import { isSettingKey, SETTINGS } from "./settings-table.ts";

const {
  load: loadSettings,
  inspect: inspectSettings,
  check: checkSettings,
  describe: describeSettings,
} = clusterSettings;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function fileWith(content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "settings-"));
  folders.push(folder);
  const path = join(folder, "content");
  writeFileSync(path, content);
  return path;
}

function problemsOf(
  sources: SettingsSources,
  service: "edge" | "api" | "persister" = "edge",
): readonly SettingsProblem[] {
  try {
    loadSettings(service, sources);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

const STRONG = "k3J9vQ0xZr7LmN2pTs5WbY8cDf1GhE4a";
const REDIS = { ROOKERY_REDIS_URL: "redis://127.0.0.1:6379" };
const STORES = { ...REDIS, ROOKERY_POSTGRES_URL: "postgres://rookery@127.0.0.1/rookery" };
const rows: readonly (readonly [string, AnyRow])[] = Object.entries(SETTINGS);

describe("the settings table", () => {
  it.each(rows)("%s names its variable once, after its key, and says what it means", (key, row) => {
    expect(row.env).toBe(`ROOKERY_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`);
    expect(rows.filter(([, other]) => other.env === row.env)).toHaveLength(1);
    expect(row.meaning.length).toBeGreaterThan(10);
    expect(row.usedBy.length).toBeGreaterThan(0);
  });

  it.each(rows.filter(([, row]) => row.need === "default"))("%s accepts its own default", (_key, row) => {
    expect(Compile(row.schema).Check(row.default)).toBe(true);
  });

  it.each(rows.filter(([, row]) => !row.example.includes("_FILE=")))("%s accepts its own example", (_key, row) => {
    expect(Compile(row.schema).Check(row.read(row.example))).toBe(true);
  });

  it("has a row for every limit that welcome tells, with the protocol's default", () => {
    const { channels: channelsPerSession, ...others } = DEFAULT_LIMITS;
    const limits = Object.entries({ channelsPerSession, ...others });
    expect(limits.map(([key]) => [key, isSettingKey(key) ? SETTINGS[key].default : "no row"])).toEqual(limits);
  });

  it("is rendered whole, one line a setting", () => {
    const lines = describeSettings().split("\n");
    expect(lines.filter((line) => line.startsWith("|"))).toHaveLength(rows.length + 2);
    expect(lines.at(-1)).toContain("a byte order mark at its front and white space at its end are not part of it");
    for (const [, row] of rows) expect(describeSettings()).toContain(`\`${row.env}\``);
    expect(lines).toContain(
      "| `ROOKERY_SENDS_PER_SEC` | `20` | per s | messages of a session in the long run | edge |",
    );
  });
});

describe("loading", () => {
  it("gives typed, frozen values of exactly what a service reads", () => {
    const settings = loadSettings("persister", { env: STORES });
    expectTypeOf(settings.batchEntries).toEqualTypeOf<number>();
    expectTypeOf(settings.redisUrl).toEqualTypeOf<string>();
    expectTypeOf(settings.parentPid).toEqualTypeOf<number | undefined>();
    expectTypeOf(loadSettings(["ack"], { env: {} }).ack).toEqualTypeOf<"fast" | "safe">();
    expectTypeOf(loadSettings(["allowedOrigins"], { env: {} }).allowedOrigins).toEqualTypeOf<readonly string[]>();
    expectTypeOf(settings).not.toHaveProperty("sendsPerSec");
    expect(settings).toMatchObject({ batchEntries: 1000, batchLingerMs: 100, partitions: 64 });
    expect(Object.keys(settings)).not.toContain("sendsPerSec");
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(loadSettings(["allowedOrigins"], { env: {} }).allowedOrigins)).toBe(true);
  });

  it("lets a file hide a default, the environment a file, and a flag the environment", () => {
    const config = fileWith("sendsPerSec: 2\nsendBurst: 3\ncommandsPerSec: 4\nallowedOrigins: [https://a.example]\n");
    const env = { ROOKERY_CONFIG: config, ROOKERY_SEND_BURST: "30", ROOKERY_COMMANDS_PER_SEC: "40" };
    const keys = ["typingPerSec", "sendsPerSec", "sendBurst", "commandsPerSec", "allowedOrigins"] as const;
    expect(loadSettings(keys, { env, flags: { commandsPerSec: "400" } })).toEqual({
      typingPerSec: 5,
      sendsPerSec: 2,
      sendBurst: 30,
      commandsPerSec: 400,
      allowedOrigins: ["https://a.example"],
    });
    const sources = inspectSettings(keys, { env, flags: { commandsPerSec: "400" } }).map(({ source }) => source);
    expect(sources).toEqual(["default", `file ${config}`, "environment", "flag", `file ${config}`]);
  });

  it("takes an empty variable as absent", () => {
    expect(loadSettings(["sendsPerSec"], { env: { ROOKERY_SENDS_PER_SEC: "" } }).sendsPerSec).toBe(20);
  });

  it.each([
    ["a newline", `${STRONG}\n`],
    ["CRLF", `${STRONG}\r\n`],
    ["a byte order mark", `\uFEFF${STRONG}`],
    ["trailing blanks", `${STRONG} \t \n\n`],
  ])("takes a value with %s around it as the same value, from a file as from the environment", (_what, text) => {
    const file = { ROOKERY_JWT_SECRET_FILE: fileWith(text) };
    expect(loadSettings(["jwtSecret"], { env: file }).jwtSecret).toBe(STRONG);
    expect(loadSettings(["jwtSecret"], { env: { ROOKERY_JWT_SECRET: text } }).jwtSecret).toBe(STRONG);
    const yaml = { ROOKERY_CONFIG: fileWith(`jwtSecret: ${JSON.stringify(text)}`) };
    expect(loadSettings(["jwtSecret"], { env: yaml }).jwtSecret).toBe(STRONG);
  });

  it.each([
    ["https://App.example,https://b.example:443", ["https://app.example", "https://b.example"]],
    ["http://a.example:80,http://a.example:8080", ["http://a.example", "http://a.example:8080"]],
    ["HTTPS://a.example,https://A.example", ["https://a.example"]],
    ["https://bücher.example", ["https://xn--bcher-kva.example"]],
    ["http://[::0:1]:80", ["http://[::1]"]],
    ["Loopback", ["loopback"]],
  ])("reads the origins %s as browsers send them", (text, origins) => {
    expect(loadSettings(["allowedOrigins"], { env: { ROOKERY_ALLOWED_ORIGINS: text } }).allowedOrigins).toEqual(
      origins,
    );
  });

  it.each([
    ["10.1.2.3, 10.0.0.0/8 ,fd00::/8", ["10.1.2.3", "10.0.0.0/8", "fd00::/8"]],
    ["FD00:0::1/128,fd00::1", ["fd00::1"]],
    ["::ffff:10.0.0.0/104", ["10.0.0.0/8"]],
  ])("reads the proxies %s into one form", (text, proxies) => {
    expect(loadSettings(["trustedProxies"], { env: { ROOKERY_TRUSTED_PROXIES: text } }).trustedProxies).toEqual(
      proxies,
    );
  });

  it("makes the token secret outside production when no key of any kind is given, and says so", () => {
    const env = STORES;
    expect(loadSettings("edge", { env }).jwtSecret).toMatch(/^[\w-]{43}$/);
    expect(inspectSettings("edge", { env }).find(({ key }) => key === "jwtSecret")?.source).toBe("generated");
    const withJwks = { ...env, ROOKERY_JWT_JWKS_URL: "https://a.example/jwks", ROOKERY_JWT_ALGORITHMS: "ES256" };
    expect(loadSettings("edge", { env: withJwks }).jwtSecret).toBeUndefined();
  });
});

describe("what cannot be used", () => {
  it("is reported all at once, with name, source, what was got, what was expected and an example", () => {
    const env = { ...REDIS, ROOKERY_SENDS_PER_SEC: "many", ROOKERY_ACK: "slow", ROOKERY_SEND_BRUST: "4" };
    expect(problemsOf({ env })).toEqual([
      expect.objectContaining({
        env: "ROOKERY_SEND_BRUST",
        expected: "a known setting; did you mean ROOKERY_SEND_BURST?",
      }),
      expect.objectContaining({ key: "postgresUrl", source: "nothing" }),
      expect.objectContaining({ key: "ack", got: '"slow"', expected: "one of fast, safe", source: "environment" }),
      {
        key: "sendsPerSec",
        env: "ROOKERY_SENDS_PER_SEC",
        source: "environment",
        got: '"many"',
        expected: "a whole number from 1 to 100000",
        example: "20",
      },
    ]);
  });

  it.each([
    ["an unknown name in the file", "sendPerSec: 4", "sendPerSec", "did you mean sendsPerSec?"],
    ["a name given twice in the file", "ack: fast\nack: safe", "ROOKERY_CONFIG", "YAML file"],
    ["a file that is a list", "- 1", "ROOKERY_CONFIG", "YAML file"],
    ["aliases in the file", "ack: &a fast\nlogLevel: *a", "ROOKERY_CONFIG", "YAML file"],
  ])("%s is a problem", (_what, yaml, key, expected) => {
    const problems = problemsOf({ env: { ...STORES, ROOKERY_CONFIG: fileWith(yaml) } });
    expect(problems).toEqual([expect.objectContaining({ key, expected: expect.stringContaining(expected) })]);
  });

  it("a configuration file with a syntax error is told by position, never by its content", () => {
    const config = fileWith(`jwtSecret: "${STRONG}\nack: fast`);
    const [problem] = problemsOf({ env: { ...STORES, ROOKERY_CONFIG: config } });
    expect(problem?.got).toMatch(/at line \d+, column \d+/);
    expect(JSON.stringify(problem)).not.toContain(STRONG);
  });

  it("an unknown flag is a problem, and so is a secret on the command line", () => {
    const problems = problemsOf({ env: STORES, flags: { sendPerSec: "4", jwtSecret: STRONG } });
    expect(problems.map(({ key }) => key)).toEqual(["--send-per-sec", "jwtSecret"]);
    expect(problems[0]?.expected).toContain("--sends-per-sec");
    expect(JSON.stringify(problems)).not.toContain(STRONG);
  });

  it("a secret both in a variable and in a file is a problem", () => {
    const env = { ...STORES, ROOKERY_JWT_SECRET: STRONG, ROOKERY_JWT_SECRET_FILE: fileWith(STRONG) };
    expect(problemsOf({ env })).toEqual([expect.objectContaining({ key: "jwtSecret", got: "two values" })]);
  });

  it("a *_FILE that cannot be read is a problem", () => {
    const env = { ...STORES, ROOKERY_JWT_SECRET_FILE: "/nowhere/secret" };
    expect(problemsOf({ env })[0]).toMatchObject({ env: "ROOKERY_JWT_SECRET_FILE", got: "no readable file (ENOENT)" });
  });

  it.each([
    ["an empty file", " \n", "an empty file"],
    ["UTF-16", Buffer.from(`\uFEFF${STRONG}`, "utf16le"), "a file that is not UTF-8"],
    ["UTF-16 without its mark", Buffer.from(STRONG, "utf16le"), "a file that is not UTF-8"],
  ])("a *_FILE that holds %s is a problem, told with the rule", (_what, content, got) => {
    const problems = problemsOf({ env: { ...STORES, ROOKERY_JWT_SECRET_FILE: fileWith(content) } });
    expect(problems).toEqual([
      expect.objectContaining({
        env: "ROOKERY_JWT_SECRET_FILE",
        got,
        expected: expect.stringContaining("byte order mark"),
      }),
    ]);
  });

  it("a *File of the configuration file that is no text is a problem", () => {
    const problems = problemsOf({ env: { ...STORES, ROOKERY_CONFIG: fileWith("jwtSecretFile: 7") } });
    expect(problems).toEqual([expect.objectContaining({ key: "jwtSecret", got: "no text" })]);
  });

  it("a flag of any name is judged", () => {
    expect(problemsOf({ env: STORES, flags: parseFlags(["--__proto__=x"]) }).map(({ key }) => key)).toEqual([
      "--__proto__",
    ]);
  });

  it("all is told in one error: names, forms, readers, rules and hosts", async () => {
    const readers = { ROOKERY_REDIS_URL: "redis://h/abc", ROOKERY_JWT_ALGORITHMS: "RS256" };
    const env = { ...STORES, ...readers, ROOKERY_HOST: "192.0.2.1", ROOKERY_NOPE: "x", ROOKERY_PORT: "x" };
    const error = await checkSettings("edge", { env }).catch((fault: unknown) => fault);
    const problems = error instanceof SettingsError ? error.problems : [];
    expect(problems.map(({ key, fault }) => [key, fault])).toEqual([
      ["ROOKERY_NOPE", undefined],
      ["port", undefined],
      ["redisUrl", expect.stringContaining("bad database")],
      ["jwtAlgorithms", "the algorithm RS256 does not fit the key"],
      ["host", "this is no address of this machine"],
    ]);
  });

  it("a CA of Redis must be one, with what else stands in its file, and beside an encrypted address", () => {
    const [certificate = ""] = rootCertificates;
    const told = (redisUrl: string, ca: string): readonly SettingsProblem[] =>
      problemsOf({ env: { ...STORES, ROOKERY_REDIS_URL: redisUrl, ROOKERY_REDIS_CA: ca } });
    expect(told("rediss+cluster://h1,h2", `of ours\n${certificate}`)).toEqual([]);
    const none = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----";
    expect(told("rediss://h", none)).toEqual([
      expect.objectContaining({ fault: expect.stringContaining("cannot be read") }),
    ]);
    expect(told("redis+sentinel://h1,h2/m", certificate)).toEqual([
      expect.objectContaining({ key: "redisCa", expected: expect.stringContaining("rediss:// address beside it") }),
    ]);
  });

  it.each([
    ["does not resolve", "no-such-host.invalid", /no address|looked up/],
    ["is of another machine", "192.0.2.1", /no address of this machine/],
    ["is no address", "999.1.1.1", /no address|looked up/],
  ])("a host to listen on that %s is told as such", async (_what, host, fault) => {
    const env = { ...STORES, ROOKERY_INTERNAL_HOST: host };
    await expect(checkSettings("persister", { env })).rejects.toMatchObject({
      problems: [expect.objectContaining({ key: "internalHost", fault: expect.stringMatching(fault) })],
    });
  });

  it.each([
    ["31 bytes", STRONG.slice(1)],
    ["a tutorial's", "your-256-bit-secret-your-256-bit-secret"],
    ["a placeholder", "please-CHANGE-ME-in-production-please"],
    ["a repeated letter", "a".repeat(64)],
  ])("a secret that is %s is refused and not shown", (_what, value) => {
    const problems = problemsOf({ env: { ...STORES, ROOKERY_JWT_SECRET: value } });
    expect(problems).toEqual([expect.objectContaining({ key: "jwtSecret", got: `a secret of ${value.length} bytes` })]);
  });

  it.each(["a key of words and blanks, long enough", "Schlüssel-k3J9vQ0xZr7LmN2pTs5WbY8c"])(
    "an API key that no header carries is refused: %s",
    (ROOKERY_API_KEY) => {
      expect(problemsOf({ env: { ...STORES, ROOKERY_API_KEY } }, "api")).toEqual([
        expect.objectContaining({ key: "apiKey", expected: expect.stringContaining("visible ASCII") }),
      ]);
    },
  );

  it("an address is shown without user, password and query, whatever is wrong with it", () => {
    const env = { ...STORES, ROOKERY_POSTGRES_URL: "http://user:pa@ss/w@host/db?password=hidden" };
    expect(problemsOf({ env })[0]?.got).toBe('"http://***@host/db?***"');
    const misplaced = [
      "user:word@host",
      "x://user:word",
      "x://:pa/word@host",
      "x://h?p=a@word",
      "x://h/0#word",
      "x://u:a?word@h",
    ];
    for (const value of misplaced) {
      expect(problemsOf({ env: { ...STORES, ROOKERY_REDIS_URL: value } })[0]?.got, value).not.toContain("word");
    }
  });

  it("in production a missing secret is refused, where elsewhere one is made", () => {
    const production = { ...STORES, NODE_ENV: "production" };
    expect(problemsOf({ env: production }).map(({ key }) => key)).toEqual(["jwtSecret"]);
    expect(problemsOf({ env: STORES })).toEqual([]);
  });

  it.each([
    ["two kinds of keys", { ROOKERY_JWT_SECRET: STRONG, ROOKERY_JWT_JWKS_URL: "https://a.example/k" }, "jwtSecret"],
    [
      "an issuer's keys over plain http",
      { ROOKERY_JWT_JWKS_URL: "http://a.example/k", ROOKERY_JWT_ALGORITHMS: "ES256" },
      "jwtJwksUrl",
    ],
    ["a wildcard origin", { ROOKERY_ALLOWED_ORIGINS: "https://*.example.com" }, "allowedOrigins"],
    ["an origin with a path", { ROOKERY_ALLOWED_ORIGINS: "https://a.example/" }, "allowedOrigins"],
    ["the origin null", { ROOKERY_ALLOWED_ORIGINS: "null" }, "allowedOrigins"],
    ["an origin with a query", { ROOKERY_ALLOWED_ORIGINS: "https://a.example?x" }, "allowedOrigins"],
    ["an origin with a user", { ROOKERY_ALLOWED_ORIGINS: "https://u@a.example" }, "allowedOrigins"],
    ["an origin of another scheme", { ROOKERY_ALLOWED_ORIGINS: "wss://a.example" }, "allowedOrigins"],
    ["an origin with a port that is none", { ROOKERY_ALLOWED_ORIGINS: "https://a.example:99999" }, "allowedOrigins"],
    ["a wildcard as an origin", { ROOKERY_ALLOWED_ORIGINS: "*" }, "allowedOrigins"],
    ["a network that is too long", { ROOKERY_TRUSTED_PROXIES: "10.0.0.0/33" }, "trustedProxies"],
    ["a network of IPv6 that is too long", { ROOKERY_TRUSTED_PROXIES: "fd00::/129" }, "trustedProxies"],
    ["an address that is cut off", { ROOKERY_TRUSTED_PROXIES: "10.0.0" }, "trustedProxies"],
    ["a name as a proxy", { ROOKERY_TRUSTED_PROXIES: "proxy.example" }, "trustedProxies"],
    ["a network with two lengths", { ROOKERY_TRUSTED_PROXIES: "10.0.0.0/8/8" }, "trustedProxies"],
    ["everybody as a proxy", { ROOKERY_TRUSTED_PROXIES: "0.0.0.0/0" }, "trustedProxies"],
    ["an algorithm that nobody knows", { ROOKERY_JWT_ALGORITHMS: "none" }, "jwtAlgorithms"],
    ["a fraction", { ROOKERY_SENDS_PER_SEC: "1.5" }, "sendsPerSec"],
    ["a number above its range", { ROOKERY_PORT: "65536" }, "port"],
    ["a boolean word", { ROOKERY_LOOPBACK_EXEMPT: "yes" }, "loopbackExempt"],
    ["a service link of Kubernetes", { ROOKERY_EDGE_SERVICE_HOST: "10.0.0.1" }, "ROOKERY_EDGE_SERVICE_HOST"],
  ])("%s is refused", (_what, env, key) => {
    expect(problemsOf({ env: { ...STORES, ...env } }).map((problem) => problem.key)).toContain(key);
  });
});
