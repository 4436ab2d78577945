import { startProxy, testRedis } from "@rookery/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { attachRedis } from "./attach.ts";
import { connectRedis } from "./connect.ts";
import { UnfitRedis } from "./fitness.ts";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";

const server = await testRedis();

function connect(url: string) {
  const connection = connectRedis({ url, use: "commands", commandTimeoutMs: 500 });
  onTestFinished(() => connection.disconnect());
  return connection;
}

describe("attaching to a Redis", () => {
  it("waits for one that is away, says so once, and goes on when it answers", async () => {
    await server.flush();
    const proxy = await startProxy({ target: server.url });
    onTestFinished(() => proxy.close());
    proxy.refuse(true);
    const reasons: string[] = [];
    const attached = attachRedis({
      connection: connect(proxy.url("redis")),
      keys: createKeys(createPartitions(4)),
      signal: new AbortController().signal,
      waiting(reason) {
        reasons.push(reason);
        proxy.refuse(false);
      },
    });
    expect(await attached).toEqual([expect.stringContaining("appendonly")]);
    expect(reasons).toEqual([expect.stringMatching(/^Redis does not answer/)]);
  });

  it("refuses one that no waiting would make fit", async () => {
    await server.flush();
    const options = { connection: connect(server.url), signal: new AbortController().signal, waiting: () => undefined };
    await attachRedis({ ...options, keys: createKeys(createPartitions(4)) });
    await expect(attachRedis({ ...options, keys: createKeys(createPartitions(8)) })).rejects.toBeInstanceOf(UnfitRedis);
  });

  it.each(["for the first time", "once more"])(
    "needs no room in Redis: a full one can be attached %s",
    async (time) => {
      await server.flush();
      const keys = createKeys(createPartitions(4));
      const attach = (waiting: (reason: string) => void) =>
        attachRedis({ connection: connect(server.url), keys, signal: AbortSignal.timeout(5_000), waiting });
      if (time === "once more") await attach(() => undefined);
      await server.redis.config("SET", "maxmemory", "1");
      onTestFinished(async () => void (await server.redis.config("SET", "maxmemory", "0")));
      const reasons: string[] = [];
      await attach((reason) => void reasons.push(reason));
      expect(reasons).toEqual([]);
      expect(await server.redis.get(keys.partitionCount)).toBe("4");
    },
  );

  it("ends without a word when it is aborted", async () => {
    const closing = new AbortController();
    const connection = connect("redis://127.0.0.1:1");
    const keys = createKeys(createPartitions(4));
    const attached = attachRedis({ connection, keys, signal: closing.signal, waiting: () => closing.abort() });
    expect(await attached).toEqual([]);
  });
});
