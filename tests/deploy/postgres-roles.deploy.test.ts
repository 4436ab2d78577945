// A role for each kind of process in Postgres: a whole cluster does all its work by them, and each may do in every table what
// is written here, and nothing else.
import { readFileSync } from "node:fs";
import { migrationStatus } from "@rookery/store";
import { eventually, testTopology } from "@rookery/testkit";
import postgres from "postgres";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROLES_FILE, startGuardedPostgres } from "../guarded-postgres.ts";
import type { GuardedPostgres } from "../guarded-postgres.ts";
import { SECRETS, startRoleCluster } from "../role-cluster.ts";
import type { RoleCluster } from "../role-cluster.ts";

const ROLES = ["edge", "api", "persister", "reader"] as const;
/**
 * What edge, api, persister and reader may do in each table: select, insert, update (u: some columns), delete. A table that a migration adds has to
 * be given a line here and, where a process needs it, one in grant_process_roles.
 */
const RIGHTS: Readonly<Record<string, string>> = {
  announcements: "SID SIUD - -",
  api_keys: "- SIU - -",
  audit_log: "- S SI S",
  bans: "S SIUD SUD -",
  channels: "SIu SIU SU -",
  cluster_settings: "SI SI SI -",
  dead_letters: "S S SIUD -",
  global_rights: "S SU - -",
  members: "SIu SIUD SUD -",
  mentions: "S S SIUD -",
  messages: "S S SIUD -",
  messages_0: "- - - -",
  messages_1: "- - - -",
  messages_2: "- - - -",
  messages_3: "- - - -",
  messages_4: "- - - -",
  messages_5: "- - - -",
  messages_6: "- - - -",
  messages_7: "- - - -",
  mutes: "S SIUD SUD -",
  outbox_positions: "S S SIU S",
  quarantine: "- - SIUD -",
  reactions: "S S SIUD -",
  read_positions: "S - SIUD -",
  readable_messages: "- - - S",
  redis_lives: "S S SIUD -",
  refresh_tokens: "- SIUD - -",
  revocations: "S SIUD - -",
  schema_migrations: "S S S -",
  user_bans: "S SIU - -",
  users: "- S SIU -",
};

const REFUSED: readonly (readonly [string, string])[] = [
  ...["edge", "api", "persister"].flatMap((role): [string, string][] => [
    [role, "update audit_log set actor = 'eve'"],
    [role, "delete from audit_log"],
    [role, "truncate messages"],
    [role, "drop table audit_log"],
    [role, "alter table audit_log disable trigger all"],
    [role, "create table of_my_own (id integer)"],
    [role, "create temporary table of_my_own (id integer)"],
    [role, "create or replace function now_ms() returns bigint language sql as 'select 0::bigint'"],
    [role, "create role eve"],
    [role, "grant rookery_writer to rookery_edge"],
    [role, "set role rookery_migrator"],
    [role, "insert into schema_migrations (name, checksum) values ('9999-x', 'x')"],
    [role, "select pg_read_file('/etc/passwd')"],
    [role, "copy messages to program 'cat'"],
  ]),
  ["edge", "select * from api_keys"],
  ["edge", "select * from refresh_tokens"],
  ["edge", "select * from audit_log"],
  ["edge", "update messages set body = 'x'"],
  ["edge", "delete from bans"],
  ["edge", "delete from revocations"],
  ["edge", "update user_bans set lifted_at = 1"],
  ["edge", "update channels set password_hash = null"],
  ["edge", "update channels set deleted_at = null"],
  ["edge", "delete from members"],
  ["api", "update messages set body = 'x'"],
  ["api", "insert into audit_log (n) values (1)"],
  ["api", "update outbox_positions set last_number = 0"],
  ["api", "update cluster_settings set value = 'x'"],
  ["persister", "select * from api_keys"],
  ["persister", "select * from refresh_tokens"],
  ["persister", "insert into members (channel, user_id, role) values ('a', 'b', 'owner')"],
  ["persister", "delete from revocations"],
  ["migrator", "create role eve"],
  ["migrator", "alter system set fsync = off"],
];

