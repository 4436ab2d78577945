// Contract of what is said about a store that comes and goes.
import { describe, expect, it } from "vitest";
import { createOutage } from "./outage.ts";

describe("an outage", () => {
  const lines: string[] = [];
  const say =
    (level: string) =>
    (_: object, message: string): void =>
      void lines.push(`${level} ${message}`);
  let whole = true;
  const make = () =>
    createOutage(
      "Postgres",
      { info: say("info"), warn: say("warn"), error: say("error") },
      { isWhole: () => whole, clock: () => 0 },
    );

  it("is said once when it begins and once when it ends", () => {
    lines.length = 0;
    const outage = make();
    outage.back();
    for (let n = 0; n < 5; n += 1) outage.lost(new Error("gone"), "away");
    expect(outage.state).toBe("lost");
    outage.back();
    outage.back();
    expect(lines).toEqual(["warn Postgres is away; entries wait", "info Postgres is back"]);
    expect(outage.state).toBe("reachable");
  });

  it("says of a store that answers and will not write that it does, until it writes again", () => {
    lines.length = 0;
    const outage = make();
    outage.lost(Object.assign(new Error("cannot execute INSERT"), { code: "25006" }), "refuses");
    expect(outage.trouble()).toBe("Postgres refuses to write (25006)");
    expect(lines).toEqual(["warn Postgres refuses to write; entries wait"]);
    outage.back();
    expect(outage.trouble()).toBeUndefined();
  });

  it("is not over before every connection of the store works again", () => {
    lines.length = 0;
    const outage = make();
    outage.lost(new Error("gone"), "away");
    whole = false;
    outage.back();
    outage.lost(new Error("gone"), "away");
    whole = true;
    outage.back();
    expect(lines).toEqual(["warn Postgres is away; entries wait", "info Postgres is back"]);
  });

  it("says a fault of ours once, also in its middle", () => {
    lines.length = 0;
    const outage = make();
    outage.lost(new Error("gone"), "away");
    for (let n = 0; n < 3; n += 1) outage.lost(new Error("no such table"), "fault");
    expect(lines).toEqual([
      "warn Postgres is away; entries wait",
      "error Postgres refuses what it is asked; entries wait",
    ]);
  });
});
