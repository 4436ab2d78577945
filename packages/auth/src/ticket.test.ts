// Contract of what a ticket stands for, between the api and the edges.
import { describe, expect, it } from "vitest";
import { packTicket, unpackTicket } from "./ticket.ts";

const BEARER = { user: "ann", name: "Ann", jti: "j1", issuedAtMs: 5, expiresAtMs: 9_000 };

describe("a ticket", () => {
  it("stands for its bearer just as the token that bought it, without its claims", () => {
    const withMore = { ...BEARER, kind: "identity" as const, claims: { secret: "team" }, token: "eyJ" };
    const text = packTicket(withMore);
    expect(text).not.toMatch(/team|eyJ|claims/);
    expect(unpackTicket(text)).toEqual({ kind: "identity", ...BEARER, claims: {} });
    const { jti: _jti, ...nameless } = BEARER;
    expect(unpackTicket(packTicket(nameless))).toEqual({ kind: "identity", ...nameless, claims: {} });
  });

  it.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["null", "null"],
    ["no user", JSON.stringify({ ...BEARER, user: 5 })],
    ["a user that no token may name", JSON.stringify({ ...BEARER, user: " ann" })],
    ["no end", JSON.stringify({ ...BEARER, expiresAtMs: undefined })],
    ["an end that is no time", JSON.stringify({ ...BEARER, expiresAtMs: 1.5 })],
    ["no time of issue", JSON.stringify({ ...BEARER, issuedAtMs: "5" })],
  ])("of another form is none: %s", (_what, text) => {
    expect(unpackTicket(text)).toBeUndefined();
  });
});