const topology = await testTopology({ kind: "single" });
const teardowns: (() => Promise<void>)[] = [];
let store: GuardedPostgres;
beforeAll(async () => {
  store = await startGuardedPostgres();
  teardowns.unshift(store.stop);
});
afterAll(async () => {
  for (const stop of teardowns) await stop();
});

describe("the roles of Postgres", () => {
  it("may do in each table what is decided here, and in no table that is missing here", async () => {
    const rows = await store.admin<{ table: string; rights: string }[]>`
      select c.relname as table, string_agg(coalesce(nullif(concat(
        case when has_table_privilege(r.name, c.oid, 'select') then 'S' end,
        case when has_table_privilege(r.name, c.oid, 'insert') then 'I' end,
        case
          when has_table_privilege(r.name, c.oid, 'update') then 'U'
          when has_any_column_privilege(r.name, c.oid, 'update') then 'u'
        end,
        case when has_table_privilege(r.name, c.oid, 'delete') then 'D' end,
        case when has_table_privilege(r.name, c.oid, 'truncate, references, trigger') then '!' end
      ), ''), '-'), ' ' order by r.at) as rights
      from pg_class c
      cross join unnest(${ROLES.map((role) => `rookery_${role}`)}::text[]) with ordinality as r (name, at)
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
      group by c.relname`;
    expect(Object.fromEntries(rows.map(({ table, rights }) => [table, rights]))).toEqual(RIGHTS);
  });

  it("own nothing but for the migrator, who owns all of it and is no superuser", async () => {
    const owners = await store.admin`
      select distinct pg_get_userbyid(o.owner) as owner
      from (
        select relowner as owner from pg_class where relnamespace = 'public'::regnamespace
        union all select proowner from pg_proc where pronamespace = 'public'::regnamespace
        union all select datdba from pg_database where datname = current_database()
      ) as o`;
    expect(owners).toEqual([{ owner: "rookery_migrator" }]);
    const mighty = await store.admin`
      select rolname from pg_roles
      where rolname like 'rookery\\_%' and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)`;
    expect(mighty).toEqual([]);
  });

  it.each(REFUSED)("%s may not %s", async (role, statement) => {
    const login = role === "migrator" ? "rookery_migrator" : `rookery_${role}_a`;
    const sql = postgres(store.urlOf(login), { max: 1, onnotice: () => undefined });
    try {
      await expect(sql.unsafe(statement)).rejects.toThrow(/permission denied|must be owner|must be able to SET/);
    } finally {
      await sql.end();
    }
  });

  it("let nobody in by the second login before it has a password", async () => {
    const sql = postgres(store.urlOf("rookery_edge_b"), { max: 1 });
    await expect(sql`select 1`).rejects.toThrow(/password authentication failed/);
    await sql.end();
  });

  it("take over a database that one role for all has filled", async () => {
    await store.admin.unsafe("create database former");
    const former = store.urlOf("rookery_migrator").replace(/\/chat$/, "/former");
    const admin = postgres(former.replace(/\/\/[^@]*@/, "//postgres@"), { max: 1, onnotice: () => undefined });
    teardowns.unshift(() => admin.end());
    const { migrateUp } = await import("@rookery/store");
    await migrateUp(former.replace(/\/\/[^@]*@/, "//postgres@"));
    await admin.unsafe(readFileSync(ROLES_FILE, "utf8"));
    expect(await ownersIn(admin)).toEqual(["rookery_migrator"]);
    expect((await migrationStatus(former)).every(({ state }) => state === "applied")).toBe(true);
  });
});

