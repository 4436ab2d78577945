// Contract of checking input: which code a fault has, and that its field is named.
import { ChatError } from "@rookery/protocol";
import Type from "typebox";
import { describe, expect, it } from "vitest";
import { createCheck } from "./validation.ts";

const Body = Type.Object({
  user: Type.String({ minLength: 1, description: "a user" }),
  ttlSec: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
  claims: Type.Optional(Type.Record(Type.String(), Type.Object({ n: Type.Number() }))),
});
const Query = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, description: "a whole number from 1" })),
  before: Type.Optional(Type.String({ pattern: "^[0-9]+$" })),
});
const body = createCheck(Body, "body");
const query = createCheck(Query, "query");

function refusal(run: () => unknown): ChatError {
  try {
    run();
  } catch (error) {
    if (error instanceof ChatError) return error;
  }
  throw new Error("it was accepted");
}

describe("a body", () => {
  it("that fits is handed on, with fields nobody asked for", () => {
    const given = { user: "ann", ttlSec: 5, more: true };
    expect(body(given)).toEqual(given);
  });

  it.each<[unknown, string, string]>([
    [{}, "bad_frame", '"user" is missing'],
    [undefined, "bad_frame", '"user" is missing'],
    [[], "bad_frame", "object"],
    [null, "bad_frame", "object"],
    ["text", "bad_frame", "object"],
    [{ user: 5 }, "bad_frame", '"user" must be a user'],
    [{ user: "" }, "invalid", '"user" must be a user'],
    [{ user: "ann", ttlSec: "5" }, "bad_frame", '"ttlSec"'],
    [{ user: "ann", ttlSec: 1.5 }, "invalid", '"ttlSec"'],
    [{ user: "ann", ttlSec: 11 }, "invalid", '"ttlSec"'],
    [{ user: "ann", claims: { a: {} } }, "bad_frame", '"claims.a.n" is missing'],
    [{ user: "ann", claims: { "a/b": 5 } }, "bad_frame", '"claims.a/b"'],
    [{ user: "", ttlSec: "5" }, "bad_frame", '"ttlSec"'],
  ])("%j is refused as %s, naming the field", (given, code, words) => {
    const error = refusal(() => body(given));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });
});

describe("a query", () => {
  it("gives whole numbers as numbers", () => {
    expect(query({ limit: "20", before: "7" })).toEqual({ limit: 20, before: "7" });
  });

  it.each([
    { limit: "x" },
    { limit: "0" },
    { limit: "-1" },
    { limit: "1.5" },
    { limit: "" },
    { limit: ["1", "2"] },
    { limit: "9".repeat(20) },
  ])("%j is a value that is not allowed", (given) => {
    const error = refusal(() => query(given));
    expect([error.code, error.message]).toEqual(["invalid", '"limit" must be a whole number from 1']);
  });
});
