// Writes whose connections are cut under them, under Sentinels and on a Cluster: honest outcomes, and nothing twice.
import { ChatError } from "@rookery/protocol";
import { eventually, testTopology } from "@rookery/testkit";
import { afterAll, expect, it } from "vitest";
import { connectRedis, mastersOf, whenReady } from "./connect.ts";
import { keys, newChannel, partitions, publication, publisherOn } from "./publishing.suite.ts";
import { createFastLinks, createSafeLinks } from "./write-links.ts";

const sentinel = await testTopology({ kind: "sentinel" });
const cluster = await testTopology({ kind: "cluster" });

const ROUNDS = 3;
const AT_ONCE = 10;

it.each([
  ["sentinel", "safe", sentinel],
  ["cluster", "safe", cluster],
  ["cluster", "fast", cluster],
] as const)("on a %s in %s mode a write that is cut is unknown and its repeat finds it", async (_, mode, redis) => {
  const connection = connectRedis({ url: redis.url, use: "writes", commandTimeoutMs: 1_000 });
  afterAll(() => connection.disconnect());
  const safe = createSafeLinks({ connection, partitions, waitMs: 300 });
  const links = mode === "safe" ? safe : createFastLinks(connection);
  const publisher = publisherOn(connection, { links, deadlineMs: 300 });
  const channels = Array.from({ length: 8 }, newChannel);
  const codes: string[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    await whenReady(connection, 10_000);
    const messages = channels.flatMap((channel) => Array.from({ length: AT_ONCE }, () => publication(channel)));
    const sent = messages.map((message) => publisher.publish(message).catch((error: unknown) => error));
    // In the phase in which the runs leave, right behind them.
    setImmediate(() => mastersOf(connection).forEach(({ stream }) => stream?.destroy()));
    for (const outcome of await Promise.all(sent)) {
      codes.push(outcome instanceof ChatError ? outcome.code : "ok");
    }
    for (let at = 0; at < 2; at += 1) {
      await Promise.all(messages.map((message) => eventually(() => publisher.publish(message))));
    }
    for (const channel of channels) {
      const server = redis.clientOf(await redis.masterOf(keys.channel(channel).head));
      expect(await server.xlen(keys.channel(channel).log)).toBe(round * AT_ONCE);
    }
  }
  expect(codes).toContain("unknown");
  expect(new Set([...codes, "ok", "unavailable", "unknown"]).size).toBe(3);
});
