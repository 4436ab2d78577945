import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { Compile } from "typebox/compile";
import { describeSettings, inspectSettings, loadSettings, SETTINGS, SettingsError } from "./index.ts";
import type { SettingRow, SettingsProblem, SettingsSources } from "./index.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function fileWith(content: string): string {
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
const STORES = { ...REDIS, ROOKERY_POSTGRES_URL: "postgres://127.0.0.1/rookery" };
const rows: readonly (readonly [string, SettingRow])[] = Object.entries(SETTINGS);

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

  it("is rendered whole, one line a setting", () => {
    const lines = describeSettings().split("\n");
    expect(lines).toHaveLength(rows.length + 2);
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
    expectTypeOf(loadSettings(["ack"], { env: {} }).ack).toEqualTypeOf<"fast">();
    expectTypeOf(loadSettings(["allowedOrigins"], { env: {} }).allowedOrigins).toEqualTypeOf<readonly string[]>();
    expectTypeOf(settings).not.toHaveProperty("sendsPerSec");
    expect(settings).toMatchObject({ batchEntries: 1000, batchLingerMs: 50, partitions: 64 });
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

  it("reads a secret from the file that *_FILE names, without its last newline", () => {
    const env = { ROOKERY_JWT_SECRET_FILE: fileWith(`${STRONG}\n`) };
    expect(loadSettings(["jwtSecret"], { env }).jwtSecret).toBe(STRONG);
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
      expect.objectContaining({ key: "ack", got: '"slow"', expected: "one of fast", source: "environment" }),
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
    ["31 bytes", STRONG.slice(1)],
    ["a tutorial's", "your-256-bit-secret-your-256-bit-secret"],
    ["a placeholder", "please-CHANGE-ME-in-production-please"],
    ["a repeated letter", "a".repeat(64)],
  ])("a secret that is %s is refused and not shown", (_what, value) => {
    const problems = problemsOf({ env: { ...STORES, ROOKERY_JWT_SECRET: value } });
    expect(problems).toEqual([expect.objectContaining({ key: "jwtSecret", got: `a secret of ${value.length} bytes` })]);
  });

  it("an address is shown without user, password and query, whatever is wrong with it", () => {
    const env = { ...STORES, ROOKERY_POSTGRES_URL: "http://user:pa@ss/w@host/db?password=hidden" };
    expect(problemsOf({ env })[0]?.got).toBe('"http://***@host/db?***"');
    const bare = { ...STORES, ROOKERY_REDIS_URL: "user:word@host" };
    expect(problemsOf({ env: bare })[0]?.got).not.toContain("word");
  });

  it("in production a missing secret is refused, where elsewhere one is made", () => {
    const production = { ...STORES, NODE_ENV: "production" };
    expect(problemsOf({ env: production }).map(({ key }) => key)).toEqual(["jwtSecret"]);
    expect(problemsOf({ env: STORES })).toEqual([]);
  });

  it.each([
    ["two kinds of keys", { ROOKERY_JWT_SECRET: STRONG, ROOKERY_JWT_JWKS_URL: "https://a.example/k" }, "jwtSecret"],
    [
      "an algorithm that does not fit a secret",
      { ROOKERY_JWT_SECRET: STRONG, ROOKERY_JWT_ALGORITHMS: "ES256" },
      "jwtAlgorithms",
    ],
    [
      "HS256 with public keys",
      { ROOKERY_JWT_JWKS_URL: "https://a.example/k", ROOKERY_JWT_ALGORITHMS: "HS256" },
      "jwtAlgorithms",
    ],
    ["published keys without an algorithm", { ROOKERY_JWT_JWKS_URL: "https://a.example/k" }, "jwtAlgorithms"],
    [
      "two algorithms",
      { ROOKERY_JWT_JWKS_URL: "https://a.example/k", ROOKERY_JWT_ALGORITHMS: "ES256,RS256" },
      "jwtAlgorithms",
    ],
    [
      "an issuer's keys over plain http",
      { ROOKERY_JWT_JWKS_URL: "http://a.example/k", ROOKERY_JWT_ALGORITHMS: "ES256" },
      "jwtJwksUrl",
    ],
    ["a wildcard origin", { ROOKERY_ALLOWED_ORIGINS: "https://*.example.com" }, "allowedOrigins"],
    ["an origin with a path", { ROOKERY_ALLOWED_ORIGINS: "https://a.example/" }, "allowedOrigins"],
    ["the origin null", { ROOKERY_ALLOWED_ORIGINS: "null" }, "allowedOrigins"],
    ["a fraction", { ROOKERY_SENDS_PER_SEC: "1.5" }, "sendsPerSec"],
    ["a number above its range", { ROOKERY_PORT: "65536" }, "port"],
    ["a boolean word", { ROOKERY_LOOPBACK_EXEMPT: "yes" }, "loopbackExempt"],
    ["a service link of Kubernetes", { ROOKERY_EDGE_SERVICE_HOST: "10.0.0.1" }, "ROOKERY_EDGE_SERVICE_HOST"],
  ])("%s is refused", (_what, env, key) => {
    expect(problemsOf({ env: { ...STORES, ...env } }).map((problem) => problem.key)).toContain(key);
  });
});
