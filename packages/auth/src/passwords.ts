// Hashes and checks passwords of channels, a few at a time: each costs 19 MiB and 10 ms of a core or more. Used by the api, which
// stores hashes, and by edges, whose users show passwords. Must never keep, log or repeat a password.
// States of one check: waiting, under way, done.
import { ChatError, isOver, isWellFormed, MAX_PASSWORD_BYTES } from "@rookery/protocol";
import { loadArgon2 } from "./argon2.ts";
import type { PasswordDriver } from "./argon2.ts";

export interface PasswordsOptions {
  /** At once. Each takes one of the four threads that files and names of hosts are read by. */
  readonly concurrency: number;
  /** Behind those that are under way. */
  readonly waiting: number;
  /** For tests. */
  readonly driver?: PasswordDriver;
}

export interface Passwords {
  /** argon2id as a PHC string. Throws ChatError `invalid` for what can be no password, `overloaded` when the line is full. */
  hash(this: void, password: string): Promise<string>;
  /** False also for what can be no password, at once. Throws ChatError `overloaded` when the line is full. */
  verify(this: void, hash: string, password: string): Promise<boolean>;
}

export function createPasswords(options: PasswordsOptions): Passwords {
  const { concurrency, waiting, driver = loadArgon2() } = options;
  const line: (() => void)[] = [];
  let underWay = 0;

  async function inTurn<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    if (underWay < concurrency) underWay += 1;
    else if (line.length >= waiting)
      throw new ChatError("overloaded", "too many passwords are being checked: try later");
    // Whoever ends hands its own turn on, so nobody who comes meanwhile gets ahead of the line.
    else await new Promise<void>((begin) => line.push(begin));
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) underWay -= 1;
      else next();
    }
  }

  return {
    async hash(password) {
      const text = readPassword(password);
      if (text === undefined) {
        throw new ChatError("invalid", `a password is 1 to ${MAX_PASSWORD_BYTES} bytes of well-formed text`);
      }
      return inTurn(() => driver.hash(text));
    },
    async verify(hash, password) {
      const text = readPassword(password);
      return text !== undefined && inTurn(() => driver.verify(hash, text));
    },
  };
}

/** NFC, so that the same letters typed on another keyboard are the same password; undefined for what can be none. */
function readPassword(password: string): string | undefined {
  if (password === "" || isOver(password, MAX_PASSWORD_BYTES) || !isWellFormed(password)) return undefined;
  return password.normalize("NFC");
}
