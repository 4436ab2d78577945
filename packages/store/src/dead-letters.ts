// Entries that Postgres would not take, and messages that came without a position of their own: for the command line, which
// needs no running cluster for it. The rules of what may be stored late are in 0017-dead-letters.sql.
// Must never hand on what a letter says: it is the text of a message.
import { codeOf, isRefusedData } from "./away.ts";
import type { CommandGiver } from "./api-keys.ts";
import { ITEM_COLUMNS } from "./batch-columns.ts";
import type { Store } from "./connect.ts";
import { letterRow } from "./frame-row.ts";
import { recordsLiteral } from "./records-literal.ts";
import { loadStatement } from "./statement.ts";

/** Times in ms since the Unix epoch; `bytes` is 0 once the message was deleted, and `channel` null where none could be read. */
export interface ListedLetter {
  readonly id: number;
  readonly at: number;
  readonly partition: number;
  readonly channel: string | null;
  readonly position: string;
  readonly bytes: number;
  readonly reason: string;
}

/** `heldBy` is whose position it was, `standsAt` where its id stands already. */
export interface ListedCase extends Omit<ListedLetter, "bytes" | "reason"> {
  readonly message: string;
  readonly heldBy: string | null;
  readonly standsAt: string | null;
}

export interface LetterQuestion {
  readonly channel: string | null;
  /** Only those with a higher number. */
  readonly after: number;
  readonly limit: number;
}

/**
 * What became of a letter. `stored`: its row stands at its position, and it is a letter no more. Otherwise it is what it was:
 * `refused` tells why, as does `unreadable`; `deleted`, `gone` and `taken` as retry_dead_letter says.
 */
export type Retried =
  | { readonly kind: "stored" | "unknown" | "deleted" | "gone" | "taken" }
  | { readonly kind: "refused" | "unreadable"; readonly reason: string };

/** Every method throws ChatError `unavailable` while Postgres is away or will not write. */
export interface DeadLetters {
  /** The oldest first. */
  list(question: LetterQuestion): Promise<ListedLetter[]>;
  quarantined(question: LetterQuestion): Promise<ListedCase[]>;
  /** One transaction: all of it, with its audit record, or nothing. */
  retry(id: number, by: CommandGiver): Promise<Retried>;
  /** False where there is no such letter. The deleted message at its position stays for good. */
  drop(id: number, by: CommandGiver): Promise<boolean>;
}

interface LetterRow {
  readonly partition: number;
  readonly entryEpoch: number;
  readonly entryNumber: number;
  readonly channel: string | null;
  readonly epoch: number;
  readonly seq: number;
  /** base64 */
  readonly frame: string;
}

type Outcome = Exclude<Retried["kind"], "refused" | "unreadable">;

const LIST = loadStatement("dead-letters-list");
const QUARANTINED = loadStatement("quarantine-list");
const FIND = loadStatement("dead-letter-find");
const RETRY = loadStatement("dead-letter-retry");
const DROP = loadStatement("dead-letter-drop");
const SUBJECT = "dead letters";

export function createDeadLetters(store: Store): DeadLetters {
  async function retry(id: number, { machine, user }: CommandGiver): Promise<Retried> {
    const [letter] = await store.read<LetterRow>(SUBJECT, FIND, [id]);
    if (letter === undefined) return { kind: "unknown" };
    if (letter.frame === "") return { kind: "deleted" };
    const item = itemOf(letter);
    if ("fault" in item) return { kind: "unreadable", reason: item.fault };
    const given = [id, recordsLiteral(Object.values(ITEM_COLUMNS), [item]), machine, user];
    try {
      const [row] = await store.write<{ outcome: Outcome }>(SUBJECT, RETRY, given);
      return { kind: row?.outcome ?? "unknown" };
    } catch (error) {
      if (!isRefusedData(error)) throw error;
      return { kind: "refused", reason: `refused by Postgres (${codeOf(error)})` };
    }
  }

  return {
    list: ({ channel, after, limit }) => store.read<ListedLetter>(SUBJECT, LIST, [channel, after, limit]),
    quarantined: ({ channel, after, limit }) => store.read<ListedCase>(SUBJECT, QUARANTINED, [channel, after, limit]),
    retry,
    async drop(id, { machine, user }) {
      const [row] = await store.write<{ dropped: boolean }>(SUBJECT, DROP, [id, machine, user]);
      return row?.dropped === true;
    },
  };
}

function itemOf({ partition, entryEpoch, entryNumber, channel, epoch, seq, frame }: LetterRow) {
  if (channel === null) return { fault: "it stands in no channel that can be named" };
  const text = Buffer.from(frame, "base64").toString("utf8");
  const row = letterRow({ channel, position: { epoch, seq }, frame: text });
  if (row.kind === "unreadable") return row;
  return { index: 1, partition, id: { epoch: entryEpoch, number: entryNumber }, epoch, seq, row };
}
