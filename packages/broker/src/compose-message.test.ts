import { renderFrame } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { composeMessage } from "./compose-message.ts";

const draft = { channel: "lobby", id: "i".repeat(21), clientId: "c1", user: "alice", name: "Alice", body: "hi @bob" };

describe("a composed message", () => {
  it("carries its mentions in the finished frame", () => {
    const { halves } = composeMessage(draft);
    const frame: unknown = JSON.parse(renderFrame(halves, { epoch: 7, seq: 1, at: 5 }));
    expect(frame).toMatchObject({ type: "message", epoch: 7, seq: 1, at: 5, body: "hi @bob", mentions: ["bob"] });
  });

  it("has the same hash for the same content, whatever its id and the order of its meta", () => {
    const one = composeMessage({ ...draft, meta: { a: 1, b: "x" } });
    const two = composeMessage({ ...draft, id: "j".repeat(21), meta: { b: "x", a: 1 } });
    expect(one.contentHash).toBe(two.contentHash);
    expect(one.contentHash).not.toContain("|");
    expect(one.contentHash).toMatch(/^2:/);
  });

  it("has another hash for another body, replyTo or meta, and for the same in another channel or of another user or clientId", () => {
    const elsewhere = [{ channel: "hall" }, { user: "bob" }, { clientId: "c2" }];
    const others = [
      {},
      ...elsewhere,
      { body: "ho" },
      { replyTo: "r".repeat(21) },
      { meta: { a: 1 } },
      { meta: { a: "1" } },
    ];
    const hashes = others.map((other) => composeMessage({ ...draft, ...other }).contentHash);
    expect(new Set(hashes).size).toBe(others.length);
  });
});
