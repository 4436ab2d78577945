// What presence costs Redis while nothing changes: a node's beats and looks, whoever sits on it.
import { eventually, testRedis } from "@rookery/testkit";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { startBeats } from "./beats.ts";
import { nodeOn } from "./presence-kit.suite.ts";
import { connected, keys, newChannel } from "./publishing.suite.ts";
import { startReaper } from "./reaper.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);

beforeEach(() => server.flush());

/** Their own timers make hardly a beat or a look meanwhile. */
const LEASE_MS = 60_000;
const BEATS = 30;
/** Of this test itself. */
const OURS = new Set(["info", "config", "config|resetstat"]);

/** Commands by name, those of scripts too. */
async function calls(): Promise<Map<string, number>> {
  const stats = await redis.info("commandstats");
  const all = [...stats.matchAll(/cmdstat_(\S+):calls=(\d+)/g)].map(([, name = "", n]) => [name, Number(n)] as const);
  return new Map(all.filter(([name]) => !OURS.has(name)));
}

/** How many commands go by during so many beats and looks. */
async function commandsOfIdle(members: number): Promise<number> {
  await server.flush();
  const one = nodeOn(connection, "one");
  const common = { connection, keys, leaseMs: LEASE_MS, node: one.id.current };
  const beats = startBeats({
    ...{ ...common, self: { kind: "edge", version: "0" }, lapseMs: 1, failed: () => undefined },
    load: () => ({ connections: members, draining: false }),
  });
  const reaper = startReaper({ ...common, steadyMs: () => LEASE_MS });
  const stop = async (): Promise<void> => {
    reaper.stop();
    one.presence.close();
    await beats.leave();
  };
  onTestFinished(stop);
  const channels = Array.from({ length: 10 }, newChannel);
  await Promise.all(Array.from({ length: members }, (_, n) => one.enter(channels[n % 10] ?? "", `user-${n}`)));
  for (let n = 0; n < members; n += 1) one.begin(`user-${n}`, `session-${n}`);
  await eventually(() => one.presence.waiting() === 0 && beats.steadyMs() > 0);
  await reaper.look();
  await redis.config("RESETSTAT");
  for (let n = 0; n < BEATS; n += 1) {
    beats.beat();
    await reaper.look();
  }
  // Each beat ends with one.
  const all = await eventually(async () => {
    const now = await calls();
    return (now.get("hset") ?? 0) >= BEATS && now;
  });
  await stop();
  return [...all.values()].reduce((sum, n) => sum + n, 0);
}

it("2,000 idle members cost Redis as many commands as 200, within 5 %", async () => {
  const few = await commandsOfIdle(200);
  const many = await commandsOfIdle(2_000);
  expect(few).toBeGreaterThan(4 * BEATS);
  expect(Math.abs(many - few) / few).toBeLessThanOrEqual(0.05);
});
