// Ends sessions of whoever is banned everywhere or shows a token that is good no longer, and keeps the table of both current.
// Called by the enforcement for each change, and by the start and after a loss, when the table is read. Whoever is being let in
// asks the table by itself, in the turn in which it is welcomed.
// States of the table: unread (nobody is welcomed), read.

import type { GlobalChange } from "@rookery/protocol";
import type { GlobalRows, GlobalTable } from "@rookery/rights";
import type { Hub } from "../hub.ts";
import type { Identity, Session } from "../session.ts";
import { inSlices } from "./in-slices.ts";

export interface Dismissal {
  /** Answers how many sessions it closed. Rejects where the table has to be read and cannot be. */
  act(change: GlobalChange): number | Promise<number>;
  /** Reads what the table does not have yet, and judges everybody by it. */
  read(this: void): Promise<number>;
}

export interface DismissalOptions {
  readonly hub: Pick<Hub<Session>, "sessionsOf" | "sessions">;
  readonly table: GlobalTable;
  /** What changed after a version; of 0 all that is in force. Rejects with ChatError `unavailable`. */
  since(this: void, version: number): Promise<GlobalRows>;
  redisNowMs(this: void): number;
}

/** Each is a look-up or two. */
const SESSIONS_A_TURN = 2000;

export function createDismissal({ hub, table, since, redisNowMs }: DismissalOptions): Dismissal {
  /** By what stands in the table: a ban that was lifted meanwhile ends nobody. */
  function judge(some: Iterable<Session>): number | Promise<number> {
    const nowMs = redisNowMs();
    let closed = 0;
    const walked = inSlices([...some], SESSIONS_A_TURN, (session) => {
      const refusal = session.identity === undefined ? undefined : table.refusal(bearerOf(session.identity), nowMs);
      if (refusal === undefined || !session.isLive) return;
      session.farewell(refusal.kind, performance.now());
      closed += 1;
    });
    return walked === undefined ? closed : walked.then(() => closed);
  }

  function concerned({ ban, revocation }: GlobalChange): Iterable<Session> {
    const user = ban?.user ?? revocation?.user ?? null;
    return user === null ? hub.sessions.values() : hub.sessionsOf(user);
  }

  async function read(): Promise<number> {
    table.load(await since(Math.max(0, table.version())));
    return judge(hub.sessions.values());
  }

  return {
    read,
    act(change) {
      return table.apply(change, redisNowMs()) === "behind" ? read() : judge(concerned(change));
    },
  };
}

export function bearerOf({ user, jti, issuedAtMs }: Pick<Identity, "user" | "jti" | "issuedAtMs">) {
  return { user, jti, issuedAtMs };
}
