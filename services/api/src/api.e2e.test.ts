// Contract of the process: it starts with its servers away, says what is missing, recovers by itself, and stops in order.
// Redis and Postgres stand behind proxies, so that they can be taken away and given back.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createKeys, createPartitions } from "@rookery/broker";
import { eventually, startProxy, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const ADMIN = "rk_e2etest123456789abcdefghijklmnopqrstuvwxyzABC";

const partitions = createPartitions(4);
const keys = createKeys(partitions);
const redis = await testRedis();
const postgres = await testPostgres();
const [toRedis, toPostgres] = [await startProxy({ target: redis.url }), await startProxy({ target: postgres.url })];
afterAll(async () => {
  await toRedis.close();
  await toPostgres.close();
});

interface Running {
  readonly child: ChildProcess;
  readonly api: string;
  readonly internal: string;
  readonly exited: Promise<number | null>;
  lines(): readonly { readonly level: string; readonly msg: string }[];
}

async function start(env: Record<string, string> = {}): Promise<Running> {
  const postgresUrl = new URL(postgres.url);
  postgresUrl.host = `127.0.0.1:${toPostgres.port}`;
  const settings = {
    ROOKERY_REDIS_URL: toRedis.url("redis"),
    ROOKERY_POSTGRES_URL: postgresUrl.href,
    ROOKERY_PORT: "0",
    ROOKERY_INTERNAL_PORT: "0",
    ROOKERY_PARTITIONS: "4",
    ROOKERY_API_KEY: ADMIN,
    ROOKERY_JWT_SECRET: "e2e-test-secret-0123456789-abcdefghijkl",
    ROOKERY_CHANNELS_AUTO_CREATE: "public",
    ROOKERY_COMMAND_TIMEOUT_MS: "500",
  };
  // Without the conditions under which tests find the sources.
  const child = fork(MAIN, { execArgv: [], env: { PATH: process.env["PATH"], ...settings, ...env }, silent: true });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, "close").then(() => child.exitCode);
  const failed = exited.then((code): never => {
    throw new Error(`it ended with ${code}: ${output}`);
  });
  failed.catch(() => undefined);
  const [message]: unknown[] = await Promise.race([once(child, "message"), failed]);
  const { port, internalPort }: { port?: number; internalPort?: number } = Object(message);
  return {
    child,
    api: `http://127.0.0.1:${port}`,
    internal: `http://127.0.0.1:${internalPort}`,
    exited,
    lines: () =>
      output
        .trim()
        .split("\n")
        .map((line): { level: string; msg: string } => JSON.parse(line)),
  };
}

async function get(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(url);
  return { status: answer.status, text: await answer.text() };
}

/** Names of what is wrong, of details too. */
async function troubles(running: Running): Promise<string[]> {
  const { text } = await get(`${running.internal}/readyz?verbose`);
  const { checks }: { checks: readonly { name: string; ok: boolean }[] } = JSON.parse(text);
  return checks.filter(({ ok }) => !ok).map(({ name }) => name);
}

async function post(running: Running, path: string, body: object) {
  const answer = await fetch(`${running.api}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const json: unknown = await answer.json();
  return { status: answer.status, code: Object(json)["code"] };
}

describe("the process", () => {
  it("starts with both servers away, names them, answers unavailable, and recovers without a restart", async () => {
    for (const proxy of [toRedis, toPostgres]) proxy.refuse(true);
    const running = await start();
    expect((await get(`${running.api}/livez`)).status).toBe(200);
    expect(await get(`${running.internal}/readyz`)).toEqual({ status: 503, text: "not ready: stores\n" });
    expect(await troubles(running)).toEqual(["stores", "redis", "postgres"]);
    const publication = { body: "hi", clientId: "c1" };
    const path = "/v1/channels/lobby/messages";
    expect(await post(running, path, publication)).toEqual({ status: 503, code: "unavailable" });
    expect(await post(running, "/v1/tokens", { user: "ann" })).toEqual({ status: 503, code: "unavailable" });

    toPostgres.refuse(false);
    await eventually(async () => (await troubles(running)).join() === "stores,redis");
    expect(await post(running, path, publication)).toEqual({ status: 503, code: "unavailable" });
    expect((await post(running, "/v1/tokens", { user: "ann" })).status).toBe(201);

    toRedis.refuse(false);
    await eventually(async () => (await get(`${running.internal}/readyz`)).status === 200);
    expect((await post(running, path, publication)).status).toBe(201);

    const take = (proxy: typeof toRedis): void => {
      proxy.refuse(true);
      proxy.cut();
    };
    take(toPostgres);
    await eventually(async () => (await troubles(running)).join() === "postgres");
    expect((await get(`${running.internal}/readyz`)).status).toBe(200);
    expect((await post(running, path, { body: "without Postgres" })).status).toBe(201);
    expect(await post(running, "/v1/tokens", { user: "ann" })).toEqual({ status: 503, code: "unavailable" });
    toPostgres.refuse(false);
    take(toRedis);
    await eventually(async () => (await troubles(running)).join() === "redis");
    expect((await get(`${running.internal}/readyz`)).status).toBe(200);
    expect((await post(running, "/v1/tokens", { user: "ann" })).status).toBe(201);
    expect(await post(running, path, { body: "ho" })).toEqual({ status: 503, code: "unavailable" });

    take(toPostgres);
    await eventually(async () => (await get(`${running.internal}/readyz`)).text === "not ready: stores\n");
    expect(await post(running, path, { body: "ho" })).toEqual({ status: 503, code: "unavailable" });
    for (const proxy of [toRedis, toPostgres]) proxy.refuse(false);
    await eventually(async () => (await troubles(running)).length === 0);
    expect((await post(running, path, { body: "ho" })).status).toBe(201);

    running.child.kill("SIGTERM");
    expect(await running.exited).toBe(0);
    const said = (msg: string): number => running.lines().filter((line) => line.msg === msg).length;
    expect([said("redis lost"), said("redis ready"), said("postgres lost"), said("postgres ready")]).toEqual([
      2, 2, 3, 3,
    ]);
    expect(running.lines().filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  });

  it("tells metrics and the cluster that it lives, and leaves when it is told to drain", async () => {
    const running = await start({ ROOKERY_NODE_NAME: "api-7" });
    await eventually(async () => (await redis.redis.hkeys("nodes")).some((node) => node.startsWith("api-7.")));
    // The first look at both stores may still be under way.
    await eventually(async () => (await post(running, "/v1/channels/lobby/messages", { body: "hi" })).status === 201);
    const { text } = await get(`${running.internal}/metrics`);
    expect(text).toContain('rookery_api_publishes_total{outcome="new"} 1');
    // With no persister alive, what waits is still added up and told to each partition.
    const { part } = keys.partition(partitions.of("lobby"));
    await eventually(async () => Number(await redis.redis.hget(part, "limit")) > 0);
    expect((await fetch(`${running.internal}/drain`, { method: "POST" })).status).toBe(202);
    expect(await running.exited).toBe(0);
    expect((await redis.redis.hkeys("nodes")).filter((node) => node.startsWith("api-7."))).toEqual([]);
  });

  it("ends at once over a Redis that was made with another number of partitions", async () => {
    const running = await start({ ROOKERY_PARTITIONS: "8" });
    await running.exited;
    expect(running.lines().find(({ level }) => level === "fatal")?.msg).toBe(
      "this cluster was made with 4 partitions and cannot run with 8",
    );
  });
});
