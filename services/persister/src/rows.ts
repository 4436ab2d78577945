// From an entry of the outbox to what Postgres is to have of it, by a table of kinds; the store reads the frame, the only time
// that one is parsed on its way. Pure; must never throw: an entry that says nothing storable becomes one that says why.
import type { DeletedEntry } from "@rookery/broker";
import { bareRow, changeId, changeRow, messageRow, unreadable } from "@rookery/store";
import type { BatchEntry, MessageRow } from "@rookery/store";
import { auditRow } from "./audit-records.ts";
import type { FreeEntry } from "./holds.ts";

type Row = BatchEntry["row"];
type EntryOf = { readonly [Kind in FreeEntry["kind"]]: Extract<FreeEntry, { kind: Kind }> };

const ROWS: { readonly [Kind in keyof EntryOf]: (entry: EntryOf[Kind]) => Row } = {
  message: messageRow,
  edited: (entry) => changeRow(entry, "edited"),
  deleted: (entry) => changeRow(entry, "deleted"),
  reaction: (entry) => changeRow(entry, "reaction"),
  audit: (entry) => auditRow(entry) ?? unreadable("an audit record that cannot be read"),
  malformed: ({ fault }) => unreadable(fault),
};

export function toBatchEntry(entry: FreeEntry): BatchEntry {
  const { partition, id, channel, position, frame } = entry;
  const row = rowOf(entry.kind, entry);
  return entry.kind === "deleted"
    ? { partition, id, channel, position, frame, row, removed: removedRows(entry, row) }
    : { partition, id, channel, position, frame, row };
}

function rowOf<Kind extends keyof EntryOf>(kind: Kind, entry: EntryOf[Kind]): Row {
  return ROWS[kind](entry);
}

/** What is to stand where a deletion took entries out: the message itself is deleted when the deletion was made. */
function removedRows({ channel, removed }: DeletedEntry, deletion: Row): MessageRow[] {
  return removed.map((gone): MessageRow => {
    const bare = { ...bareRow(channel, gone), author: gone.user, at: gone.at };
    if (gone.kind === "edited") return { ...bare, kind: "edited", id: changeId(gone.position), target: gone.id };
    const { id, clientId, name, replyTo = null } = gone;
    const deletedAt = deletion.kind === "unreadable" ? gone.at : deletion.at;
    return { ...bare, kind: "message", id, clientId, name, replyTo, deletedAt };
  });
}
