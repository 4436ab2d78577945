// Contract of readiness: what is looked at of each service, in the order and with the weight of its rows.
import { describe, expect, it } from "vitest";
import { READINESS_ROWS, readinessChecks } from "./readiness.ts";

const ways = {
  redis: () => "Redis does not answer",
  tables: () => undefined,
  postgres: () => Promise.resolve("Postgres does not answer"),
  "token keys": () => undefined,
  memory: () => undefined,
  draining: () => undefined,
};

describe("readiness", () => {
  it("looks at every row of a service in order, and only those that decide are no advice", async () => {
    const checks = readinessChecks("edge", ways);
    expect(checks.map(({ name }) => name)).toEqual(Object.keys(READINESS_ROWS.edge));
    expect(checks.filter(({ advisory }) => advisory !== true).map(({ name }) => name)).toEqual([
      "redis",
      "tables",
      "memory",
      "draining",
    ]);
    expect(await Promise.all(checks.map((each) => each.check()))).toEqual([
      "Redis does not answer",
      undefined,
      "Postgres does not answer",
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("is asked anew each time, and a look that throws fails its own check", async () => {
    let looks = 0;
    const [redis] = readinessChecks("edge", {
      ...ways,
      redis() {
        looks += 1;
        throw new Error("broken");
      },
    });
    for (let n = 0; n < 2; n += 1) await expect(redis?.check()).rejects.toThrow("broken");
    expect(looks).toBe(2);
  });
});
