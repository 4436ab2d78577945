import { describe, expect, it } from "vitest";
import { createLog } from "./log.ts";

function logged(write: (log: ReturnType<typeof createLog>) => void): readonly string[] {
  const lines: string[] = [];
  write(
    createLog({
      service: "edge",
      node: () => "edge-1.k3f9",
      level: "info",
      destination: { write: (line) => lines.push(line) },
    }),
  );
  return lines;
}

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
const KEY = "rk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

describe("the log", () => {
  it("writes one JSON line an event, with service, node and the level as a word", () => {
    const lines = logged((log) => log.info({ channel: "lobby" }, "joined"));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "info",
      service: "edge",
      node: "edge-1.k3f9",
      channel: "lobby",
      msg: "joined",
    });
  });

  it("leaves out what is below its level", () => {
    expect(logged((log) => log.debug("detail"))).toEqual([]);
  });

  it.each([
    ["in a field of its name", { token: "secret-1", headers: { authorization: "Bearer secret-2" } }],
    ["in a text", { note: `tried ${JWT} and ${KEY}` }],
    ["in an error", { err: new Error(`connect redis://user:secret-3@host: ${JWT}`) }],
  ])("carries no credential %s, and stays JSON", (_where, fields) => {
    const [line = ""] = logged((log) => log.warn(fields, `bearer ${JWT}`));
    expect(line).not.toMatch(/secret-\d|eyJhbGci|rk_0123/);
    expect(JSON.parse(line)).toMatchObject({ level: "warn" });
  });
});
