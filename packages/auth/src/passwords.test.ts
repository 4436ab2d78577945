// Contract of passwords: what counts as one, and how few are looked at together.
import { describe, expect, it } from "vitest";
import { createPasswords } from "./passwords.ts";
import type { PasswordDriver } from "./argon2.ts";

const passwords = createPasswords({ concurrency: 2, waiting: 64 });

/** A driver whose checks end when a test says so. */
function slowDriver() {
  const begun: { readonly password: string; end(isRight: boolean): void }[] = [];
  const driver: PasswordDriver = {
    hash: async (password) => password,
    verify: (_hash, password) => new Promise((end) => begun.push({ password, end })),
  };
  return { driver, begun };
}

/** Whatever can go on without a check's end has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a password", () => {
  it("is kept as argon2id of 19 MiB and two passes, and fits its own hash alone", async () => {
    const hash = await passwords.hash("open sesame");
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(hash).not.toContain("sesame");
    expect(await passwords.verify(hash, "open sesame")).toBe(true);
    expect(await passwords.verify(hash, "open sesame ")).toBe(false);
    expect(await passwords.hash("open sesame")).not.toBe(hash);
  });

  it("is the same whether its letters were composed or not", async () => {
    expect(await passwords.verify(await passwords.hash("caf\u00e9"), "cafe\u0301")).toBe(true);
  });

  it.each([
    ["empty", ""],
    ["over 1,024 bytes", "é".repeat(513)],
    ["half a surrogate pair", "open \ud800"],
  ])("that is %s is none: refused when set, wrong when shown, and nothing is hashed", async (_what, text) => {
    const { driver, begun } = slowDriver();
    const lazy = createPasswords({ concurrency: 1, waiting: 1, driver });
    await expect(lazy.hash(text)).rejects.toMatchObject({ code: "invalid" });
    expect(await lazy.verify("hash", text)).toBe(false);
    expect(begun).toEqual([]);
  });
});

describe("passwords that come together", () => {
  it("are checked a few at a time, in order, and beyond the line refused at once", async () => {
    const { driver, begun } = slowDriver();
    const { verify } = createPasswords({ concurrency: 2, waiting: 1, driver });
    const answers = ["a", "b", "c"].map((password) => verify("hash", password));
    await expect(verify("hash", "d")).rejects.toMatchObject({ code: "overloaded" });
    expect(begun.map(({ password }) => password)).toEqual(["a", "b"]);
    begun[1]?.end(true);
    await settled();
    expect(begun.map(({ password }) => password)).toEqual(["a", "b", "c"]);
    begun[0]?.end(false);
    begun[2]?.end(true);
    expect(await Promise.all(answers)).toEqual([false, true, true]);
    const later = [verify("hash", "e"), verify("hash", "f")];
    await settled();
    expect(begun.length, "both turns are free again").toBe(5);
    for (const check of begun.slice(3)) check.end(true);
    expect(await Promise.all(later)).toEqual([true, true]);
  });

  it("keep their turns when a check fails", async () => {
    const driver: PasswordDriver = {
      hash: async (password) => password,
      verify: () => Promise.reject(new Error("what is stored is no hash")),
    };
    const { verify, hash } = createPasswords({ concurrency: 1, waiting: 1, driver });
    await expect(verify("?", "a")).rejects.toThrow("no hash");
    expect(await hash("b")).toBe("b");
  });
});
