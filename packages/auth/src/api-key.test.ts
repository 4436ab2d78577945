import { describe, expect, it } from "vitest";
import { hashApiKey, isApiKey, matchesApiKey, newApiKey } from "./api-key.ts";

describe("an API key", () => {
  it("is new every time, told by its prefix, and kept as SHA-256", () => {
    const { key, hash } = newApiKey();
    expect(key).toMatch(/^rk_[\w-]{43}$/);
    expect(newApiKey().key).not.toBe(key);
    expect(isApiKey(key)).toBe(true);
    expect(isApiKey("eyJhbGciOiJIUzI1NiJ9.e30.x")).toBe(false);
    expect(hash).toBe(hashApiKey(key));
    expect(hashApiKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("matches its own hash and no other, whatever the other looks like", () => {
    const { key, hash } = newApiKey();
    expect(matchesApiKey(key, hash)).toBe(true);
    for (const other of [hashApiKey(`${key}x`), hash.slice(2), "", "zz", `${hash}00`]) {
      expect(matchesApiKey(key, other)).toBe(false);
    }
  });
});
