// One-use tickets: what the api puts down for somebody who will come to any edge within seconds, and the edge takes up. An id is
// all its bearer needs, so it cannot be guessed, and two edges that are shown one give it to one of them.
import { randomBytes } from "node:crypto";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** Rejects with ChatError `unavailable`. */
export interface Tickets {
  /** Keeps the value so long, and answers the id: 32 characters of `A-Za-z0-9_-`. */
  put(this: void, value: string, keptMs: number): Promise<string>;
  /** What the ticket stands for, once; undefined for one that is used, has run out, or never was. */
  take(this: void, id: string): Promise<string | undefined>;
}

/** 192 bits. */
const ID_BYTES = 24;
const ID = /^[A-Za-z0-9_-]{32}$/;

export function createTickets({ connection, keys }: { connection: RedisConnection; keys: Keys }): Tickets {
  return {
    async put(value, keptMs) {
      const id = randomBytes(ID_BYTES).toString("base64url");
      await answered(connection, () => connection.set(keys.ticket(id), value, "PX", keptMs));
      return id;
    },
    async take(id) {
      if (!ID.test(id)) return undefined;
      return (await answered(connection, () => connection.getdel(keys.ticket(id)))) ?? undefined;
    },
  };
}
