// What each kind of process does with surroundings that are wrong: it ends with the exit code of the page on operating, or waits and says for
// what, in one line that names the setting or the store; nothing secret is in it, and nothing is left half started.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, testCertificates, testPostgres, testRedis, testTopology } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { spawnUnready } from "../service-process.ts";
import { freePort } from "./free-port.ts";
import type { ServiceKind } from "../service-process.ts";

const ENDS_WITHIN_MS = 30_000;
const SERVICES = ["edge", "api", "persister"] as const satisfies readonly ServiceKind[];
const SECRET = "a-secret-of-this-test-that-nobody-may-read";
const GIVEN = {
  edge: { ROOKERY_JWT_SECRET: SECRET },
  api: { ROOKERY_JWT_SECRET: SECRET, ROOKERY_API_KEY: SECRET },
  persister: { ROOKERY_AUDIT_KEY: SECRET },
} as const satisfies Record<ServiceKind, Record<string, string>>;

const [redis, lived, own, older, newer, trusted, stranger] = [
  await testRedis(),
  await testRedis(),
  await testPostgres(),
  await testPostgres({ migrated: false }),
  await testPostgres(),
  await testCertificates(),
  await testCertificates(),
];
const guarded = await testTopology({ kind: "single", tls: trusted.files, password: SECRET });
const guardedUrl = (login: string): string => guarded.url.replace(/\/\/[^@]*@/, `//${login}@`);

let folder: string;
let taken: Server;
/** Answers nothing and takes no second connection. */
let silent: Server;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rookery-bad-start-"));
  await mkdir(join(folder, "folder"));
  await writeFile(join(folder, "empty"), "\n");
  taken = createServer().listen(0, "127.0.0.1");
  silent = createServer((socket) => socket.pause()).listen(0, "127.0.0.1");
  await Promise.all([once(taken, "listening"), once(silent, "listening")]);
  await newer.sql`insert into schema_migrations (name, checksum) values ('0990-breaking-ids', 'x')`;
  // Another cluster's mark: what its first process leaves.
  await lived.redis.set("cluster", "another-cluster its-life");
});
afterAll(async () => {
  taken?.close();
  silent?.close();
  await rm(folder, { recursive: true, force: true });
});

const portOf = (server: Server): string => {
  const address = server.address();
  return String(typeof address === "object" && address !== null ? address.port : 0);
};
const stores = (): Record<string, string> => ({ ROOKERY_REDIS_URL: redis.url, ROOKERY_POSTGRES_URL: own.url });

interface Mistake {
  readonly what: string;
  readonly by: () => Readonly<Record<string, string>>;
  readonly of?: readonly ServiceKind[];
  readonly code: number;
  readonly says: RegExp;
}

const of = (...kinds: ServiceKind[]): readonly ServiceKind[] => kinds;
const MISTAKES: readonly Mistake[] = [
  {
    what: "an address of the page's sockets that is none",
    by: () => ({ ROOKERY_PUBLIC_WS_URLS: "https://chat.example.com/ws" }),
    of: of("api"),
    code: 78,
    says: /ROOKERY_PUBLIC_WS_URLS/,
  },
  {
    what: "a sign-in path that leads to another host",
    by: () => ({ ROOKERY_PAGE_SIGN_IN_URL: "//other.example/token" }),
    of: of("api"),
    code: 78,
    says: /ROOKERY_PAGE_SIGN_IN_URL/,
  },
  {
    what: "a sign-in address that runs as a script",
    by: () => ({ ROOKERY_PAGE_SIGN_IN_URL: "javascript:alert(1)" }),
    of: of("api"),
    code: 78,
    says: /ROOKERY_PAGE_SIGN_IN_URL/,
  },
  {
    what: "production without a key of tokens",
    by: () => ({ NODE_ENV: "production", ROOKERY_JWT_SECRET: "" }),
    of: of("edge", "api"),
    code: 78,
    says: /ROOKERY_JWT_SECRET/,
  },
  {
    what: "production without a key of the audit log",
    by: () => ({ NODE_ENV: "production", ROOKERY_AUDIT_KEY: "" }),
    of: of("persister"),
    code: 78,
    says: /ROOKERY_AUDIT_KEY/,
  },
  {
    what: "a secret too short",
    by: () => ({ NODE_ENV: "production", ROOKERY_JWT_SECRET: "short" }),
    of: of("edge", "api"),
    code: 78,
    says: /ROOKERY_JWT_SECRET.*32/,
  },
  {
    what: "a secret's file that is not there",
    by: () => ({ ROOKERY_REDIS_URL: "", ROOKERY_REDIS_URL_FILE: join(folder, "none") }),
    code: 78,
    says: /ROOKERY_REDIS_URL_FILE.*none/,
  },
  {
    what: "a secret's file that is a folder",
    by: () => ({ ROOKERY_POSTGRES_URL: "", ROOKERY_POSTGRES_URL_FILE: join(folder, "folder") }),
    code: 78,
    says: /ROOKERY_POSTGRES_URL_FILE.*folder/,
  },
  {
    what: "a secret's file that is empty",
    by: () => ({ ROOKERY_REDIS_URL: "", ROOKERY_REDIS_URL_FILE: join(folder, "empty") }),
    code: 78,
    says: /ROOKERY_REDIS_URL/,
  },
  {
    what: "a secret twice, by value and by file",
    by: () => ({ ROOKERY_REDIS_URL_FILE: join(folder, "empty") }),
    code: 78,
    says: /ROOKERY_REDIS_URL/,
  },
  {
    what: "a CA that is no certificate",
    by: () => ({ ROOKERY_REDIS_CA_FILE: join(folder, "empty") }),
    code: 78,
    says: /ROOKERY_REDIS_CA/,
  },
  {
    what: "a database of Redis other than 0",
    by: () => ({ ROOKERY_REDIS_URL: `${redis.url}/1` }),
    code: 78,
    says: /ROOKERY_REDIS_URL/,
  },
  {
    what: "a setting that does not exist",
    by: () => ({ ROOKERY_REDIS_ULR: "x" }),
    code: 78,
    says: /ROOKERY_REDIS_ULR.*ROOKERY_REDIS_URL/,
  },
  {
    what: "a public port that is taken",
    by: () => ({ ROOKERY_PORT: portOf(taken) }),
    of: of("edge", "api"),
    code: 1,
    says: /port.*taken|EADDRINUSE/,
  },
  {
    what: "an internal port that is taken",
    by: () => ({ ROOKERY_INTERNAL_PORT: portOf(taken) }),
    code: 1,
    says: /port.*taken|EADDRINUSE/,
  },
  {
    what: "a schema that a newer build has broken with",
    by: () => ({ ROOKERY_POSTGRES_URL: newer.url }),
    code: 78,
    says: /newer build.*0990-breaking-ids/,
  },
  {
    what: "another cluster's Redis",
    by: () => ({ ROOKERY_REDIS_URL: lived.url }),
    code: 78,
    says: /belongs to another cluster.*remove the key/,
  },
];

