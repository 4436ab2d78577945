// Contract of keys of notices: a repeat is told from a second notice, whoever asks and whatever became of the first.
import { testRedis } from "@rookery/testkit";
import { expect, it } from "vitest";
import { createNoticesOnce } from "./notices-once.ts";
import { connected, keys } from "./publishing.suite.ts";

const server = await testRedis();
const connection = await connected(server.url);
let nowMs = 1_000_000;
const once = createNoticesOnce(connection, keys, () => nowMs);
const text = { body: "shipped", meta: { order: 7, fast: true } };

it("the first is told under its own id; once its outcome stands, repeats are answered with that", async () => {
  expect(await once.begin("ann", "k1", text, "id-1")).toEqual({ kind: "tell", id: "id-1" });
  await once.end("ann", "k1", text, { id: "id-1", sessions: 3 });
  const turned = { body: "shipped", meta: { fast: true, order: 7 } };
  expect(await once.begin("ann", "k1", turned, "id-2")).toEqual({ kind: "done", id: "id-1", sessions: 3 });
});

it("a repeat while it is being told waits, and one after whoever told it has died tells it under the first id", async () => {
  await once.begin("ann", "k2", text, "id-1");
  const repeat = once.begin("ann", "k2", text, "id-2");
  await expect(repeat).rejects.toMatchObject({ code: "unavailable", details: { retryAfterMs: 5_000 } });
  nowMs += 5_000;
  expect(await once.begin("ann", "k2", text, "id-2")).toEqual({ kind: "tell", id: "id-1" });
});

it("another text under the same key is a conflict; for another user it is another key", async () => {
  await once.begin("ann", "k3", text, "id-1");
  await expect(once.begin("ann", "k3", { body: "lost" }, "id-2")).rejects.toMatchObject({ code: "conflict" });
  expect(await once.begin("bob", "k3", { body: "lost" }, "id-2")).toEqual({ kind: "tell", id: "id-2" });
});

it("what is kept ends after ten minutes, and holds nothing of the text", async () => {
  await once.begin("ann", "k4", text, "id-1");
  const name = keys.notice("k4", "ann");
  const leftMs = await server.redis.pttl(name);
  expect(leftMs).toBeGreaterThan(590_000);
  expect(leftMs).toBeLessThanOrEqual(600_000);
  expect(await server.redis.get(name)).not.toMatch(/shipped|order/);
});
