// What Postgres makes of messages and their changes, held in memory for tests: a persister that moves the outbox of one
// partition into the rows of past.fixture.ts, and the finding of one message among them.
import { parseSequencedFrame, renderSequencedFrame, samePosition } from "@rookery/protocol";
import type { Position, SequencedFrame, StoredFrame, StoredMessage } from "@rookery/protocol";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import type { DeletedEntry, OutboxEntry } from "./outbox-entry.ts";
import type { Outbox, SavedBatch } from "./outbox.ts";
import type { Past } from "./past.fixture.ts";

export interface StoredChanges {
  find(channel: string, id: string, user: string): Promise<StoredMessage | undefined>;
  /** Reads at most so many entries of the partition, from its start. */
  read(partition: number, most?: number): Promise<OutboxEntry[]>;
  /** Commits entries of one partition and tells Redis, as the persister does. */
  save(entries: readonly OutboxEntry[]): Promise<void>;
}

export function createStoredChanges(past: Past, outbox: Outbox): StoredChanges {
  const framesOf = (channel: string): SequencedFrame[] =>
    (past.rows.get(channel) ?? []).map(({ frame }) => parseSequencedFrame(frame));

  return {
    find: (channel, id, user) => past.ask(() => foldRows(framesOf(channel), id, user)),
    read: (partition, most = 1_000) => outbox.read(new Map([[partition, BEFORE_FIRST_ENTRY]]), most, 0),
    async save(entries) {
      for (const entry of entries) commit(past.rows, entry);
      const last = entries.at(-1);
      if (last !== undefined) await outbox.save(last.partition, batchOf(entries));
    },
  };
}

/** What a transaction that committed these entries tells. */
export function batchOf(entries: readonly OutboxEntry[]): SavedBatch {
  const last = entries.at(-1);
  if (last === undefined || !("cumulativeBytes" in last)) throw new Error("no entries");
  const channels = new Map<string, Position>();
  for (const entry of entries) if ("channel" in entry) channels.set(entry.channel, entry.position);
  return { last: last.id, cumulativeBytes: last.cumulativeBytes, channels, unstored: false };
}

function commit(tables: Map<string, StoredFrame[]>, entry: OutboxEntry): void {
  if (!("cumulativeBytes" in entry) || entry.kind === "audit") throw new Error(`no frame of a channel: ${entry.kind}`);
  const { channel, position, prev, frame } = entry;
  const rows = tables.get(channel) ?? [];
  if (!rows.some((row) => samePosition(row.position, position)))
    rows.push(prev === undefined ? { position, frame } : { position, prev, frame });
  tables.set(channel, entry.kind === "deleted" ? withoutText(rows, entry) : rows);
}

/** The rows of a message and of all its edits lose their text; those that never came stand without it. */
function withoutText(rows: readonly StoredFrame[], { removed, channel }: DeletedEntry): StoredFrame[] {
  const [message] = removed;
  const tombstones = removed.map((each): StoredFrame => {
    const { position } = each;
    // A row that is there keeps what it follows.
    const prev = each.prev ?? rows.find((row) => samePosition(row.position, position))?.prev;
    const stamp = { channel, ...position, at: each.at, ...(prev !== undefined && { prev }) };
    const frame = renderSequencedFrame(tombstoneOf(each, stamp));
    return { position, ...(prev !== undefined && { prev }), frame };
  });
  const others = rows.filter((row) => !tombstones.some(({ position }) => samePosition(position, row.position)));
  return [
    ...others.map((row) => {
      const frame = parseSequencedFrame(row.frame);
      if (frame.type !== "edited" || frame.id !== message.id) return row;
      const { body: _, ...rest } = frame;
      return { ...row, frame: renderSequencedFrame(rest) };
    }),
    ...tombstones,
  ];
}

function tombstoneOf(
  each: DeletedEntry["removed"][number],
  stamp: Position & { channel: string; at: number; prev?: Position },
): SequencedFrame {
  const { id, user } = each;
  if (each.kind === "edited") return { type: "edited", id, user, ...stamp };
  const { clientId, name, replyTo } = each;
  const answers = replyTo === undefined ? {} : { replyTo };
  return { type: "message", id, user, clientId, name, ...answers, ...stamp, deleted: true };
}

function foldRows(frames: readonly SequencedFrame[], id: string, user: string): StoredMessage | undefined {
  const message = frames.find((frame) => frame.type === "message" && frame.id === id);
  if (message?.type !== "message") return undefined;
  const about = frames.filter((frame) => frame.type !== "message" && frame.id === id).toSorted(byPosition);
  const deleted = about.find(({ type }) => type === "deleted");
  const edited = about.findLast((frame) => frame.type === "edited");
  const said = about.flatMap((frame) => (frame.type === "reaction" ? frame : []));
  const words = new Map(said.map((frame) => [`${frame.emoji}|${frame.user}`, frame]));
  const counts = new Map<string, number>();
  for (const { emoji, on } of deleted === undefined ? words.values() : [])
    if (on) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
  const body = edited?.type === "edited" ? edited.body : message.body;
  const { clientId, name, at, replyTo } = message;
  return {
    ...{ position: positionOf(message), user: message.user, clientId, name, at },
    ...(replyTo !== undefined && { replyTo }),
    ...(body !== undefined && { body }),
    ...(deleted !== undefined && { deleted: positionOf(deleted) }),
    ...(edited !== undefined && { edited: positionOf(edited) }),
    reactions: [...counts].map(([emoji, count]) => ({ emoji, count })),
    own: [...words.values()]
      .filter((frame) => frame.user === user)
      .map((frame) => ({ emoji: frame.emoji, on: frame.on, position: positionOf(frame) })),
  };
}

function positionOf({ epoch, seq }: Position): Position {
  return { epoch, seq };
}

function byPosition(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.seq - b.seq;
}
