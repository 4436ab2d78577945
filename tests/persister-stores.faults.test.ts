// Postgres as it fails in earnest, under a cluster that goes on talking: read-only, its disk full, its tables locked for a
// minute, stopped until the outbox is full. Chat flows, nothing counts as an entry's fault, and afterwards everything that was
// acknowledged is stored once.
import { execFile } from "node:child_process";
import { chmod, chown, cp, mkdtemp, open, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startPostgres } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import { eventually } from "@rookery/testkit";
import type { ChatClient, Frame } from "@rookery/testkit";
import postgres from "postgres";
import type { Sql } from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startLoggedCluster } from "./logged-cluster.ts";
import type { LoggedCluster } from "./logged-cluster.ts";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";
import type { Speaker, Talk } from "./talk.ts";

const run = promisify(execFile);

const DISK_MIB = 192;
const OUTBOX_BYTES = 4_000_000;
const LOCKED_MS = 60_000;
const PACE_MS = 50;
/** What waited for a minute is stored within seconds; on two busy cores. */
const HEALED_WITHIN_MS = 30_000;

let base: string;
/** Why nothing is mounted here; undefined where Postgres has a small disk of its own. */
let unmounted: string | undefined;
let server: RunningServer;
let sql: Sql;
let logged: LoggedCluster;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "rookery-small-disk-"));
  await chmod(base, 0o755);
  unmounted = await run("mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", base]).then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (unmounted === undefined) await chmod(base, 0o755);
  const dir = join(base, "postgres");
  server = await startPostgres({ dir, ephemeral: true });
  await server.stop();
  if (unmounted === undefined) await keepLogElsewhere(dir);
  server = await startPostgres({ dir, ephemeral: true, port: server.port, settings: { autovacuum: "off" } });
  sql = postgres(server.url, { max: 2, onnotice: () => undefined });
  const set = { ...UNHURRIED, ROOKERY_OUTBOX_MAX_BYTES: String(OUTBOX_BYTES) };
  logged = await startLoggedCluster({ edges: 2, persisters: 2, postgresUrl: server.url, set });
});
afterAll(async () => {
  await logged?.stop();
  await sql?.end({ timeout: 1 });
  await server?.stop();
  if (unmounted === undefined) await run("umount", [base]);
  for (const folder of [base, `${base}-wal`]) await rm(folder, { recursive: true, force: true });
});

/** On a disk of its own, as is usual: without room for its log a Postgres ends, and without room for its tables it says so. */
async function keepLogElsewhere(dir: string): Promise<void> {
  const [log, elsewhere] = [join(dir, "data", "pg_wal"), `${base}-wal`];
  const { uid, gid } = await stat(log);
  await cp(log, elsewhere, { recursive: true });
  await run("chown", ["-R", `${uid}:${gid}`, elsewhere]);
  await chmod(elsewhere, 0o700);
  await rm(log, { recursive: true });
  await symlink(elsewhere, log);
  await chown(elsewhere, uid, gid);
}

interface Scene {
  readonly talk: Talk;
  readonly clients: readonly ChatClient[];
  /** Everybody has been answered `ok` so many times more. */
  more(times: number): Promise<void>;
}

/** Four people in two channels on two edges, who speak until they are told to end. */
async function startScene(name: string): Promise<Scene> {
  const speakers: Speaker[] = [];
  for (let n = 0; n < 4; n += 1) {
    const client = await logged.cluster.client(`${name}-${n}`, { edge: n % 2 });
    const channel = `${name}-${Math.floor(n / 2)}`;
    await client.join(channel, { persisted: true });
    speakers.push({ client, channel });
  }
  const clients = speakers.map(({ client }) => client);
  const talk = startTalk(speakers, { paceMs: PACE_MS });
  const isPersisted = (client: ChatClient): boolean => client.frames.some(({ type }) => type === "persisted");
  await eventually(() => clients.every(isPersisted), { what: "persisted for everybody" });
  const more = async (times: number): Promise<void> => {
    const goal = talk.acknowledged() + times * clients.length;
    await eventually(() => talk.acknowledged() >= goal, { what: "everybody goes on" });
  };
  return { talk, clients, more };
}

/** Ends the talk, and everything that was said is stored once, told as such, and nowhere else. */
async function expectAllStored({ talk, clients }: Scene): Promise<void> {
  await talk.end();
  expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);
  const rows = await expectPromisesKept({ cluster: logged.cluster, talk, clients, withinMs: HEALED_WITHIN_MS });
  expect(rows).toHaveLength(talk.acknowledged());
  for (const client of clients) {
    const last = talk.said.findLast((one) => one.client === client)?.reply;
    await client.waitFor(({ type, epoch, seq }) => type === "persisted" && epoch === last?.epoch && seq === last?.seq);
  }
  expect(await sql`select from dead_letters union all select from quarantine`).toHaveLength(0);
  expect(clients.flatMap(closesOf)).toEqual([]);
  await Promise.all(clients.map((client) => client.close()));
}

