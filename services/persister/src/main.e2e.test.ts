// Contract of the persister as a process: what it says of itself, how it is stopped, and that another takes over.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  composeMessage,
  connectRedis,
  createEpochFloors,
  createKeys,
  createOutbox,
  createPartitions,
  createPublisher,
  createRegistry,
  NEWEST_KIND,
  whenReady,
} from "@rookery/broker";
import { connectStore, createMessages } from "@rookery/store";
import { eventually, startProxy, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const PARTITIONS = 16;

const postgres = await testPostgres();
const redis = await testRedis();
const toPostgres = await startProxy({ target: postgres.url });
const keys = createKeys(createPartitions(PARTITIONS));
const connection = connectRedis({ url: redis.url, use: "commands", commandTimeoutMs: 2_000 });
const store = connectStore({ url: postgres.url, max: 2, application: "test", statementTimeoutMs: 5_000 });
const messages = createMessages(store);
const outbox = createOutbox({ connection, reader: connection, keys, logEntries: 1_000 });
const registry = createRegistry({ connection, keys, leaseMs: 6_000 });
const publisher = createPublisher({
  connection,
  keys,
  partitions: keys.partitions,
  floors: createEpochFloors(),
  lastSaved: (channel) => messages.last(channel),
  outboxMaxBytes: 2 ** 30,
  deadlineMs: 2_000,
});
await whenReady(connection, 5_000);

const children: ChildProcess[] = [];
beforeAll(() => {
  if (!existsSync(MAIN)) throw new Error("the compiled persister is missing: run npm run build first");
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(async () => {
  connection.disconnect();
  await Promise.all([store.close(), toPostgres.close()]);
});

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly lines: string[];
  get(path: string): Promise<{ status: number; text: string }>;
}

function spawned(env: Record<string, string> = {}): Omit<Running, "get"> {
  const settings = {
    PATH: process.env["PATH"],
    ROOKERY_REDIS_URL: redis.url,
    ROOKERY_POSTGRES_URL: toPostgres.url(),
    ROOKERY_PARTITIONS: String(PARTITIONS),
    ROOKERY_INTERNAL_PORT: "0",
    ROOKERY_PARENT_PID: String(process.pid),
    ROOKERY_LEASE_MS: "2500",
    // What lies about in somebody's environment: the address alone says how Postgres is reached.
    PGSSL: "require",
    PGTARGETSESSIONATTRS: "any",
    PGHOST: "no-such-host.invalid",
    ...env,
  };
  // Without the flags of the test runner, which would lead the child to sources that Node 20 cannot run.
  const child = fork(MAIN, { env: settings, execArgv: [], silent: true });
  children.push(child);
  const lines: string[] = [];
  child.stdout?.on("data", (chunk: Buffer) => lines.push(...chunk.toString().trim().split("\n")));
  child.stderr?.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
  return { child, exited: once(child, "close").then(() => child.exitCode), lines };
}

async function start(env: Record<string, string> = {}): Promise<Running> {
  const running = spawned(env);
  const ended = running.exited.then((code) => {
    throw new Error(`the persister ended with ${code}: ${running.lines.join("\n")}`);
  });
  const [message]: unknown[] = await Promise.race([once(running.child, "message"), ended]);
  const port =
    typeof message === "object" && message !== null && "internalPort" in message ? Number(message.internalPort) : 0;
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return { ...running, get };
}

let published = 0;
async function publish(channel: string): Promise<void> {
  published += 1;
  const id = `id-${String(published).padStart(18, "0")}`;
  const draft = { channel, id, clientId: `c${published}`, user: "u", name: "U", body: "hello" };
  await publisher.publish({ ...composeMessage(draft), rightsVersion: 0, slowModeMs: 0, freshRights: async () => 0 });
}

const isDrained = async (): Promise<boolean> => (await outbox.waiting()).entries === 0;
const stored = async (channel: string): Promise<number[]> =>
  (await messages.after(channel, { epoch: 0, seq: 0 }, 10_000)).map(({ position }) => position.seq);

describe("a persister", () => {
  it("says that it lives, is ready and what it has done, and ends with 0 when it is told to", async () => {
    const running = await start();
    for (let n = 0; n < 30; n += 1) await publish("told");
    await eventually(isDrained);
    expect(await stored("told")).toHaveLength(30);
    expect((await running.get("/livez")).status).toBe(200);
    expect((await running.get("/readyz")).status).toBe(200);
    const metrics = await eventually(async () => {
      const { text } = await running.get("/metrics");
      return /rookery_persister_outbox_entries 0/.test(text) && text;
    });
    expect(metrics).toMatch(/^rookery_persister_rows_total 30$/m);
    expect(metrics).toMatch(/^rookery_persister_postgres_state 1$/m);
    expect(metrics).toMatch(/^rookery_persister_owned_partitions 16$/m);
    expect(metrics).toMatch(/^rookery_persister_fullest_outbox_ratio 0$/m);
    expect((await registry.list()).map(({ kind }) => kind)).toEqual(["persister"]);
    running.child.kill("SIGTERM");
    expect(await running.exited).toBe(0);
    expect(await registry.list()).toEqual([]);
  });

  it("is not ready while Postgres is away, and drains when it is back, with one line each", async () => {
    const running = await start();
    await publish("waits");
    await eventually(isDrained);
    toPostgres.refuse(true);
    toPostgres.cut();
    await publish("waits");
    const said = (): (string | undefined)[] =>
      running.lines.flatMap((line) => /Postgres is (away|back)/.exec(line)?.[1] ?? []);
    await eventually(() => said().length === 1);
    await eventually(async () => (await running.get("/readyz")).status === 503);
    expect((await running.get("/livez")).status).toBe(200);
    toPostgres.refuse(false);
    await eventually(isDrained);
    await eventually(async () => (await running.get("/readyz")).status === 200);
    expect(said()).toEqual(["away", "back"]);
  });

  it("says where an operator looks that Postgres refuses to write, and drains when it writes again", async () => {
    const running = await start();
    await publish("held");
    await eventually(isDrained);
    const database = new URL(postgres.url).pathname.slice(1);
    await postgres.sql.unsafe(`alter database ${database} set default_transaction_read_only to on`);
    onTestFinished(async () => {
      await postgres.sql.unsafe(`alter database ${database} reset default_transaction_read_only`);
    });
    toPostgres.cut();
    await publish("held");
    await eventually(async () => {
      const { status, text } = await running.get("/readyz?verbose");
      expect([status, text]).toEqual([503, expect.stringMatching(/Postgres refuses to write \(.*read-only.*25006/)]);
    });
    expect((await running.get("/metrics")).text).toMatch(/^rookery_persister_postgres_state 0$/m);
    const said = (): string[] =>
      running.lines.filter((line) => line.includes("Postgres refuses to write; entries wait"));
    // The line comes by another way than the answer.
    await eventually(() => expect(said()).toHaveLength(1));
    await postgres.sql.unsafe(`alter database ${database} reset default_transaction_read_only`);
    toPostgres.cut();
    await eventually(isDrained);
    await eventually(async () => (await running.get("/readyz")).status === 200);
  });

  it("stays ready and names the partition while an entry of a kind that it does not know holds it", async () => {
    const running = await start();
    const stream = keys.partition(3).outbox;
    await connection.xadd(stream, "7-1", "k", "tomorrow", "b", "100", "text", "secret");
    onTestFinished(async () => void (await connection.del(stream)));
    await eventually(async () => {
      const { status, text } = await running.get("/readyz?verbose");
      expect([status, text]).toEqual([200, expect.stringMatching(/"kinds".*partition 3 by 7-1/s)]);
    });
    expect((await running.get("/metrics")).text).toMatch(/^rookery_persister_held_partitions 1$/m);
    expect((await registry.list()).map(({ kinds }) => kinds)).toContain(NEWEST_KIND);
    const said = running.lines.filter((line) => line.includes("upgrade the persisters"));
    expect([said.length, said.join().includes("secret")]).toEqual([1, false]);
    await connection.del(stream);
    await eventually(async () => /held_partitions 0$/m.test((await running.get("/metrics")).text));
  });

  it("waits at its start for stores that are away", async () => {
    toPostgres.refuse(true);
    const starting = start();
    await publish("early");
    toPostgres.refuse(false);
    await starting;
    await eventually(isDrained);
    expect(await stored("early")).toEqual([1]);
  });

  it("refuses to run with another number of partitions, in one line", async () => {
    await start();
    const other = spawned({ ROOKERY_PARTITIONS: "8" });
    expect(await other.exited).toBe(78);
    expect(other.lines.join("\n")).toMatch(/made with 16 partitions.*cannot run with 8/);
  });

  it("that is killed is replaced by the others within ten seconds, and nothing is lost or stored twice", async () => {
    const [first] = [await start({ ROOKERY_NODE_NAME: "one" }), await start({ ROOKERY_NODE_NAME: "two" })];
    const channels = Array.from({ length: 24 }, (_, n) => `shared-${n}`);
    await eventually(async () => /owned_partitions ([1-9]|1[0-5])$/m.test((await first.get("/metrics")).text));
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(channels.map(publish));
      if (round === 10) first.child.kill("SIGKILL");
    }
    await eventually(isDrained, { withinMs: 10_000 });
    for (const channel of channels) expect(await stored(channel)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });

  it("that is frozen in the middle of a commit is replaced within ten seconds, and stores nothing twice when it wakes", async () => {
    // The lease that is usual.
    const usual = { ROOKERY_LEASE_MS: "6000" };
    const first = await start({ ...usual, ROOKERY_NODE_NAME: "icy" });
    const second = await start({ ...usual, ROOKERY_NODE_NAME: "warm" });
    const ownedBy = async (running: Running): Promise<number> =>
      Number(/owned_partitions (\d+)$/m.exec((await running.get("/metrics")).text)?.[1]);
    const isShared = async (): Promise<boolean> => {
      const [one, other] = [await ownedBy(first), await ownedBy(second)];
      return one > 0 && other > 0 && one + other === PARTITIONS;
    };
    await eventually(isShared);
    const channels = Array.from({ length: 24 }, (_, n) => `icy-${n}`);
    await Promise.all(channels.map(publish));
    await eventually(isDrained);

    await postgres.sql.begin(async (other) => {
      await other`select from outbox_positions for update`;
      await Promise.all(channels.map(publish));
      await eventually(async () => {
        const waiting = await postgres.sql`
          select from pg_stat_activity where application_name like 'rookery-icy%' and wait_event_type = 'Lock'`;
        return waiting.length > 0;
      });
      first.child.kill("SIGSTOP");
    });
    // Postgres commits what it had been asked, and nobody hears of it.
    await Promise.all(channels.map(publish));
    await eventually(isDrained, { withinMs: 10_000, what: "what the frozen one had to drain" });
    expect(await ownedBy(second)).toBe(PARTITIONS);

    first.child.kill("SIGCONT");
    for (let round = 0; round < 10; round += 1) await Promise.all(channels.map(publish));
    await eventually(isShared);
    await Promise.all(channels.map(publish));
    await eventually(isDrained);
    for (const channel of channels) expect(await stored(channel)).toEqual(Array.from({ length: 14 }, (_, n) => n + 1));
    expect(await postgres.sql`select from dead_letters union all select from quarantine`).toHaveLength(0);
  });
});
