// What happened is in the audit log, whichever process dies: who came and went by which edge, and what was not taken for a token.
// Nothing is in it that is nobody's business.
import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import postgres from "postgres";
import { expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";

const KEY = "the key of the audit log, 32 bytes";
const TEXT = "a text that only its readers know";

interface Told {
  readonly kind: string;
  readonly actor: string;
  readonly channel: string | null;
  readonly node: string | null;
  readonly address: string | null;
  readonly data: Readonly<Record<string, unknown>> | null;
}

const rookeryFile = fileURLToPath(new URL("../packages/cli/bin/rookery.js", import.meta.url));

async function rookery(cluster: Cluster, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...{ PATH: process.env["PATH"], RK_API: cluster.ready.api, RK_API_KEY: cluster.ready.apiKey },
    ...{ ROOKERY_AUDIT_KEY: KEY, ROOKERY_POSTGRES_URL: cluster.ready.postgres, ROOKERY_REDIS_URL: cluster.ready.redis },
  };
  const failed = (error: { code?: unknown; stdout?: unknown; stderr?: unknown }) => error;
  const {
    code = 0,
    stdout,
    stderr,
  } = await promisify(execFile)(process.execPath, [rookeryFile, ...args], { env }).then(
    (done) => ({ code: 0, ...done }),
    failed,
  );
  return { code: Number(code), stdout: String(stdout), stderr: String(stderr) };
}

async function refusedBy(cluster: Cluster, token: string): Promise<number> {
  const socket = new WebSocket(cluster.ready.ws[0] ?? "", { headers: { authorization: `Bearer ${token}` } });
  return new Promise((resolve, reject) => {
    socket.on("close", resolve);
    socket.on("error", reject);
  });
}

it("tells who came and went and what was refused, once, also of an edge that was killed, and holds no text, token or address", async () => {
  const cluster = await startCluster({ edges: 3, set: { ROOKERY_AUDIT_KEY: KEY, ROOKERY_LEASE_MS: "2000" } });
  const sql = postgres(cluster.ready.postgres, { max: 1 });
  onTestFinished(() => sql.end());
  const told = (kind: string): Promise<Told[]> => sql<Told[]>`
    select kind, actor, channel, node, address, data from audit_log where kind = ${kind} order by at, n`;

  const ada = await cluster.client("ada", { edge: 0 });
  await ada.join("lobby");
  await ada.send("lobby", TEXT);
  await ada.leave("lobby");
  await ada.close();
  const crowd = await Promise.all(Array.from({ length: 20 }, (_, n) => cluster.client(`bob-${n}`, { edge: 1 })));
  for (const bob of crowd) onTestFinished(() => bob.close());
  await Promise.all(crowd.map((bob) => bob.join("lobby")));
  const bad = `${cluster.token("eve")}x`;
  for (let n = 0; n < 4; n += 1) {
    expect(await refusedBy(cluster, bad)).toBe(4401);
    const refused = await fetch(`${cluster.ready.api}/v1/channels`, { headers: { authorization: `Bearer ${bad}` } });
    expect(refused.status).toBe(401);
  }

  const banned = await fetch(`${cluster.ready.api}/v1/channels/lobby/bans/bob-3`, {
    method: "PUT",
    headers: { authorization: `Bearer ${cluster.ready.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ forSec: 60, reason: "spam" }),
  });
  expect(banned.status).toBe(200);

  await eventually(async () => expect(await told("join")).toHaveLength(21));
  await eventually(async () => expect(await told("ban")).toMatchObject([{ actor: "key:bootstrap", channel: "lobby" }]));
  cluster.kill("edge-2");
  await eventually(async () => expect(await told("disconnect")).toHaveLength(21), { withinMs: 20_000 });

  expect((await told("connect")).map(({ actor }) => actor).toSorted()).toEqual(
    ["ada", ...crowd.map(({ user }) => user)].toSorted(),
  );
  const ended = (await told("disconnect")).map(({ actor, data }) => [actor.replace(/-\d+$/, ""), data?.["code"]]);
  expect(ended).toContainEqual(["ada", 1000]);
  expect(ended.filter(([actor, code]) => actor === "bob" && code === 1006)).toHaveLength(20);
  expect(await told("leave")).toMatchObject([{ actor: "ada", channel: "lobby" }]);
  // By an edge and by the api, each the first of its minute.
  const failures = await told("auth_failure");
  expect(failures).toMatchObject(
    [1, 2].map(() => ({ address: expect.stringMatching(/^[\w-]{12}$/), data: { count: 1 } })),
  );
  const by = new Set(failures.map(({ node }) => node?.split(/[-.]/)[0]));
  expect(by).toEqual(new Set(["api", "edge"]));

  const tailed = await rookery(
    cluster,
    "audit",
    "tail",
    "--no-follow",
    "--json",
    "--last",
    "3",
    "--kind",
    "disconnect",
  );
  expect(tailed.stdout.trim().split("\n")).toHaveLength(3);
  const table = await rookery(cluster, "audit", "tail", "--no-follow", "--channel", "lobby", "--actor", "ada");
  expect(table.stdout).toMatch(/message\s+ada\s/);
  expect(table.stdout).not.toContain(TEXT);
  expect(await rookery(cluster, "audit", "verify", "--json")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('"ok":true'),
  });
  const last = await sql`select max(n) as n, partition from audit_log group by partition order by n desc limit 1`;
  await sql`delete from audit_log where (partition, n) = (${last[0]?.["partition"]}, ${last[0]?.["n"]})`;
  await sql`update outbox_positions p set audit_n = a.n, audit_mac = a.mac from (
    select distinct on (partition) partition, n, mac from audit_log order by partition, n desc
  ) as a where a.partition = p.partition`;
  const cut = await rookery(cluster, "audit", "verify");
  expect(cut).toMatchObject({ code: 1, stdout: expect.stringMatching(/^cut .*which Redis or a log has seen/) });

  const everything = JSON.stringify(
    await sql`select l.*, encode(l.mac, 'hex') as mac, l.data::text as data from audit_log l`,
  );
  for (const secret of [TEXT, "127.0.0.1", bad, bad.split(".")[1] ?? "", KEY]) expect(everything).not.toContain(secret);
});
