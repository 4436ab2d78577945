import type { Position } from "@rookery/protocol";
import { eventually, testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";
import { createPulse } from "./pulse.ts";
import type { Pulse, PulseReport } from "./pulse.ts";

const server = await testRedis();
const partitions = createPartitions(8);
const keys = createKeys(partitions);
const everyMs = 80;
const all = Array.from({ length: partitions.count }, (_, partition) => partition);

beforeEach(() => server.flush());

interface Watched {
  readonly connection: RedisConnection;
  readonly pulse: Pulse;
  readonly reports: PulseReport[];
  readonly missed: number[];
  readonly failures: unknown[];
  readonly heads: Map<string, Position>;
}

/** A pulse whose probes come back as the test wishes. */
async function watch(
  channels: readonly string[],
  probesReturn: (partition: number) => boolean,
  watched: readonly number[] = all,
): Promise<Watched> {
  const connection = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 300 });
  const subscriber = connectRedis({ url: server.url, use: "subscriptions", commandTimeoutMs: 1_000 });
  await Promise.all([whenReady(connection, 5_000), whenReady(subscriber, 5_000)]);
  const probes = Array.from({ length: partitions.count }, (_, partition) => keys.partition(partition).probe("me"));
  await Promise.all(probes.map((probe) => subscriber.ssubscribe(probe)));
  const heard = { reports: [], missed: [], failures: [], heads: new Map() } as Omit<Watched, "pulse" | "connection">;
  const pulse = createPulse({
    connection,
    keys,
    partitions,
    node: () => "me",
    everyMs,
    watched: () => watched,
    channels: (partition) => channels.filter((channel) => partitions.of(channel) === partition),
    on: {
      report(report) {
        heard.reports.push(report);
        for (const [channel, head] of report.heads) heard.heads.set(channel, head);
      },
      missed: (count) => void heard.missed.push(count),
      failed: (_partition, error) => void heard.failures.push(error),
    },
  });
  subscriber.on("smessageBuffer", (topic: Buffer) => {
    const partition = probes.indexOf(topic.toString());
    if (probesReturn(partition)) pulse.probe(partition);
  });
  onTestFinished(() => {
    pulse.stop();
    connection.disconnect();
    subscriber.disconnect();
  });
  pulse.start();
  return { connection, pulse, ...heard };
}

const setHead = (channel: string, fields: Record<string, string>): Promise<number> =>
  server.redis.hset(keys.channel(channel).head, fields);