const persisters = () => logged.cluster.ready.processes.filter(({ name }) => name.startsWith("persister"));
const told = (): Promise<string[]> =>
  Promise.all(persisters().map(async ({ internal }) => (await fetch(`${internal}/readyz?verbose`)).text()));
const endConnections = () =>
  sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'rookery-persister%'`;

it("read-only: chat flows, an operator is told, and everything is stored once it writes again", async () => {
  const scene = await startScene("reads");
  await sql`alter database rookery set default_transaction_read_only to on`;
  await endConnections();
  await eventually(async () => expect((await told()).join()).toMatch(/refuses to write \(.*25006/));
  await scene.more(20);
  await sql.begin("read write", (own) => own`alter database rookery reset default_transaction_read_only`);
  await endConnections();
  await expectAllStored(scene);
});

it("its disk full: chat flows, an operator is told, and everything is stored once there is room", async ({ skip }) => {
  skip(unmounted !== undefined, `nothing can be mounted here, so no disk was filled: ${unmounted}`);
  const scene = await startScene("full");
  const ballast = await open(join(base, "ballast"), "w");
  const block = Buffer.alloc(2 ** 16, 1);
  const isFull = await eventually(async () => {
    for (;;) {
      const wrote = await ballast.write(block).catch((error: unknown) => error);
      if (wrote instanceof Error) return /ENOSPC/.test(wrote.message);
    }
  });
  expect(isFull).toBe(true);
  await eventually(async () => expect((await told()).join()).toMatch(/refuses to write \(.*53100/), {
    withinMs: 30_000,
  });
  await scene.more(20);
  await ballast.truncate(0);
  await ballast.close();
  await expectAllStored(scene);
});

it("its tables locked for a minute: chat flows, and everything is stored afterwards", async () => {
  const scene = await startScene("locked");
  const since = performance.now();
  await sql.begin(async (other) => {
    await other`select from outbox_positions for update`;
    await other`lock table messages in access exclusive mode`;
    await eventually(async () => expect((await told()).join()).toContain("Postgres is away"), { withinMs: 30_000 });
    while (performance.now() - since < LOCKED_MS) await scene.more(20);
  });
  await expectAllStored(scene);
}, 180_000);

it("stopped until the outbox is full: senders are told so, nothing is trimmed, and what was taken is stored", async () => {
  const { port, dir } = server;
  const scene = await startScene("stopped");
  await server.stop();
  await scene.more(5);
  await scene.talk.end();
  const senders = await Promise.all(
    Array.from({ length: 16 }, (_, n) => logged.cluster.client(`flood-${n}`, { edge: n % 2 })),
  );
  const body = "x".repeat(3_000);
  const refusals: Frame["code"][] = [];
  let taken = 0;
  const flood = async (client: ChatClient, n: number): Promise<void> => {
    for (;;) {
      const { type, code } = await client.send(`stopped-${n % 2}`, `${client.name} ${taken} ${body}`);
      if (type !== "ok") {
        refusals.push(code);
        return;
      }
      taken += 1;
      if (taken * body.length > 2 * OUTBOX_BYTES) throw new Error("nobody is refused");
    }
  };
  await Promise.all(senders.map((client, n) => client.join(`stopped-${n % 2}`)));
  await Promise.all(senders.map(flood));
  expect(new Set(refusals)).toEqual(new Set(["overloaded"]));
  const waiting = async (): Promise<number> => {
    const metrics = await logged.cluster.metrics("persister-1");
    return metrics.get("rookery_persister_outbox_entries") ?? 0;
  };
  await eventually(async () => (await waiting()) >= taken);
  const said = (await Promise.all(persisters().map(({ name }) => logged.logOf(name)))).flat();
  expect(said.filter((line) => line.includes("the outbox fills up"))).not.toEqual([]);

  server = await startPostgres({ dir, ephemeral: true, port, settings: { autovacuum: "off" } });
  await eventually(async () => (await waiting()) === 0, { withinMs: HEALED_WITHIN_MS, what: "an empty outbox" });
  for (const [n, client] of senders.entries())
    expect(await client.send(`stopped-${n % 2}`, "again")).toMatchObject({ type: "ok" });
  const rows =
    await sql`select count(*)::integer as n from messages where author like 'flood-%' and body like ${`%${body}`}`;
  expect(rows).toEqual([{ n: taken }]);
  expect(await sql`select from dead_letters union all select from quarantine`).toHaveLength(0);
  await Promise.all([...senders, ...scene.clients].map((client) => client.close()));
});
