// `rookery doctor` as a command, where a process of its own or more than one server is needed: a low limit of open files, a Redis
// whose clock is off, Sentinels and a Cluster of which one is gone, stores that do not answer.
import { execFile } from "node:child_process";
import { offClock, startRedis } from "@rookery/servers";
import { eventually, startProxy, testPostgres, testTopology } from "@rookery/testkit";
import type { Proxy } from "@rookery/testkit";
import { describe, expect, it, onTestFinished } from "vitest";

const SECRET = "a7Xq2LmZ9pTfWc4KdR8vYbN3sHgJ6uEe";
const OFF_MS = 300_000;
const postgres = await testPostgres();

const whyTrue = await offClock(OFF_MS).then(
  () => "",
  (error: unknown) => String(error),
);
if (whyTrue !== "") process.stderr.write(`what needs a clock that is off is skipped: ${whyTrue}\n`);

interface Told {
  readonly code: number;
  readonly lines: readonly string[];
}

/** `before`: what a shell does first. */
interface Start {
  readonly before?: string;
  readonly set?: Readonly<Record<string, string>>;
}

function doctor(redisUrl: string, { before = ":", set = {} }: Start = {}) {
  const env = {
    ...{ PATH: process.env["PATH"], ROOKERY_REDIS_URL: redisUrl, ROOKERY_POSTGRES_URL: postgres.url },
    ...{ ROOKERY_JWT_SECRET: SECRET, ROOKERY_AUDIT_KEY: SECRET, ROOKERY_MAX_CONNECTIONS: "100" },
    ...{ ROOKERY_PORT: "0", ROOKERY_INTERNAL_PORT: "0", ...set },
  };
  const line = `${before}; exec "${process.execPath}" packages/cli/bin/rookery.js doctor edge`;
  return new Promise<Told>((resolve) => {
    execFile("bash", ["-c", line], { env }, (error, stdout) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, lines: stdout.trimEnd().split("\n") });
    });
  });
}

const row = ({ lines }: Told, check: string): string =>
  lines.find((line) => line.split(/ {2,}/)[1] === check) ?? `no row of ${check}`;

async function redisWith(clockOffMs?: number): Promise<string> {
  const server = await startRedis({ args: { appendonly: "yes", maxmemory: "1gb" }, clockOffMs });
  onTestFinished(server.stop);
  return server.url;
}

describe("rookery doctor", () => {
  it("tells of a low limit of open files how many connections it leaves, and exits 1", async () => {
    const told = await doctor(await redisWith(), { before: "ulimit -n 256" });
    expect(told.code).toBe(1);
    expect(row(told, "open files")).toMatch(/^trouble .*room for 0 of 100 connections -> raise nofile to 456/);
    const enough = await doctor(await redisWith(), { before: "ulimit -n 512" });
    expect(enough.code).toBe(0);
    expect(row(enough, "open files")).toMatch(/^ok/);
  });

  it("asks every Sentinel and counts the replicas of a master, and says which of them is gone", async () => {
    const topology = await testTopology({ kind: "sentinel", replicas: 1 });
    const whole = await doctor(topology.url, { set: { ROOKERY_ACK: "safe" } });
    expect(row(whole, "redis sentinels")).toMatch(/^ok .*all 3 name the master/);
    expect(row(whole, "redis replicas")).toMatch(/^warning .*one replica/);
    const [gone] = topology.sentinels;
    process.kill(gone?.pid ?? 0, "SIGKILL");
    const told = await doctor(topology.url);
    expect(row(told, "redis sentinels")).toMatch(new RegExp(`^warning .*${new URL(gone?.url ?? "").port}: `));
    expect(told.code).toBe(0);
  });

  it("asks every master of a Cluster, and says how many slots nobody serves", async () => {
    const topology = await testTopology({ kind: "cluster", replicas: 0 });
    const whole = await doctor(topology.url);
    expect(row(whole, "redis cluster")).toMatch(/^ok/);
    expect(row(whole, "redis rights")).toMatch(/^ok/);
    expect(row(whole, "redis version").match(/127\.0\.0\.1:\d+ is/g)).toHaveLength(3);
    const [gone, asked] = topology.servers;
    process.kill(gone?.pid ?? 0, "SIGKILL");
    if (asked === undefined) throw new Error("a Cluster of one");
    await eventually(async () => !(await topology.clientOf(asked).cluster("INFO")).includes("slots_ok:16384"), {
      withinMs: 40_000,
      what: "the end of a master, as another one sees it",
    });
    const told = await doctor(topology.url);
    expect(told.code).toBe(1);
    expect(row(told, "redis cluster")).toMatch(/^trouble .* 1\d{4} of 16384 slots are served/);
    expect(row(told, "redis rights")).toMatch(/^ok/);
  });
});

describe("rookery doctor, where a store", () => {
  const spoils: readonly (readonly [string, (proxy: Proxy) => void])[] = [
    ["takes connections and says nothing", (proxy) => proxy.freeze(true)],
    ["takes no connections", (proxy) => proxy.refuse(true)],
  ];

  it.each(spoils)("%s, says so of it, and exits 1", async (_what, spoil) => {
    const proxies = await Promise.all([await redisWith(), postgres.url].map((target) => startProxy({ target })));
    onTestFinished(async () => void (await Promise.all(proxies.map((proxy) => proxy.close()))));
    proxies.forEach(spoil);
    const [redis, behind] = proxies;
    const url = new URL(postgres.url);
    url.port = String(behind?.port);
    const told = await doctor(`redis://127.0.0.1:${redis?.port}`, { set: { ROOKERY_POSTGRES_URL: url.href } });
    expect(told.code).toBe(1);
    for (const check of ["redis", "postgres"]) expect(row(told, check)).toMatch(/^trouble/);
    expect(row(told, "cluster id")).toMatch(/^warning/);
  });

  it("lets nobody in by this password, says so without the password, and exits 1", async () => {
    const url = (await redisWith()).replace("redis://", "redis://nobody:hushhush@");
    const told = await doctor(url);
    expect(told.code).toBe(1);
    expect(row(told, "redis")).toMatch(/^trouble .*WRONGPASS/);
    expect(told.lines.join("\n")).not.toContain("hushhush");
  });
});

describe.skipIf(whyTrue !== "")("rookery doctor, where the clock of Redis is off", () => {
  it.each([
    ["ahead of", OFF_MS],
    ["behind", -OFF_MS],
  ])("says by how much it is %s this machine, and exits 1", async (direction, offMs) => {
    const told = await doctor(await redisWith(offMs));
    expect(told.code).toBe(1);
    expect(row(told, "redis clock")).toMatch(new RegExp(`^trouble .*at least (299\\d{3}|300\\d{3}) ms ${direction}`));
    expect(row(told, "postgres clock")).toMatch(/^ok/);
  });
});
