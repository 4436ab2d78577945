// Bans everywhere, revoked tokens and the announcements that wait. Called by the api; edges read the table.
import { parseControl } from "@rookery/protocol";
import type { BanEverywhere, Control, GlobalChange, Revocation } from "@rookery/protocol";
import { arrayLiteral } from "./array-literal.ts";
import { actorOf, askAct, outcomeOf, sanctionOf } from "./channel-acts.ts";
import type { Store } from "./connect.ts";
import type { Actor, Done, SanctionGiven, Unchanged } from "./rights-changes.ts";
import { loadStatement } from "./statement.ts";

/** All that is in force for no one channel, as of `version`. */
export interface GlobalTable {
  readonly version: number;
  readonly bans: readonly BanEverywhere[];
  readonly revocations: readonly Revocation[];
}

export interface WaitingAnnouncement {
  readonly announcement: number;
  readonly partition: number;
  readonly control: Control;
  readonly audit: string;
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface GlobalRights {
  /** Null lifts it. */
  ban(actor: Actor, user: string, ban: SanctionGiven | null): Promise<Done<GlobalChange> | Unchanged>;
  /** By user or of everybody the refresh tokens go too. Of a user, it is told as a logout. */
  revoke(actor: Actor, revocation: Revocation): Promise<Done<GlobalChange>>;
  /** What changed after a version, lifted bans included; of 0 all that is in force. */
  since(version: number): Promise<GlobalTable>;
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface Announcements {
  /** They were announced. Repeating it changes nothing. */
  done(announcements: readonly number[]): Promise<void>;
  /** Those older than a second, the oldest first; each api that asks at the same moment is given others. */
  overdue(limit: number): Promise<WaitingAnnouncement[]>;
}

const BAN = loadStatement("act-ban-everywhere");
const REVOKE = loadStatement("act-revoke");
const SINCE = loadStatement("global-rights-since");
const DONE = loadStatement("announcements-done");
const OVERDUE = loadStatement("announcements-overdue");

export function createGlobalRights(store: Store): GlobalRights {
  return {
    async ban(actor, user, ban) {
      const row = await askAct<GlobalChange>(store, "rights", BAN, [...actorOf(actor), user, ...sanctionOf(ban)]);
      const outcome = outcomeOf(row);
      if (outcome.kind === "refused") throw new Error(outcome.message);
      return outcome;
    },
    async revoke(actor, { jti, user, issuedBeforeMs, expiresMs }) {
      const what = [...actorOf(actor), jti, user, issuedBeforeMs, expiresMs];
      const outcome = outcomeOf(await askAct<GlobalChange>(store, "rights", REVOKE, what));
      if (outcome.kind !== "done") throw new Error("a revocation was not done");
      return outcome;
    },
    async since(version) {
      const [table] = await store.read<GlobalTable>("rights", SINCE, [version]);
      if (table === undefined) throw new Error("the table of global rights has no row");
      return table;
    },
  };
}

interface OverdueRow extends Pick<WaitingAnnouncement, "announcement" | "partition" | "audit"> {
  readonly control: string;
}

export function createAnnouncements(store: Store): Announcements {
  return {
    done: async (announcements) => void (await store.write("rights", DONE, [arrayLiteral(announcements)])),
    async overdue(limit) {
      const rows = await store.write<OverdueRow>("rights", OVERDUE, [limit]);
      // What another version wrote is that version's to announce.
      return rows.flatMap((row) => {
        const control = parseControl(row.control);
        return control === undefined ? [] : [{ ...row, control }];
      });
    },
  };
}
