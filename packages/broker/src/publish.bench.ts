// What one publication costs Redis with every rule on, beside a bare PUBLISH of the same bytes in the same run.
// Run with `npx vitest bench --run --project servers packages/broker`. Redis' own figures are what counts (usec_per_call of
// `INFO commandstats`, printed); the times that vitest prints are those of the client.
import { createHash } from "node:crypto";
import { messageHalves, ORIGIN } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { afterAll, bench, describe } from "vitest";
import { connectRedis, whenReady } from "./connect.ts";
import { createEpochFloors } from "./floors.ts";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";
import { createPublisher } from "./publisher.ts";
import type { Publication } from "./publication.ts";

const CHANNELS = 50;
const AT_ONCE = 200;
const BODY = "x".repeat(200);

const server = await testRedis();
const connection = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 5_000 });
afterAll(() => connection.disconnect());
await whenReady(connection, 5_000);

const partitions = createPartitions(64);
const publisher = createPublisher({
  connection,
  keys: createKeys(partitions),
  partitions,
  floors: createEpochFloors(),
  lastSaved: async () => ORIGIN,
  outboxMaxBytes: 64 * 2 ** 30,
  deadlineMs: 10_000,
});

let sent = 0;
function next(slowModeMs: number): Publication {
  sent += 1;
  const channel = `bench-${sent % CHANNELS}`;
  const id = `id-${String(sent).padStart(18, "0")}`;
  const user = `user-${sent}`;
  const halves = messageHalves({ channel, id, clientId: `c${sent}`, user, name: "A Name", body: BODY });
  const contentHash = createHash("sha256").update(halves.tail).digest("base64url").slice(0, 22);
  return {
    channel,
    user,
    clientId: `c${sent}`,
    id,
    contentHash,
    halves,
    rightsVersion: 0,
    slowModeMs,
    freshRights: async () => 0,
  };
}

/** What Redis says of one command since the last reset. */
async function costOf(command: string): Promise<{ calls: number; usec: number }> {
  const stats = await server.redis.info("commandstats");
  const line = new RegExp(`^cmdstat_${command}:calls=(\\d+),usec=(\\d+)`, "m").exec(stats);
  return { calls: Number(line?.[1] ?? 0), usec: Number(line?.[2] ?? 0) };
}

/** Redis measures elapsed time, so whatever else the machine does is in its figures: the quietest tenth is told too. */
function report(name: string, windows: readonly number[]): void {
  const sorted = windows.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * sorted.length)] ?? Number.NaN).toFixed(2);
  console.log(
    `${name}: ${at(0.5)} us of Redis a call (median), ${at(0.1)} in the quietest tenth of ${sorted.length} windows`,
  );
}

describe(`${AT_ONCE} at once, 200 B, five times`, () => {
  const cases = [
    { name: "publish.lua", command: "evalsha", run: () => publisher.publish(next(0)) },
    { name: "publish.lua with slow mode", command: "evalsha", run: () => publisher.publish(next(1)) },
    { name: "bare PUBLISH", command: "publish", run: () => connection.publish("bench", BODY) },
    { name: "bare SPUBLISH", command: "spublish", run: () => connection.spublish("bench", BODY) },
  ];
  for (const { name, command, run } of cases) {
    const windows: number[] = [];
    const iterate = async (): Promise<void> => {
      const before = await costOf(command);
      for (let batch = 0; batch < 5; batch += 1) await Promise.all(Array.from({ length: AT_ONCE }, run));
      const after = await costOf(command);
      windows.push((after.usec - before.usec) / (after.calls - before.calls));
    };
    bench(name, iterate, { time: 1_500, warmupTime: 300, teardown: () => report(name, windows) });
  }
});
