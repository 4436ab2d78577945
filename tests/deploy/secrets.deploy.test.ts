// A cluster whose every secret is a file, and every one of them is changed while people talk: two keys are good at a time, processes
// are restarted one after the other, and nobody who is connected notices.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connectClient, eventually, readRows, testTopology } from "@rookery/testkit";
import type { ChatClient } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { postgresPasswordOf, startGuardedPostgres } from "../guarded-postgres.ts";
import type { GuardedPostgres } from "../guarded-postgres.ts";
import { enteredAs, passwordOf, rulesOf } from "../redis-users.ts";
import { API_KEY, AUDIT_KEY, JWT_SECRET, startRoleCluster } from "../role-cluster.ts";
import type { ProcessName, RoleCluster } from "../role-cluster.ts";
import type { ServiceKind } from "../service-process.ts";
import { closesOf, expectPromisesKept, startTalk } from "../talk.ts";

const NEW_JWT_SECRET = "the next secret of user tokens, long enough too";
const NEW_AUDIT_KEY = "the next key of the audit log, of 32 bytes";
const KINDS = ["edge", "api", "persister"] as const;
const EDGES = ["edge-1", "edge-2"] as const;
const PUBLIC = [...EDGES, "api"] as const satisfies readonly ProcessName[];
const EVERYBODY = ["persister-1", "persister-2", ...PUBLIC] as const satisfies readonly ProcessName[];
/** What a rolling restart closes a connection with, see `reconnect`. */
const SENT_ELSEWHERE = 4000;
const CUT = 1006;

const topology = await testTopology({ kind: "single", password: "hush" });
const folder = mkdtempSync(join(tmpdir(), "rookery-secrets-"));
const teardowns: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
/** By setting, for each kind of process. */
const files = new Map<ServiceKind, Map<string, string>>(KINDS.map((kind) => [kind, new Map()]));
const secrets = new Set<string>([API_KEY, JWT_SECRET, NEW_JWT_SECRET, AUDIT_KEY, NEW_AUDIT_KEY]);
let store: GuardedPostgres;
let cluster: RoleCluster;
let clients: ChatClient[] = [];

function put(kinds: readonly ServiceKind[], setting: string, valueOf: (kind: ServiceKind) => string): void {
  for (const kind of kinds) {
    const file = join(folder, `${kind}-${setting}`);
    writeFileSync(file, valueOf(kind), { mode: 0o600 });
    files.get(kind)?.set(`${setting}_FILE`, file);
  }
}
const drop = (kinds: readonly ServiceKind[], setting: string): void =>
  kinds.forEach((kind) => files.get(kind)?.delete(`${setting}_FILE`));

const enteringRedis = (next: string): void =>
  put(KINDS, "ROOKERY_REDIS_URL", (kind) => enteredAs(topology.url, kind, `${passwordOf(kind)}${next}`));
const enteringPostgres = (login: "a" | "b"): void =>
  put(KINDS, "ROOKERY_POSTGRES_URL", (kind) => store.urlOf(`rookery_${kind}_${login}`));

/** One after the other, as a rollout does it; each is ready before the next one goes. */
async function roll(names: readonly ProcessName[]): Promise<void> {
  for (const name of names) {
    cluster.process(name).signal("SIGTERM");
    expect(await cluster.process(name).ended, name).toBe(0);
    await cluster.start(name);
  }
}

/** As a backend buys it; while the api is restarted it is asked again. */
const boughtToken = (user: string): Promise<string> =>
  eventually(
    async () =>
      /"token":"([^"]+)"/.exec(JSON.stringify(await cluster.ask("POST", "/v1/tokens", { user })))?.[1] ?? false,
    { withinMs: 20_000 },
  );

async function comes(user: string, token: () => Promise<string>, edge: 0 | 1): Promise<ChatClient> {
  const urls = EDGES.map(cluster.wsOf);
  const client = await connectClient({ url: urls[edge] ?? "", token, name: user, reconnecting: { urls } });
  clients.push(client);
  return client;
}

const isLetIn = async (token: string, edge: 0 | 1): Promise<boolean> =>
  connectClient({ url: EDGES.map(cluster.wsOf)[edge] ?? "", token }).then(
    (client) => client.close().then(() => true),
    () => false,
  );

async function rookery(env: Record<string, string>, ...args: string[]): Promise<{ code: number; said: string }> {
  const bin = fileURLToPath(new URL("../../packages/cli/bin/rookery.js", import.meta.url));
  const given = { env: { PATH: process.env["PATH"], ...env }, cwd: folder };
  return promisify(execFile)(process.execPath, [bin, ...args], given).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code?: unknown; stdout?: unknown; stderr?: unknown }) => ({
      code: Number(error.code),
      said: `${String(error.stdout)}${String(error.stderr)}`,
    }),
  );
}
const verify = (keys: Record<string, string>): Promise<{ code: number; said: string }> =>
  rookery({ ROOKERY_POSTGRES_URL: store.urlOf("rookery_migrator"), ...keys }, "audit", "verify");

beforeAll(async () => {
  store = await startGuardedPostgres();
  teardowns.unshift(store.stop);
  const server = topology.clientOf(await topology.masterOf("cluster"));
  for (const kind of KINDS) {
    await server.call("ACL", "SETUSER", ...rulesOf(kind));
    for (const login of ["a", "b"]) secrets.add(postgresPasswordOf(`rookery_${kind}_${login}`));
    for (const next of ["", "-next"]) secrets.add(`${passwordOf(kind)}${next}`);
  }
  enteringRedis("");
  enteringPostgres("a");
  put(["edge", "api"], "ROOKERY_JWT_SECRET", () => JWT_SECRET);
  put(["api"], "ROOKERY_API_KEY", () => API_KEY);
  put(["persister"], "ROOKERY_AUDIT_KEY", () => AUDIT_KEY);
  cluster = await startRoleCluster({
    settingsOf: (kind) => Object.fromEntries(files.get(kind) ?? []),
    atEnd: (stop) => teardowns.unshift(stop),
  });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  for (const stop of teardowns) await stop();
});