const WAITS: readonly Omit<Mistake, "code">[] = [
  { what: "no Redis", by: () => ({ ROOKERY_REDIS_URL: "redis://127.0.0.1:1" }), says: /Redis does not answer/ },
  {
    what: "a Redis whose name does not resolve",
    by: () => ({ ROOKERY_REDIS_URL: "redis://nowhere.invalid" }),
    says: /Redis does not answer/,
  },
  {
    what: "a Redis that takes connections and is silent",
    by: () => ({ ROOKERY_REDIS_URL: `redis://127.0.0.1:${portOf(silent)}` }),
    says: /Redis does not answer/,
  },
  {
    what: "a wrong password of Redis",
    by: () => ({ ROOKERY_REDIS_URL: guardedUrl(":wrong"), ROOKERY_REDIS_CA_FILE: trusted.files.ca }),
    says: /WRONGPASS|NOAUTH/,
  },
  {
    what: "a Redis whose CA is another",
    by: () => ({ ROOKERY_REDIS_URL: guardedUrl(`:${SECRET}`), ROOKERY_REDIS_CA_FILE: stranger.files.ca }),
    says: /certificate/,
  },
  {
    what: "a Redis whose certificate has another name",
    by: () => ({
      ROOKERY_REDIS_URL: guardedUrl(`:${SECRET}`).replace("127.0.0.1", "localhost"),
      ROOKERY_REDIS_CA_FILE: trusted.files.ca,
    }),
    says: /localhost|altnames/i,
  },
  {
    what: "TLS to a Redis that has none",
    by: () => ({ ROOKERY_REDIS_URL: redis.url.replace("redis:", "rediss:") }),
    says: /TLS|SSL|wrong version/i,
  },
  {
    what: "no Postgres",
    by: () => ({ ROOKERY_POSTGRES_URL: "postgres://rookery@127.0.0.1:1/rookery" }),
    says: /ECONNREFUSED/,
  },
  {
    what: "a Postgres whose name does not resolve",
    by: () => ({ ROOKERY_POSTGRES_URL: "postgres://rookery@nowhere.invalid/rookery" }),
    says: /ENOTFOUND|EAI_AGAIN/,
  },
  {
    what: "a wrong database",
    by: () => ({ ROOKERY_POSTGRES_URL: own.url.replace(/\/[^/]*$/, "/nowhere") }),
    says: /nowhere/,
  },
  {
    what: "TLS to a Postgres that has none",
    by: () => ({ ROOKERY_POSTGRES_URL: `${own.url}?sslmode=require` }),
    says: /TLS/,
  },
  { what: "a database without tables", by: () => ({ ROOKERY_POSTGRES_URL: older.url }), says: /rookery migrate up/ },
];

const told = (log: readonly string[]): string => log.join("\n");
const start = (kind: ServiceKind, by: Readonly<Record<string, string>>) => {
  const given: Readonly<Record<string, string>> = { ...GIVEN[kind], ...stores(), ...by };
  const settings = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
  return spawnUnready({ kind, settings, atEnd: onTestFinished });
};

describe.each(MISTAKES)("$what", ({ by, of: kinds = SERVICES, code, says }) => {
  it.each(kinds)(
    `ends %s with ${code}, says why in one line, and leaves nothing`,
    async (kind) => {
      const { ended, log } = start(kind, by());
      expect(await ended, told(log())).toBe(code);
      const why = log().filter((line) => says.test(line));
      expect(why.length, told(log())).toBeGreaterThan(0);
      expect(told(log())).not.toContain(SECRET);
      expect(await redis.redis.keys("*node*")).toEqual([]);
    },
    ENDS_WITHIN_MS,
  );
});

describe.each(WAITS)("$what", ({ by, says }) => {
  it.each(SERVICES)("lets %s wait without being ready, and say for what", async (kind) => {
    const port = String(await freePort());
    const { log } = start(kind, { ...by(), ROOKERY_INTERNAL_PORT: port });
    await eventually(() => expect(told(log())).toMatch(says), { withinMs: 20_000 });
    const answer = await eventually(() => fetch(`http://127.0.0.1:${port}/readyz`), { withinMs: 20_000 });
    expect(answer.status).toBe(503);
    expect(told(log())).not.toContain(SECRET);
    expect(told(log())).not.toMatch(/\n\s+at |"stack"/);
  });
});
