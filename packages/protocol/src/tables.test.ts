import { describe, expect, it } from "vitest";
import { actionForClose, CLOSES } from "./closes.ts";
import { ChatError, ERRORS } from "./errors.ts";

describe("close codes", () => {
  it("say by their range alone what a client does", () => {
    for (const row of Object.values(CLOSES)) expect(actionForClose(row.code)).toBe(row.action);
    expect([4000, 4399, 4400, 4499, 4500, 4999].map(actionForClose)).toEqual([
      "reconnect",
      "reconnect",
      "renew",
      "renew",
      "stop",
      "stop",
    ]);
  });

  it("of the standard keep their meaning", () => {
    expect([1001, 1005, 1006, 1008, 1011, 1012, 1013, 1014].every((code) => actionForClose(code) === "reconnect")).toBe(
      true,
    );
    expect([1000, 1002, 1003, 1007, 1009, 1010].every((code) => actionForClose(code) === "stop")).toBe(true);
  });

  it("are used once each", () => {
    const codes = Object.values(CLOSES).map((row) => row.code);
    expect(new Set(codes).size).toBe(codes.length);
  });
});

describe("errors", () => {
  it("that may be repeated later are never a client's fault by their status", () => {
    for (const [code, row] of Object.entries(ERRORS)) {
      expect([code, row.retry === "later"]).toEqual([code, row.http === 429 || row.http >= 500]);
      expect([code, row.retry === "after_auth"]).toEqual([code, row.http === 401]);
    }
  });

  it("carry code, message and details", () => {
    const error = new ChatError("slow_mode", "wait", { channel: "c", retryAfterMs: 5 });
    expect(error).toBeInstanceOf(Error);
    expect([error.code, error.message, error.details]).toEqual([
      "slow_mode",
      "wait",
      { channel: "c", retryAfterMs: 5 },
    ]);
    expect(new ChatError("internal", "x").details).toEqual({});
  });
});
