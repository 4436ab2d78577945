// Contract of readiness: an api that can answer something stays in its balancer, one that never could does not get in.
import { describe, expect, it } from "vitest";
import { createStoresLook } from "./readiness.ts";

function fake() {
  const there = { redis: false, postgres: false };
  let frozen = false;
  const look = createStoresLook({
    redisTrouble: () => (there.redis ? undefined : "Redis does not answer"),
    postgresTrouble: () =>
      frozen ? new Promise(() => undefined) : Promise.resolve(there.postgres ? undefined : "Postgres does not answer"),
    isPostgresThere: () => there.postgres && !frozen,
  });
  return { there, freeze: () => (frozen = true), ready: async () => look() };
}

describe("an api", () => {
  it("is not ready before each store has served since its start", async () => {
    const { there, ready } = fake();
    expect(await ready()).toBe("not seen since the start: Redis, Postgres");
    there.redis = true;
    expect(await ready()).toBe("not seen since the start: Postgres");
    there.postgres = true;
    expect(await ready()).toBeUndefined();
  });

  it("stays ready with either store away, and is not with both", async () => {
    const { there, ready } = fake();
    Object.assign(there, { redis: true, postgres: true });
    await ready();
    there.postgres = false;
    expect(await ready()).toBeUndefined();
    there.redis = false;
    expect(await ready()).toBe("neither Redis nor Postgres serves");
    there.postgres = true;
    expect(await ready()).toBeUndefined();
  });

  it("that Redis serves does not wait for a Postgres that is frozen", async () => {
    const { there, ready, freeze } = fake();
    Object.assign(there, { redis: true, postgres: true });
    await ready();
    freeze();
    expect(await ready()).toBeUndefined();
  });
});
