// `rookery doctor` before a real Redis and a real Postgres, which are made wrong one by one: it says what is wrong and how to mend
// it, ends with the code that goes with it, and leaves nothing behind in either.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKeys, createPartitions } from "@rookery/broker";
import { SETTINGS } from "@rookery/node";
import { testPostgres, testRedis } from "@rookery/testkit";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { DATA_FOLDER, writeClusterFile } from "../cluster-file.ts";
import type { Check } from "../doctor/check.ts";
import { runCommand } from "../control/fake-api.suite.ts";

const SECRET = "a7Xq2LmZ9pTfWc4KdR8vYbN3sHgJ6uEe";
const ARGS = { appendonly: "yes", maxmemory: "1gb", "client-output-buffer-limit": "pubsub 128mb 64mb 30" };
const redis = await testRedis({ args: ARGS });
const postgres = await testPostgres();
const unmade = await testPostgres({ migrated: false });
const asRole = await testPostgres();

/** Who logs in to that database as the one user there is goes on as this role, which that one was granted. */
async function logInAs(role: string): Promise<void> {
  const { username, pathname } = new URL(asRole.url);
  // Its own connections are made before: they stay who they were.
  await asRole.sql`select 1`;
  await postgres.sql.unsafe(`alter role ${username} in database ${pathname.slice(1)} set role to ${role}`);
}

/** Of a cluster with as many partitions as there are unless told. */
const keys = createKeys(createPartitions(SETTINGS.partitions.default));

const ENV = {
  ...{ ROOKERY_REDIS_URL: redis.url, ROOKERY_POSTGRES_URL: postgres.url, ROOKERY_JWT_SECRET: SECRET },
  ...{ ROOKERY_AUDIT_KEY: SECRET, ROOKERY_PORT: "0", ROOKERY_INTERNAL_PORT: "0", ROOKERY_MAX_CONNECTIONS: "100" },
};

type Service = "edge" | "api" | "persister" | "migrate";

/** What it says as JSON, with its exit code. */
async function examined(env: Readonly<Record<string, string>> = {}, service: Service = "edge") {
  const { code, out } = await runCommand(["doctor", service, "--json"], { env: { ...ENV, ...env } });
  const answer: unknown = JSON.parse(out);
  if (!isAnswer(answer)) throw new Error(`it said ${out}`);
  const of = (wanted: string): Omit<Check, "name"> | undefined => answer.checks.find(({ name }) => name === wanted);
  return { code, ok: answer.ok, checks: answer.checks, of };
}

function isAnswer(value: unknown): value is { readonly ok: boolean; readonly checks: readonly Check[] } {
  return typeof value === "object" && value !== null && "ok" in value && "checks" in value;
}

const changed = new Map<string, string>();
async function configure(name: string, value: string): Promise<void> {
  const [, before = ""] = await redis.redis.config("GET", name);
  if (!changed.has(name)) changed.set(name, before);
  await redis.redis.config("SET", name, value);
}

beforeEach(async () => {
  await redis.flush();
  await postgres.sql`truncate cluster_settings`;
});
afterEach(async () => {
  for (const [name, value] of changed) await redis.redis.config("SET", name, value);
  changed.clear();
});

describe("a doctor that finds all well", () => {
  it.each(["edge", "api", "persister"] as const)("says so of %s, and exits 0", async (service) => {
    const { code, ok, checks } = await examined({}, service);
    const wrong = checks.filter(({ verdict }) => verdict === "trouble");
    expect(wrong).toEqual([]);
    expect({ code, ok }).toEqual({ code: 0, ok: true });
  });

  it("says of the migrations what concerns Postgres, and nothing of Redis", async () => {
    const { code, checks } = await examined({}, "migrate");
    expect(code).toBe(0);
    expect(checks.map(({ name }) => name).filter((name) => name.startsWith("redis"))).toEqual([]);
  });

  it("leaves neither a key in Redis nor a table in Postgres", async () => {
    await examined({ ROOKERY_POSTGRES_URL: unmade.url });
    expect(await redis.redis.dbsize()).toBe(0);
    expect(await unmade.sql`select 1 from pg_class where relnamespace = 'public'::regnamespace`).toHaveLength(0);
  });

  it("prints a line a check for people, and the sums", async () => {
    const { code, out } = await runCommand(["doctor"], { env: ENV });
    const lines = out.split("\n");
    expect(code).toBe(0);
    expect(lines.slice(0, -1).every((line) => /^(ok|warning|trouble) +[a-z]/.test(line))).toBe(true);
    expect(lines.at(-1)).toMatch(/^0 in trouble, \d+ to look at, \d+ well$/);
  });
});

