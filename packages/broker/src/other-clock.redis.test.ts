// Leases and offices on a server that has taken over from one whose clock differs from its own: what the former one gave ends at once
// there, or long after it should. Each is put into a real Redis as the other clock would show it.
import { eventually, testRedis } from "@rookery/testkit";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { connected, keys } from "./publishing.suite.ts";
import { startReaper } from "./reaper.ts";
import type { Reaper } from "./reaper.ts";
import { createRegistry } from "./registry.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const LEASE_MS = 600;
const OFF_MS = 300_000;
const registry = createRegistry({ connection, keys, leaseMs: LEASE_MS });

beforeEach(() => server.flush());

const beat = (node: string): Promise<unknown> => {
  const fixed = { kind: "persister", version: "0", connections: 0, draining: false } as const;
  return registry.beat({ node, ...fixed, startedAt: 1, beatAt: 1, pid: 1 });
};

/** Another server, on which every lease and office ends by so much later than where it was given; 0: which has ended them all. */
async function takeOver(byMs: number): Promise<void> {
  const names = [keys.reaper, ...(await redis.keys("node:*"))];
  for (const name of names) {
    if (byMs === 0) await redis.del(name);
    else await redis.pexpire(name, (await redis.pttl(name)) + byMs);
  }
  await redis.call("DEBUG", "CHANGE-REPL-ID");
}

function reaperOf(node: string): Reaper & { readonly reaped: string[] } {
  const reaped: string[] = [];
  const options = { connection, keys, leaseMs: LEASE_MS, node: () => node, steadyMs: () => LEASE_MS };
  const reaper = startReaper({ ...options, reaped: (dead) => void reaped.push(dead) });
  onTestFinished(reaper.stop);
  return { ...reaper, reaped };
}

it("nobody is taken for dead by a server by whose clock all leases have ended, before each had time for a beat", async () => {
  await beat("one");
  // The office is another's, so all that this edge knows of the former server is that it was another one.
  await redis.set(keys.reaper, "another", "PX", 60_000);
  const reaper = reaperOf("reaper");
  await reaper.look();
  await takeOver(0);
  await reaper.look();
  await reaper.look();
  expect(await redis.get(keys.reaper)).toBe("reaper");
  expect(reaper.reaped).toEqual([]);
  await beat("one");
  await reaper.look();
  expect(reaper.reaped).toEqual([]);
  // And whoever is silent from then on is gone.
  await eventually(() => expect(reaper.reaped).toEqual(["one"]));
});

it("a lease holds on no server for longer than it was given for, and so does the office of whoever gave it", async () => {
  await beat("dead");
  await redis.set(keys.reaper, "dead", "PX", LEASE_MS);
  const reaper = reaperOf("reaper");
  await reaper.look();
  await takeOver(OFF_MS);
  const sinceMs = performance.now();
  await reaper.look();
  expect(await redis.pttl(keys.node("dead"))).toBeLessThanOrEqual(LEASE_MS);
  expect(await redis.pttl(keys.reaper)).toBeLessThanOrEqual(LEASE_MS);
  await eventually(() => expect(reaper.reaped).toEqual(["dead"]));
  expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(LEASE_MS * 0.9);
});

it("so it is where a server is asked for the first time", async () => {
  await beat("dead");
  await takeOver(OFF_MS);
  const reaper = reaperOf("reaper");
  await eventually(() => expect(reaper.reaped).toEqual(["dead"]));
});
