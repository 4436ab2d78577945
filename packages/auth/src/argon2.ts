// The one file that knows the driver of argon2id: a native module whose work runs on libuv's threads, never on the loop.
// Called by passwords.ts, which bounds how much of it goes on at once.
import type { hash, verify } from "@node-rs/argon2";

export interface PasswordDriver {
  /** A PHC string that names its own costs. */
  hash(this: void, password: string): Promise<string>;
  /** Throws for what is no PHC string. */
  verify(this: void, hash: string, password: string): Promise<boolean>;
}

/**
 * OWASP's least for argon2id: 19 MiB, two passes, one lane. The driver's own default kind is argon2id: its name stands in a
 * `const enum`, which a build file by file cannot read.
 */
const COSTS = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 };

/** Loads the native module at once, so that a process where it is missing ends at its start and not at the first password. */
export function loadArgon2(): PasswordDriver {
  const driver: Promise<{ hash: typeof hash; verify: typeof verify }> = import("@node-rs/argon2");
  return {
    hash: async (password) => (await driver).hash(password, COSTS),
    verify: async (stored, password) => (await driver).verify(stored, password),
  };
}