const ownersIn = async (sql: Sql): Promise<string[]> => {
  const rows = await sql<{ owner: string }[]>`
    select distinct pg_get_userbyid(relowner) as owner from pg_class where relnamespace = 'public'::regnamespace`;
  return rows.map(({ owner }) => owner);
};

describe("a cluster by these roles", () => {
  let cluster: RoleCluster;
  beforeAll(async () => {
    cluster = await startRoleCluster({
      settingsOf: (kind) => ({
        ROOKERY_REDIS_URL: topology.url,
        ROOKERY_POSTGRES_URL: store.urlOf(`rookery_${kind}_a`),
        ...SECRETS[kind],
      }),
      atEnd: (stop) => teardowns.unshift(stop),
    });
  });

  it("makes channels, lets in by password, moderates, gives tokens and keys, stores everything, and is denied nothing", async () => {
    const { ask } = cluster;
    const ann = await cluster.client("ann", "edge-1");
    const bob = await cluster.client("bob", "edge-2");
    teardowns.unshift(async () => void (await Promise.all([ann.close(), bob.close()])));
    await ann.join("made", { persisted: true });
    await bob.join("made");
    const { id = "", epoch = 0, seq = 0 } = await ann.send("made", "hello");
    await ann.waitFor((frame) => frame.type === "persisted" && frame.seq === seq);
    await bob.change({ type: "react", channel: "made", id, emoji: "👍", on: true });
    await ann.change({ type: "edit", channel: "made", id, body: "hello all" });
    await bob.request({ type: "read", channel: "made", epoch, seq });
    await ask("POST", "/v1/channels", { id: "locked", kind: "password", password: "open sesame", owner: "ann" });
    expect(await bob.join("locked", { password: "open sesame" })).toMatchObject({ type: "ok" });
    await ask("PUT", "/v1/channels/locked/mutes/bob", { forSec: 60 });
    await ask("PATCH", "/v1/channels/locked", { settings: { retentionDays: 1 } });
    const tokens = JSON.stringify(await ask("POST", "/v1/tokens", { user: "cat" }));
    const refreshToken = /"refreshToken":"([^"]+)"/.exec(tokens)?.[1];
    await ask("POST", "/v1/auth/refresh", { refreshToken });
    await ask("POST", "/v1/revocations", { user: "cat" });
    await ask("PUT", "/v1/channels/made/bans/bob", { forSec: 60 });
    await ask("PUT", "/v1/users/cat/ban", { forSec: 60 });
    await ask("GET", `/v1/explain?message=${id}&user=bob&channel=made`);
    await ask("GET", "/v1/audit");
    await ann.change({ type: "delete", channel: "made", id });
    await ask("DELETE", "/v1/channels/locked");
    await eventually(async () => {
      const [stored] = await store.admin`
        select (select count(*)::integer from messages where channel = 'made') as messages,
          (select count(*)::integer from read_positions where channel = 'made') as reads,
          (select count(*)::integer from users where id in ('ann', 'bob')) as users,
          (select count(*)::integer from audit_log where kind in ('connect', 'ban', 'mute', 'revoke')) > 4 as audited,
          (select count(*)::integer from announcements) as announcements`;
      expect(stored).toEqual({ messages: 4, reads: 1, users: 2, audited: true, announcements: 0 });
    });
    // As the persister that has this duty does once a minute.
    const persister = postgres(store.urlOf("rookery_persister_a"), { max: 1 });
    teardowns.unshift(() => persister.end());
    const far = Date.now() + 86_400_000;
    const [removed] = await persister`
      select expire_messages('made', ${far}, 100) > 0 as expired, purge_channel('locked', 100) > 0 as purged`;
    expect(removed).toEqual({ expired: true, purged: true });
    const logs = (["edge-1", "edge-2", "api", "persister-1", "persister-2"] as const).flatMap((name) =>
      cluster.process(name).log(),
    );
    expect(logs.filter((line) => /permission denied/.test(line))).toEqual([]);
  });
});