describe("a pulse", () => {
  it("tells of every partition it watches, also of one without channels, who serves and who owns it", async () => {
    await server.redis.hset(keys.partition(5).part, {
      owner: "abc",
      epoch: "1700000000000",
      stored: "1700000000000-12",
      unstored: "3",
    });
    const { reports, pulse } = await watch([], () => true);
    await eventually(() => new Set(reports.map(({ partition }) => partition)).size === partitions.count);
    const replid = /master_replid:(\w+)/.exec(await server.redis.info("replication"))?.[1];
    expect(reports.find(({ partition }) => partition === 5)).toEqual({
      partition: 5,
      owner: "abc",
      serving: replid,
      epoch: 1_700_000_000_000,
      saved: { upTo: { epoch: 1_700_000_000_000, number: 12 }, unstored: 3 },
      control: { epoch: 0, number: 0 },
      heads: new Map(),
      corrected: new Map(),
      askedAtMs: expect.any(Number),
      atMs: expect.any(Number),
    });
    expect(reports.find(({ partition }) => partition === 4)).toMatchObject({ owner: "", epoch: 0, saved: undefined });
    expect(pulse.ageMs()).toBeLessThan(10 * everyMs);
  });

  it("tells when it was sent and what the server's clock shows, which goes on between two looks", async () => {
    const beforeMs = performance.now();
    const { reports, pulse, connection } = await watch([], () => true);
    expect(pulse.serverNowMs(3)).toBeUndefined();
    await eventually(() => reports.length > 0);
    const [first] = reports;
    expect(first?.askedAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(first?.askedAtMs).toBeLessThanOrEqual(performance.now());
    const [seconds = 0, micros = 0] = await connection.time();
    const serverMs = seconds * 1_000 + micros / 1_000;
    expect(Math.abs((pulse.serverNowMs(3) ?? 0) - serverMs)).toBeLessThan(1_000);
    expect(first?.atMs).toBeLessThanOrEqual(serverMs);
  });

  it("compares each head within eight calls, the confirmed one where that is greater", async () => {
    const channels = Array.from({ length: 64 }, (_, n) => `room-${n}`);
    for (const channel of channels) await setHead(channel, { epoch: "3", seq: "7", saved: "2-9" });
    await setHead("room-1", { epoch: "3", seq: "7", saved: "3-11" });
    await server.redis.del(keys.channel("room-2").head);
    const { heads, reports } = await watch(channels, () => true);
    await eventually(() => reports.filter(({ partition }) => partition === 0).length >= 8);
    await eventually(() => heads.size === 63);
    expect(reports.filter(({ partition }) => partition === 0).length).toBeLessThan(12);
    expect(heads.get("room-0")).toEqual({ epoch: 3, seq: 7 });
    expect(heads.get("room-1")).toEqual({ epoch: 3, seq: 11 });
    expect(heads.has("room-2")).toBe(false);
  });

  it("waits for its probe before it tells, so that a head is never ahead of what is still under way", async () => {
    const before: number[] = [];
    const { reports } = await watch([], () => {
      before.push(reports.length);
      return true;
    });
    await eventually(() => reports.length >= 4 * partitions.count);
    expect(before.slice(0, 4)).toEqual([0, 1, 2, 3].map((calls) => calls * partitions.count));
  });

  it("tells without the probe when that does not come, and of the missing probes once", async () => {
    const { reports, missed } = await watch([], () => false);
    await eventually(() => missed.length === 1);
    expect(missed).toEqual([2]);
    const then = reports.length;
    await eventually(() => reports.length > then + 4 * partitions.count);
    expect(missed).toEqual([2]);
    await eventually(() => missed.length === 2, { withinMs: 20 * everyMs });
    expect(missed).toEqual([2, 10]);
  });

  it("tells of missing probes anew when the trouble was over in between", async () => {
    let isCut = true;
    const { missed, reports } = await watch([], () => !isCut);
    await eventually(() => missed.length === 1);
    isCut = false;
    const then = reports.length;
    await eventually(() => reports.length > then + 4 * partitions.count);
    isCut = true;
    await eventually(() => missed.length === 2, { withinMs: 6 * everyMs });
    expect(missed).toEqual([2, 2]);
  });

  it("calls once for all partitions of one server, and names no others", async () => {
    const { connection, reports } = await watch(["room-1"], () => true, [2, 5]);
    const calls = vi.spyOn(connection, "rookeryPulse");
    const then = reports.length;
    await eventually(() => reports.length >= then + 2 * 4);
    expect(calls.mock.calls.length).toBeLessThanOrEqual(5);
    expect(new Set(reports.map(({ partition }) => partition))).toEqual(new Set([2, 5]));
  });

  it("looks at a partition at once when it is asked to, and says when Redis does not answer", async () => {
    const { connection, pulse, reports } = await watch([], () => true, [0]);
    await eventually(() => reports.length > 0);
    await Promise.all(pulse.look([3, 4]));
    expect(reports.map(({ partition }) => partition).filter((partition) => partition !== 0)).toEqual([3, 4]);
    connection.disconnect();
    const outcomes = await Promise.allSettled(pulse.look([6, 7]));
    expect(outcomes).toMatchObject([1, 2].map(() => ({ status: "rejected", reason: { code: "unavailable" } })));
  });

  it("reads heads in runs that keep nobody waiting, and all of them before its probe", async () => {
    const channels = Array.from({ length: 8 * 1_300 }, (_, n) => `many-${n}`);
    await Promise.all(channels.map((channel) => setHead(channel, { epoch: "3", seq: "1" })));
    const { connection, heads } = await watch(channels, () => true);
    const calls = vi.spyOn(connection, "rookeryPulse");
    await eventually(() => heads.size === channels.length);
    expect(Math.max(...calls.mock.calls.map(([numberOfKeys]) => Number(numberOfKeys)))).toBeLessThanOrEqual(509);
    const probes = calls.mock.calls.map((args) => args.at(-1));
    expect(probes.slice(0, 6).filter((which) => which === "probe").length).toBe(2);
  });

  it("tells of the others when one partition's key is another's", async () => {
    await server.redis.set(keys.partition(3).part, "no hash");
    const { reports, failures } = await watch([], () => true);
    await eventually(() => reports.length >= 2 * (partitions.count - 1));
    expect(reports.some(({ partition }) => partition === 3)).toBe(false);
    expect(failures).not.toEqual([]);
  });

  it("notices one partition whose probes alone are missing", async () => {
    const { missed } = await watch([], (partition) => partition !== 6);
    await eventually(() => missed.length === 1);
    expect(missed).toEqual([2]);
  });

  it("never overlaps its calls, counts what fails and goes on when Redis was frozen", async () => {
    const { connection, reports, failures, missed, pulse } = await watch([], () => true);
    await eventually(() => reports.length > partitions.count);
    const calls = vi.spyOn(connection, "rookeryPulse");
    process.kill(server.pid, "SIGSTOP");
    onTestFinished(() => void process.kill(server.pid, "SIGCONT"));
    await eventually(() => failures.length >= partitions.count);
    // The calls wait 300 ms for an answer, and one is due every 80 ms.
    expect(calls.mock.calls.length).toBeLessThanOrEqual(2 * partitions.count);
    expect(pulse.ageMs()).toBeGreaterThan(300);
    process.kill(server.pid, "SIGCONT");
    const then = reports.length;
    await eventually(() => reports.length > then + 2 * partitions.count);
    expect(missed).toEqual([]);
  });

  it("is answered by a Redis that refuses every write for want of memory", async () => {
    await server.redis.config("SET", "maxmemory", "1");
    onTestFinished(async () => void (await server.redis.config("SET", "maxmemory", "0")));
    const { reports, failures } = await watch([], () => true);
    await eventually(() => reports.length >= partitions.count);
    expect(failures).toEqual([]);
  });
});