/** By process, what of the secrets stands where others may look. */
const shownSecrets = (): string[] =>
  EVERYBODY.flatMap((name) => {
    const { pid, log } = cluster.process(name);
    const shown = ["environ", "cmdline"].map((file) => readFileSync(`/proc/${pid}/${file}`, "utf8"));
    const seen = [...shown, ...log()].join("\n");
    expect(seen, name).toContain("_FILE=");
    return [...secrets].flatMap((secret) => (seen.includes(secret) ? [`${name}: ${secret}`] : []));
  });

it("shows no secret in the environment, the command line or the log of any process", () => {
  expect(shownSecrets()).toEqual([]);
});

it("changes every secret while people talk, and nobody loses a message or a connection that is not sent elsewhere", async () => {
  const people = await Promise.all(
    ["ann", "bob", "cat", "dan"].map(async (user, n) => {
      const client = await comes(user, () => boughtToken(user), n % 2 === 0 ? 0 : 1);
      await client.join(`room-${Math.floor(n / 2)}`);
      return { client, channel: `room-${Math.floor(n / 2)}` };
    }),
  );
  const talk = startTalk(people, { paceMs: 20 });
  const ofOld = await boughtToken("eve");
  const server = topology.clientOf(await topology.masterOf("cluster"));

  // Everybody takes both before anybody gives out the new one; stores know two logins or two passwords.
  put(["edge", "api"], "ROOKERY_JWT_PREVIOUS_SECRET", () => NEW_JWT_SECRET);
  put(["persister"], "ROOKERY_AUDIT_KEY", () => NEW_AUDIT_KEY);
  put(["persister"], "ROOKERY_AUDIT_PREVIOUS_KEY", () => AUDIT_KEY);
  for (const kind of KINDS) {
    await server.call("ACL", "SETUSER", kind, `>${passwordOf(kind)}-next`);
    const login = `rookery_${kind}_b`;
    await store.admin.unsafe(`alter role ${login} password '${postgresPasswordOf(login)}'`);
  }
  enteringRedis("-next");
  enteringPostgres("b");
  await roll(EVERYBODY);
  for (const kind of KINDS) {
    await server.call("ACL", "SETUSER", kind, `<${passwordOf(kind)}`);
    await store.admin.unsafe(`alter role rookery_${kind}_a password null`);
  }

  put(["edge", "api"], "ROOKERY_JWT_SECRET", () => NEW_JWT_SECRET);
  put(["edge", "api"], "ROOKERY_JWT_PREVIOUS_SECRET", () => JWT_SECRET);
  await roll(["edge-1", "api"]);
  // Signed by the new one, for an edge that was not restarted yet.
  const ofNew = await boughtToken("eve");
  expect(await Promise.all([ofOld, ofNew].flatMap((token) => [isLetIn(token, 0), isLetIn(token, 1)]))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  await roll(["edge-2"]);
  drop(["edge", "api"], "ROOKERY_JWT_PREVIOUS_SECRET");
  await roll(PUBLIC);
  await talk.end();

  const rows = (channel?: string) => readRows(store.admin, channel);
  await expectPromisesKept({ cluster: { rows }, talk, clients: people.map(({ client }) => client) });
  expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);
  // A process that ends may be gone before its last close frames are.
  const codes = people.flatMap(({ client }) => closesOf(client));
  expect(codes).toContain(SENT_ELSEWHERE);
  expect(codes.filter((code) => code !== SENT_ELSEWHERE && code !== CUT)).toEqual([]);
  expect([await isLetIn(ofOld, 0), await isLetIn(ofNew, 0)]).toEqual([false, true]);
  expect(shownSecrets()).toEqual([]);
});

it("verifies the audit log of two keys by both of them, and not by one", async () => {
  await eventually(async () => {
    const passed = await store.admin`select 1 from audit_log where kind = 'audit_key' limit 1`;
    expect(passed).toHaveLength(1);
  });
  const both = { ROOKERY_AUDIT_KEY: NEW_AUDIT_KEY, ROOKERY_AUDIT_PREVIOUS_KEY: AUDIT_KEY };
  expect(await verify(both)).toMatchObject({ code: 0 });
  expect(await verify({ ROOKERY_AUDIT_KEY: NEW_AUDIT_KEY })).toMatchObject({
    code: 1,
    said: expect.stringContaining("unknown_key"),
  });
});

it("lets two keys of a backend be good together, and the first be revoked alone", async () => {
  const entered = { ROOKERY_POSTGRES_URL: store.urlOf("rookery_migrator") };
  const made = async (): Promise<{ id: string; key: string }> => {
    const { said } = await rookery(entered, "key", "create", "--name", "shop", "--scope", "tokens", "--json");
    return JSON.parse(said);
  };
  const [first, second] = [await made(), await made()];
  const isGood = async (key: string): Promise<boolean> =>
    cluster.ask("POST", "/v1/tokens", { user: "guest" }, { authorization: `Bearer ${key}` }).then(
      () => true,
      () => false,
    );
  expect([await isGood(first.key), await isGood(second.key)]).toEqual([true, true]);
  await rookery(entered, "key", "revoke", first.id);
  await eventually(async () => expect([await isGood(first.key), await isGood(second.key)]).toEqual([false, true]));
});
