// What `deploy/compose/secrets.sh` makes lets each kind of process into both stores as themselves: the aclfile into a real Redis, the
// roles into a real Postgres, by Postgres' own client as docker-compose.yml and the small overlay of deploy/k8s run it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@rookery/servers";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGuardedPostgres } from "../guarded-postgres.ts";
import type { GuardedPostgres } from "../guarded-postgres.ts";
import { readCompose } from "./compose-file.ts";
import { debianTool } from "./tools.ts";

const psql = debianTool("psql", "postgresql-client");
const folder = mkdtempSync(join(tmpdir(), "rookery-logins-"));
const teardowns: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

beforeAll(() => {
  execFileSync("deploy/compose/secrets.sh", [folder]);
});
afterAll(async () => {
  for (const stop of teardowns) await stop();
});

const KINDS = ["edge", "api", "persister"] as const;

it("the aclfile is one that Redis takes, and lets in each by its address and nobody without", async () => {
  const aclfile = join(folder, "aclfile");
  writeFileSync(aclfile, "user default on nopass ~* &* +@all\n");
  const server = await startRedis({ args: { appendonly: "no", aclfile: JSON.stringify(aclfile) } });
  teardowns.unshift(server.stop);
  const open = (url: string): Redis =>
    new Redis(url, { retryStrategy: () => null, enableReadyCheck: false, lazyConnect: true });
  const asked = async (url: string): Promise<unknown> => {
    const client = open(url);
    client.on("error", () => undefined);
    try {
      return await client.call("ACL", "WHOAMI");
    } finally {
      client.disconnect();
    }
  };
  const admin = open(server.url);
  admin.on("error", () => undefined);
  writeFileSync(aclfile, read("redis_users"));
  expect(await admin.call("ACL", "LOAD")).toBe("OK");
  admin.disconnect();
  for (const kind of KINDS) {
    const url = read(`redis_url_${kind}`).replace("redis:6379", `127.0.0.1:${server.port}`);
    // May say who it is by no command of its own, and is known by name in the refusal.
    await expect(asked(url), kind).rejects.toThrow(new RegExp(`NOPERM.*${kind}|NOPERM this user`, "i"));
    const client = open(url);
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
  }
  await expect(asked(server.url)).rejects.toThrow(/NOAUTH/);
});

describe.skipIf(psql === undefined)("the roles", () => {
  let store: GuardedPostgres;
  beforeAll(async () => {
    store = await startGuardedPostgres();
    teardowns.unshift(store.stop);
  });

  it("are made by the command of docker-compose.yml, as often as it runs, and each login enters by its address", async () => {
    const at = new URL(store.urlOf("nobody"));
    const said = readCompose().services["roles"]?.command?.at(-1) ?? "";
    const words = said
      .slice(said.indexOf("psql ") + "psql ".length)
      .trim()
      .split(/\s+/);
    const here = {
      "--host": at.hostname,
      "--username": "postgres",
      "--dbname": "chat",
      "--file": join(folder, "postgres_roles"),
    };
    const places = new Map(Object.entries(here));
    const args = words.map((word, n) => places.get(words[n - 1] ?? "") ?? word);
    for (let runs = 0; runs < 2; runs += 1) execFileSync(psql ?? "", ["--port", at.port, ...args]);
    for (const part of [...KINDS, "migrate"]) {
      const url = read(`postgres_url_${part}`).replace("postgres:5432/rookery", `${at.host}/chat`);
      const sql = postgres(url, { max: 1 });
      const [row] = await sql`select current_user as me`;
      expect(row?.["me"]).toBe(part === "migrate" ? "rookery_migrator" : `rookery_${part}_a`);
      await sql.end();
    }
  });
});
