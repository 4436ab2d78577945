// What edges and persisters look at each second, on a Cluster of which any master may stand still.
import { eventually, testTopology } from "@rookery/testkit";
import { afterAll, beforeEach, expect, it } from "vitest";
import { connectRedis, isReady, whenReady } from "./connect.ts";
import { createLookForDead } from "./dead-nodes.ts";
import { keys } from "./publishing.suite.ts";
import { survey } from "./survey.ts";

const redis = await testTopology({ kind: "cluster", replicas: 0 });
const connection = connectRedis({ url: redis.url, use: "commands", commandTimeoutMs: 300 });
afterAll(() => connection.disconnect());
await whenReady(connection, 10_000);

const OFFICE = { node: "me", heldMs: 5_000 };
const lookForDead = createLookForDead({ connection, keys, node: () => OFFICE.node, heldMs: OFFICE.heldMs });

beforeEach(() => connection.del(keys.nodes));

/** With one master after the other standing still. A rejection that nobody holds ends a process; here it ends the test. */
async function failuresOf(look: () => Promise<unknown>): Promise<number> {
  let failures = 0;
  for (const server of redis.servers) {
    await eventually(async () => isReady(connection) && (await lookForDead()).dead !== undefined);
    await connection.set(keys.nodes, "no hash");
    process.kill(server.pid, "SIGSTOP");
    await look().catch(() => (failures += 1));
    process.kill(server.pid, "SIGCONT");
    await eventually(() => connection.del(keys.nodes));
  }
  return failures;
}

it("whichever master of a Cluster stands still, the look for dead nodes fails for whoever asked and for nobody else", async () => {
  expect(await failuresOf(lookForDead)).toBe(redis.servers.length);
});

it("so does the look at all partitions, also where the list of nodes is broken", async () => {
  expect(await failuresOf(() => survey(connection, keys, OFFICE))).toBe(redis.servers.length);
});
