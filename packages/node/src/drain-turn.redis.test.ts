// Contract of the turn to drain, before a real Redis: one node at a time, for as long as it takes and no longer.
import { connectRedis, createKeys, createPartitions, whenReady } from "@rookery/broker";
import type { RedisConnection } from "@rookery/broker";
import { testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, expect, it } from "vitest";
import { createDrainTurn } from "./drain-turn.ts";

const LEASE_MS = 500;
const HOUR_MS = 3_600_000;
const GIVEN_WITHIN_MS = 10_000;

const server = await testRedis();
const keys = createKeys(createPartitions(64));
const connections: RedisConnection[] = [];

async function turnOf(node: string, leaseMs = LEASE_MS) {
  const connection = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 1500 });
  connections.push(connection);
  await whenReady(connection, GIVEN_WITHIN_MS);
  const failures: unknown[] = [];
  const failed = (error: unknown): void => void failures.push(error);
  const turn = createDrainTurn({ connection, keys, leaseMs, node: () => node, failed });
  return { ...turn, connection, failures };
}

beforeEach(() => server.flush());
afterAll(() => connections.forEach((each) => each.disconnect()));

it("a node keeps its turn beyond its lease, and another one waits for it no longer than it may", async () => {
  const [first, second] = [await turnOf("first"), await turnOf("second")];
  expect(await first.wait(0)).toBe(true);
  expect(await second.wait(3 * LEASE_MS)).toBe(false);
  expect(await first.ask()).toBe(true);
  await first.giveBack();
});

it("a turn that was given back is another's at once, whatever is left of the lease", async () => {
  const [first, second] = [await turnOf("first", HOUR_MS), await turnOf("second", HOUR_MS)];
  expect(await first.wait(0)).toBe(true);
  expect(await second.ask()).toBe(false);
  await first.giveBack();
  expect(await second.wait(GIVEN_WITHIN_MS)).toBe(true);
  expect(await first.ask()).toBe(false);
  await second.giveBack();
});

it("a turn that is given back while it is being renewed is not taken again by the answer", async () => {
  const [first, second] = [await turnOf("first"), await turnOf("second")];
  expect(await first.wait(0)).toBe(true);
  const renewing = first.ask();
  await Promise.all([first.giveBack(), renewing]);
  expect(await second.wait(GIVEN_WITHIN_MS)).toBe(true);
  await second.giveBack();
});

it("whoever gives back what it does not have takes it from nobody", async () => {
  const [first, second] = [await turnOf("first"), await turnOf("second")];
  expect(await first.ask()).toBe(true);
  await second.giveBack();
  expect(await second.ask()).toBe(false);
  await first.giveBack();
});

it("the turn of a node that dies ends with its lease, and a node without a Redis waits no longer than it may", async () => {
  const [dead, next] = [await turnOf("dead"), await turnOf("next")];
  expect(await dead.ask()).toBe(true);
  dead.connection.disconnect();
  expect(await next.wait(GIVEN_WITHIN_MS)).toBe(true);
  expect(await dead.wait(LEASE_MS)).toBe(false);
  expect(dead.failures.length).toBeGreaterThan(0);
  await Promise.all([dead.giveBack(), next.giveBack()]);
});