describe("a doctor that is told of no store", () => {
  it("looks at those of the rookery dev that runs in this directory", async () => {
    const cwd = await mkdtemp(join(tmpdir(), "rookery-doctor-"));
    onTestFinished(() => rm(cwd, { recursive: true }));
    await mkdir(join(cwd, DATA_FOLDER));
    await writeClusterFile(join(cwd, DATA_FOLDER), {
      ...{ ready: true, pid: process.pid, ws: [], api: "http://127.0.0.1:1", apiKey: "k", processes: [] },
      ...{ jwt: { alg: "HS256", issuer: "i", audience: "a" }, redis: redis.url, postgres: postgres.url },
    });
    const { code, out } = await runCommand(["doctor"], { cwd });
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^ok +settings +those of the rookery dev that runs here .process ${process.pid}.`));
    expect(out).toContain(`${new URL(redis.url).host} answers`);
    expect((await runCommand(["doctor"])).code).toBe(78);
  });
});

describe("a Redis that is not as it should be", () => {
  it.each([
    ["maxmemory-policy", "allkeys-lru", 1, "redis eviction", "trouble", "noeviction"],
    ["appendonly", "no", 0, "redis persistence", "warning", "appendonly yes"],
    ["maxmemory", "0", 0, "redis memory", "warning", "set maxmemory"],
    ["maxmemory", "100mb", 1, "redis memory", "trouble", "raise maxmemory"],
    ["client-output-buffer-limit", "pubsub 1mb 1mb 1", 0, "redis subscribers", "warning", "128mb 64mb 30"],
  ])("by %s %s is told, and ends with %i", async (setting, value, code, check, verdict, fix) => {
    await configure(setting, value);
    const told = await examined();
    expect(told.code).toBe(code);
    expect(told.of(check)).toMatchObject({ verdict, fix: expect.stringContaining(fix) as unknown });
  });

  it("by no replica is told where an ok waits for one", async () => {
    const told = await examined({ ROOKERY_ACK: "safe" });
    expect(told.code).toBe(1);
    expect(told.of("redis replicas")).toMatchObject({ verdict: "trouble" });
  });

  it("is seen by the least rights but for its configuration, of which it says so", async () => {
    const page = readFileSync("docs/operating.md", "utf8");
    const line = /^# servers.*\n(ACL SETUSER .*)$/m.exec(page)?.[1] ?? "";
    const [command = "", ...words] = line.replace("SECRET", "secret").split(" ");
    await redis.redis.call(command, ...words);
    const url = redis.url.replace("redis://", "redis://rookery:secret@");
    const told = await examined({ ROOKERY_REDIS_URL: url });
    expect(told.code).toBe(0);
    expect(told.of("redis rights")).toMatchObject({ verdict: "ok" });
    expect(told.of("redis subscribers")).toMatchObject({
      verdict: "warning",
      found: expect.stringContaining("cannot be seen") as unknown,
    });

    await redis.redis.call("ACL", "SETUSER", "rookery", "-hset");
    const less = await examined({ ROOKERY_REDIS_URL: url });
    expect(less.code).toBe(1);
    expect(less.of("redis rights")).toMatchObject({
      verdict: "trouble",
      found: expect.stringContaining("hset {") as unknown,
    });
  });
});

describe("a Postgres that is not as it should be", () => {
  it("by an older schema is told to be migrated", async () => {
    const told = await examined({ ROOKERY_POSTGRES_URL: unmade.url });
    expect(told.code).toBe(1);
    expect(told.of("schema")).toMatchObject({
      verdict: "trouble",
      fix: expect.stringContaining("rookery migrate up") as unknown,
    });
  });

  it.each([
    ["9999-later", 0, "warning"],
    ["9999-breaking-later", 1, "trouble"],
  ])("by a migration %s of a newer build is told, and ends with %i", async (name, code, verdict) => {
    await postgres.sql`insert into schema_migrations (name, checksum) values (${name}, 'c')`;
    onTestFinished(async () => void (await postgres.sql`delete from schema_migrations where name = ${name}`));
    const told = await examined();
    expect(told.code).toBe(code);
    expect(told.of("schema")).toMatchObject({
      verdict,
      found: expect.stringContaining(name) as unknown,
      fix: "upgrade this build",
    });
  });

  it("by a role without the rights of a process is told, by what is missing", async () => {
    const env = { ROOKERY_POSTGRES_URL: asRole.url };
    await logInAs("rookery_reader");
    const reader = await examined(env);
    expect(reader.code).toBe(1);
    expect(reader.of("postgres rights")).toMatchObject({
      verdict: "trouble",
      found: expect.stringMatching(/^rookery_reader lacks .* on /) as unknown,
    });
    expect(reader.of("schema")).toMatchObject({
      verdict: "warning",
      found: expect.stringContaining("may not see") as unknown,
    });

    await logInAs("rookery_writer");
    for (const service of ["edge", "api", "persister"] as const)
      expect((await examined(env, service)).of("postgres rights"), service).toMatchObject({ verdict: "ok" });
    expect((await examined(env, "migrate")).of("postgres rights")).toMatchObject({
      verdict: "trouble",
      found: expect.stringMatching(/lacks create in the schema, ownership of .*, \d+ more$/) as unknown,
    });
  });

  it("by no usage of its schema is told, and is not taken for one without tables", async () => {
    await logInAs("rookery_writer");
    await asRole.sql`revoke usage on schema public from public, rookery_writer`;
    const told = await examined({ ROOKERY_POSTGRES_URL: asRole.url });
    expect(told.code).toBe(1);
    expect(told.of("postgres rights")).toMatchObject({
      verdict: "trouble",
      found: "rookery_writer lacks usage of a schema",
    });
    expect(told.of("schema")).toMatchObject({ verdict: "warning" });
  });
});

describe("a Postgres that has less than Redis was told is saved, as a standby that took over without its last commits", () => {
  it("is told with the partition and where to read what to do, and one that has all is well", async () => {
    await redis.redis.hset(keys.partition(3).part, "stored", "7-9");
    await postgres.sql`insert into outbox_positions (partition, last_epoch, last_number) values (3, 7, 9)`;
    onTestFinished(async () => void (await postgres.sql`truncate outbox_positions`));
    expect((await examined()).of("saved")).toMatchObject({ verdict: "ok" });

    await postgres.sql`update outbox_positions set last_number = 5`;
    for (const service of ["edge", "api", "persister"] as const) {
      const told = await examined({}, service);
      expect(told.code, service).toBe(1);
      expect(told.of("saved"), service).toMatchObject({
        verdict: "trouble",
        found: expect.stringContaining("partition 3 up to 7-5, and Redis was told 7-9") as unknown,
        fix: expect.stringContaining("docs/runbook.md#backup-and-restore") as unknown,
      });
    }
  });
});

describe("stores that are not of one cluster", () => {
  it("by another number of partitions are told, with the number to set", async () => {
    await redis.redis.set("partitions", "32");
    const told = await examined();
    expect(told.code).toBe(1);
    expect(told.of("partitions")).toMatchObject({ verdict: "trouble", fix: "set ROOKERY_PARTITIONS=32" });
  });

  it("by another cluster's Redis are told", async () => {
    await redis.redis.set("cluster", "other life");
    await postgres.sql`insert into cluster_settings (name, value) values ('cluster', 'own')`;
    const told = await examined();
    expect(told.code).toBe(1);
    expect(told.of("cluster id")).toMatchObject({
      verdict: "trouble",
      found: "Redis belongs to other, Postgres to own",
    });
  });
});

describe("a machine that is not as it should be", () => {
  it("by a port that is taken is told, with who has it", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const address = server.address();
    const port = String(typeof address === "object" && address !== null ? address.port : 0);
    const told = await examined({ ROOKERY_PORT: port });
    expect(told.code).toBe(1);
    expect(told.of("ports")).toMatchObject({
      verdict: "trouble",
      found: expect.stringContaining(`:${port}: the port is taken`) as unknown,
    });
  });
});

describe("wrong settings", () => {
  it("are told one by one, and it ends with 78 without a look at anything else", async () => {
    const { code, ok, checks } = await examined({ ROOKERY_REDIS_URL: "redis://host/1", ROOKERY_PORT: "many" });
    expect({ code, ok }).toEqual({ code: 78, ok: false });
    expect(checks.map(({ name }) => name)).toEqual(["settings", "settings"]);
    expect(
      checks
        .map(({ found }) => found)
        .toSorted()
        .join("\n"),
    ).toMatch(/ROOKERY_PORT is .*\n.*ROOKERY_REDIS_URL is/);
  });
});
