// Commits batches of outbox entries: rows and the positions of their partitions together, exactly once. Called by the
// persister alone. A batch goes the short way of save-fresh.ts; the way here is for those in which anything is unusual.
// Must never leave out an entry: what Postgres refuses is found by halving, kept as a dead letter and
// replaced by a placeholder, so that the rest of the batch proceeds and the channel keeps its line.
import { formatPosition, isChannelId, isClientId, isMessageId, isUserId } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { createHash } from "node:crypto";
import type { AuditChain, ChainStands } from "./audit-chain.ts";
import { auditParameters } from "./audit-columns.ts";
import { codeOf, isRefusedData } from "./away.ts";
import type { Batch, BatchEntry, RaisedPrev, SavedOutcome, SaveOutcome } from "./batch.ts";
import { batchParameters } from "./batch-columns.ts";
import type { BatchItem } from "./batch-columns.ts";
import { createBisection } from "./bisection.ts";
import { chainOf, headsOf, only, recordsOf } from "./batch-records.ts";
import type { Store } from "./connect.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import type { MessageRow } from "./message-row.ts";
import { raisedBefore, toRaised } from "./raised-row.ts";
import type { RaisedRow } from "./raised-row.ts";
import { repeated } from "./repeated.ts";
import { saveFresh } from "./save-fresh.ts";
import { loadStatement } from "./statement.ts";

const SAVE = loadStatement("save-batch");
const SAVE_AUDITED = loadStatement("save-batch-audited");

const NOTHING: SavedOutcome = {
  ...{ kind: "saved", inserted: 0, skipped: 0, quarantined: 0 },
  ...{ deadLetters: [], raised: [], unstored: [], reached: new Map(), heads: new Map() },
};

/** An entry that is refused alone so often is given up. */
const TRIES_ALONE = 5;

interface SaveRow {
  readonly behind: number[] | null;
  readonly inserted: number;
  readonly skipped: number;
  readonly quarantined: number;
  /** indexes from 1 */
  readonly dead: readonly number[];
  readonly raised: readonly RaisedRow[];
  readonly unstored: readonly number[];
  readonly reached: readonly { readonly partition: number; readonly epoch: number; readonly number: number }[];
}

interface AuditedRow extends SaveRow {
  readonly stands: ChainStands | null;
}

/**
 * Commits the batch, its audit records at the ends of their chains. Rejects with an error of which `isAway` is true while Postgres is out of reach: the batch is then
 * committed or not, which the next read of these partitions from their beginning settles.
 */
export async function saveBatch(store: Store, batch: Batch, chain?: AuditChain): Promise<SaveOutcome> {
  if (batch.entries.length === 0) return NOTHING;
  const fresh = await saveFresh(store, batch, chain);
  if (fresh === "refused") return saveInPieces({ store, chain }, batch);
  return fresh === "unusual" ? saveCarefully({ store, chain }, batch) : fresh;
}

interface Into {
  readonly store: Store;
  readonly chain: AuditChain | undefined;
}

async function saveCarefully(into: Into, batch: Batch): Promise<SaveOutcome> {
  return (await unlessRefused(commit(into, batch, undefined))) ?? saveInPieces(into, batch);
}

/** Each piece is whole by itself: it moves its positions, and the next is read after it. */
async function saveInPieces(into: Into, { readAfter, entries }: Batch): Promise<SaveOutcome> {
  const after = new Map(readAfter);
  const pieces = createBisection(entries.length);
  let all: SavedOutcome = NOTHING;
  for (let piece = pieces.next(); piece !== undefined; piece = pieces.next()) {
    const some = entries.slice(piece.from, piece.to);
    const batch = { readAfter: new Map(after), entries: some };
    const outcome = await (some.length === 1 ? saveAlone(into, batch) : unlessRefused(commit(into, batch, undefined)));
    if (outcome?.kind === "behind") return outcome;
    if (outcome === undefined) {
      pieces.refused();
      continue;
    }
    if (some.length === 1 && outcome.deadLetters.length > 0) pieces.buried();
    else pieces.taken();
    for (const { partition, id } of some) after.set(partition, id);
    all = together(all, outcome);
  }
  return all;
}

function together(first: SavedOutcome, second: SavedOutcome): SavedOutcome {
  return {
    kind: "saved",
    inserted: first.inserted + second.inserted,
    skipped: first.skipped + second.skipped,
    quarantined: first.quarantined + second.quarantined,
    deadLetters: [...first.deadLetters, ...second.deadLetters],
    raised: [...first.raised, ...second.raised],
    unstored: [...new Set([...first.unstored, ...second.unstored])],
    reached: new Map([...first.reached, ...second.reached]),
    heads: new Map([...first.heads, ...second.heads]),
  };
}

async function saveAlone(into: Into, batch: Batch): Promise<SaveOutcome> {
  let reason = "refused";
  for (let tries = 0; tries < TRIES_ALONE; tries += 1) {
    try {
      return await commit(into, batch, undefined);
    } catch (error) {
      if (!isRefusedData(error)) throw error;
      // The message of Postgres may quote the text it refused; its code does not.
      reason = `refused by Postgres (${codeOf(error)})`;
    }
  }
  return commit(into, batch, reason);
}

