// Contract of a test file's own Redis.
import { describe, expect, it } from "vitest";
import { testRedis } from "./redis.ts";

const server = await testRedis({ args: { maxmemory: "32mb" } });

describe("testRedis", () => {
  it("gives a server without persistence, with the lines asked for", async () => {
    expect(await server.redis.config("GET", "appendonly")).toEqual(["appendonly", "no"]);
    expect(await server.redis.config("GET", "maxmemory")).toEqual(["maxmemory", String(32 * 1024 * 1024)]);
  });

  it("is empty after a flush", async () => {
    await server.redis.set("key", "value");
    await server.flush();
    expect(await server.redis.dbsize()).toBe(0);
  });
});
