// What an edge notes for the audit log: who connects and goes, who joins and leaves, and what was not taken for a token. Made by
// main; told by door, identify and membership, once each. It keeps nothing of a session, and nobody waits for it.
// Must never note a token, an address that is not hashed, or anything that was said.

import type { AuditRecord, AuditTrail, DeadSession } from "@rookery/broker";
import { createRefusalNotes } from "@rookery/node";
import type { RefusalNotes, RefusalNotesOptions } from "@rookery/node";
import type { Door } from "../door.ts";
import type { Membership } from "../membership.ts";
import type { Attendance } from "../presence/attendance.ts";
import type { Session } from "../session.ts";

export interface ConnectionNotes extends RefusalNotes {
  /** The same attendance, which notes who connects. */
  opening(this: void, attendance: Attendance): Attendance;
  /** Sessions of a node that died. Resolves once that is on its way into the log, or cannot be for now. */
  died(this: void, node: string, sessions: readonly DeadSession[]): Promise<void>;
  /** The same membership, which notes who joins and who leaves of their own. */
  around(this: void, membership: Membership): Membership;
  /** The same door, which notes who goes. */
  beside(this: void, door: Door): Door;
  close(this: void): void;
}

export interface ConnectionNotesOptions {
  readonly trail: Pick<AuditTrail, "note" | "settled">;
  /** The id under which this edge speaks now. */
  node(this: void): string;
  /** Of an address, what may be told of it; "" while that is not known. */
  hashAddress(this: void, address: string): string;
  readonly failures?: RefusalNotesOptions["failures"];
}

/** The socket is gone, and nobody said why. */
const CUT = 1006;
/** A dead node is cleared away within seconds whatever the log says: of 64 partitions, eight at a time, this takes 240 ms. */
const DIED_WITHIN_MS = 30;

export function createConnectionNotes(options: ConnectionNotesOptions): ConnectionNotes {
  const { trail, node, hashAddress } = options;
  const addressOf = (address: string): string | null => hashAddress(address) || null;
  const refusals = createRefusalNotes(options);

  // Written out whole, here and below: each connection makes three of them, and a copy costs as much as the record's text.
  function gone(user: string, session: string, on: string, address: string | null, data: AuditRecord["data"]): void {
    // Whoever takes a node for dead and the node itself say the same of a connection: it ended once.
    trail.note(user, {
      id: `${session}.${on}`,
      kind: "disconnect",
      actor: user,
      subject: null,
      channel: null,
      node: on,
      address,
      reason: null,
      data,
    });
  }

  function moved(kind: "join" | "leave", { user, id }: Session, channel: string): void {
    trail.note(user, {
      kind,
      actor: user,
      subject: null,
      channel,
      node: node(),
      address: null,
      reason: null,
      data: { session: id },
    });
  }

  return {
    opening: (attendance) => ({
      ...attendance,
      opened(session) {
        attendance.opened(session);
        const { user, id, address, client } = session;
        const data = client === "" ? { session: id } : { session: id, client };
        trail.note(user, {
          kind: "connect",
          actor: user,
          subject: null,
          channel: null,
          node: node(),
          address: addressOf(address),
          reason: null,
          data,
        });
      },
    }),
    refused: refusals.refused,
    async died(dead, sessions) {
      for (const { user, session, address } of sessions) {
        gone(user, session, dead, address || null, { session, code: CUT });
      }
      let late: NodeJS.Timeout | undefined;
      await Promise.race([trail.settled(), new Promise((over) => (late = setTimeout(over, DIED_WITHIN_MS)))]);
      clearTimeout(late);
    },
    around: (membership) => ({
      ...membership,
      enter(session, channel) {
        const entered = membership.enter(session, channel);
        if (entered !== undefined) moved("join", session, channel);
        return entered;
      },
      exit(session, channel) {
        if (session.channels.has(channel)) moved("leave", session, channel);
        membership.exit(session, channel);
      },
    }),
    beside: (door) => ({
      ...door,
      exit(session, code) {
        if (session.identity !== undefined) {
          const { user, id, address, channels } = session;
          gone(user, id, node(), addressOf(address), { session: id, code, channels: channels.size });
        }
        door.exit(session, code);
      },
    }),
    close: refusals.close,
  };
}