/** Undefined where Postgres refused what the entries say. */
async function unlessRefused(committed: Promise<SaveOutcome>): Promise<SaveOutcome | undefined> {
  try {
    return await committed;
  } catch (error) {
    if (isRefusedData(error)) return undefined;
    throw error;
  }
}

/** One transaction. With `fault`, every entry of the batch becomes a dead letter. */
async function commit(into: Into, batch: Batch, fault: string | undefined): Promise<SaveOutcome> {
  const items = batch.entries.map((entry, at) => toItem(entry, at + 1, fault));
  const removed = batch.entries.flatMap((entry, at) => removedItems(entry, at + 1, fault !== undefined));
  const readAfter = new Map(
    items.map(({ partition }) => [partition, batch.readAfter.get(partition) ?? BEFORE_FIRST_ENTRY]),
  );
  const records = fault === undefined ? recordsOf(batch) : [];
  const parameters = batchParameters(readAfter, items, removed);
  const row = await (records.length === 0
    ? only(repeated(() => into.store.query<SaveRow>(SAVE, parameters)))
    : chainOf(into.chain).append(records, async (heads, sealed) => {
        const given = [...parameters, ...auditParameters(heads, sealed)];
        const answer = await only(repeated(() => into.store.query<AuditedRow>(SAVE_AUDITED, given)));
        return { ...answer, isAppended: answer.behind === null };
      }));
  if (row.behind !== null) return { kind: "behind", partitions: row.behind };
  const deadLetters = row.dead.flatMap((index) => {
    const [entry, letter] = [batch.entries[index - 1], items[index - 1]?.dead];
    if (entry === undefined || letter === undefined) return [];
    const { partition, id, channel, position } = entry;
    return { partition, id, channel, position, reason: letter.reason };
  });
  const raised = row.raised.map((each) => toRaised(each, batch.entries));
  // Whoever committed some of them first may have died before anybody was told.
  if (row.skipped > 0) raised.push(...(await raisedBefore(into.store, batch.entries)).filter(isNew(raised)));
  const { inserted, skipped, quarantined, unstored } = row;
  const reached = new Map(row.reached.map(({ partition, epoch, number }) => [partition, { epoch, number }]));
  const heads = headsOf(into.chain, records);
  return { kind: "saved", inserted, skipped, quarantined, deadLetters, raised, unstored, reached, heads };
}

/** Of those that are told already. */
function isNew(told: readonly RaisedPrev[]): (raised: RaisedPrev) => boolean {
  const known = new Set(told.map(({ channel, position }) => `${channel}|${formatPosition(position)}`));
  return ({ channel, position }) => !known.has(`${channel}|${formatPosition(position)}`);
}

function toItem(entry: BatchEntry, index: number, fault: string | undefined): BatchItem {
  const { partition, id, position, frame, row } = entry;
  const at = { index, partition, id, ...position };
  const dead = (reason: string): BatchItem => ({ ...at, row: placeholder(entry), dead: { frame, reason } });
  if (row.kind === "unreadable") return dead(fault ?? row.fault);
  if (fault !== undefined) return dead(fault);
  // A record of the audit log has a table of its own, and here only moves the position.
  return { ...at, row: row.kind === "audit" ? undefined : row };
}

/** Of a deletion that Postgres refuses it may be these that it refuses: then placeholders keep the line of the channel. */
function removedItems({ partition, id, removed = [] }: BatchEntry, index: number, isRefused: boolean): BatchItem[] {
  return removed.flatMap((row) => {
    const { channel, epoch, seq } = row;
    const kept = isRefused ? placeholder({ channel, position: { epoch, seq }, row }) : row;
    return kept === undefined ? [] : [{ index, partition, id, epoch, seq, row: kept }];
  });
}

/**
 * A deleted message at the entry's position, of what is known to be harmless. None for a channel that cannot be named, or
 * without a position: nobody could read it.
 */
function placeholder({
  channel,
  position,
  row,
}: Pick<BatchEntry, "channel" | "position" | "row">): MessageRow | undefined {
  if (!isChannelId(channel) || position.seq < 1) return undefined;
  const known = row.kind === "unreadable" || row.kind === "audit" ? undefined : row;
  const fit = (text: string | null | undefined, isFit: (text: string) => boolean, otherwise: string): string =>
    typeof text === "string" && isFit(text) ? text : otherwise;
  const at = known?.at ?? position.epoch;
  return {
    channel,
    ...position,
    kind: "message",
    id: fit(known?.id, isMessageId, placeholderId(channel, position)),
    // A deletion finds by it the dead letters of edits.
    target: typeof known?.target === "string" && isMessageId(known.target) ? known.target : null,
    clientId: fit(known?.clientId, isClientId, "unreadable"),
    author: fit(known?.author, isUserId, "unreadable"),
    name: "",
    body: null,
    meta: null,
    replyTo: null,
    mentions: null,
    at,
    deletedAt: at,
    prevEpoch: known?.prevEpoch ?? null,
    prevSeq: known?.prevSeq ?? null,
    emoji: null,
    standing: null,
  };
}

/** 21 characters, as every message id, and the same at each attempt. */
function placeholderId(channel: string, { epoch, seq }: Position): string {
  return createHash("sha256").update(`${channel}|${epoch}-${seq}`).digest("base64url").slice(0, 21);
}
