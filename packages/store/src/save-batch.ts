// Commits batches of outbox entries: rows and the positions of their partitions together, exactly once. Called by the
// persister alone. A batch goes the short way of save-fresh.ts; the way here is for those in which anything is unusual.
// Must never leave out an entry: what Postgres refuses is found by halving, kept as a dead letter and
// replaced by a placeholder, so that the rest of the batch proceeds and the channel keeps its line.
import { isChannelId, isClientId, isMessageId, isUserId } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { createHash } from "node:crypto";
import { codeOf, isRefusedData } from "./away.ts";
import type { Batch, BatchEntry, SaveOutcome } from "./batch.ts";
import { batchParameters } from "./batch-columns.ts";
import type { BatchItem } from "./batch-columns.ts";
import type { Store } from "./connect.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import type { MessageRow } from "./message-row.ts";
import { toRaised } from "./raised-row.ts";
import type { RaisedRow } from "./raised-row.ts";
import { repeated } from "./repeated.ts";
import { saveFresh } from "./save-fresh.ts";
import { loadStatement } from "./statement.ts";

const SAVE = loadStatement("save-batch");

const NOTHING: SaveOutcome = {
  ...{ kind: "saved", inserted: 0, skipped: 0, quarantined: 0 },
  ...{ deadLetters: [], raised: [], unstored: [], reached: new Map() },
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

/**
 * Commits the batch. Rejects with an error of which `isAway` is true while Postgres is out of reach: the batch is then
 * committed or not, which the next read of these partitions from their beginning settles.
 */
export async function saveBatch(store: Store, batch: Batch): Promise<SaveOutcome> {
  if (batch.entries.length === 0) return NOTHING;
  return (await saveFresh(store, batch)) ?? saveCarefully(store, batch);
}

async function saveCarefully(store: Store, batch: Batch): Promise<SaveOutcome> {
  try {
    return await commit(store, batch, undefined);
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    return batch.entries.length === 1 ? saveAlone(store, batch) : saveHalves(store, batch);
  }
}

/** Each half is whole by itself: it moves its positions, and the second is read after the first. */
async function saveHalves(store: Store, { readAfter, entries }: Batch): Promise<SaveOutcome> {
  const middle = Math.ceil(entries.length / 2);
  const [left, right] = [entries.slice(0, middle), entries.slice(middle)];
  const first = await saveCarefully(store, { readAfter, entries: left });
  if (first.kind !== "saved") return first;
  const reached = new Map([...readAfter, ...left.map(({ partition, id }) => [partition, id] as const)]);
  const second = await saveCarefully(store, { readAfter: reached, entries: right });
  if (second.kind !== "saved") return second;
  return {
    kind: "saved",
    inserted: first.inserted + second.inserted,
    skipped: first.skipped + second.skipped,
    quarantined: first.quarantined + second.quarantined,
    deadLetters: [...first.deadLetters, ...second.deadLetters],
    raised: [...first.raised, ...second.raised],
    unstored: [...new Set([...first.unstored, ...second.unstored])],
    reached: new Map([...first.reached, ...second.reached]),
  };
}

async function saveAlone(store: Store, batch: Batch): Promise<SaveOutcome> {
  let reason = "refused";
  for (let tries = 1; tries < TRIES_ALONE; tries += 1) {
    try {
      return await commit(store, batch, undefined);
    } catch (error) {
      if (!isRefusedData(error)) throw error;
      // The message of Postgres may quote the text it refused; its code does not.
      reason = `refused by Postgres (${codeOf(error)})`;
    }
  }
  return commit(store, batch, reason);
}

/** One transaction. With `fault`, every entry of the batch becomes a dead letter. */
async function commit(store: Store, batch: Batch, fault: string | undefined): Promise<SaveOutcome> {
  const items = batch.entries.map((entry) => toItem(entry, fault));
  const readAfter = new Map(
    items.map(({ partition }) => [partition, batch.readAfter.get(partition) ?? BEFORE_FIRST_ENTRY]),
  );
  const [row] = await repeated(() => store.query<SaveRow>(SAVE, batchParameters(readAfter, items)));
  if (row === undefined) throw new Error("save_batch answered nothing");
  if (row.behind !== null) return { kind: "behind", partitions: row.behind };
  const deadLetters = row.dead.flatMap((index) => {
    const [entry, letter] = [batch.entries[index - 1], items[index - 1]?.dead];
    if (entry === undefined || letter === undefined) return [];
    const { partition, id, channel, position } = entry;
    return { partition, id, channel, position, reason: letter.reason };
  });
  const raised = row.raised.map(toRaised);
  const { inserted, skipped, quarantined, unstored } = row;
  const reached = new Map(row.reached.map(({ partition, epoch, number }) => [partition, { epoch, number }]));
  return { kind: "saved", inserted, skipped, quarantined, deadLetters, raised, unstored, reached };
}

function toItem(entry: BatchEntry, fault: string | undefined): BatchItem {
  const { partition, id, position, frame, row } = entry;
  const at = { partition, id, ...position };
  const dead = (reason: string): BatchItem => ({ ...at, row: placeholder(entry), dead: { frame, reason } });
  if (row.kind === "unreadable") return dead(fault ?? row.fault);
  return fault === undefined ? { ...at, row } : dead(fault);
}

/**
 * A deleted message at the entry's position, of what is known to be harmless. None for a channel that cannot be named, or
 * without a position: nobody could read it.
 */
function placeholder({ channel, position, row }: BatchEntry): MessageRow | undefined {
  if (!isChannelId(channel) || position.seq < 1) return undefined;
  const known = row.kind === "unreadable" ? undefined : row;
  const fit = (text: string | null | undefined, isFit: (text: string) => boolean, otherwise: string): string =>
    typeof text === "string" && isFit(text) ? text : otherwise;
  const at = known?.at ?? position.epoch;
  return {
    channel,
    ...position,
    kind: "message",
    id: fit(known?.id, isMessageId, placeholderId(channel, position)),
    target: null,
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
  };
}

/** 21 characters, as every message id, and the same at each attempt. */
function placeholderId(channel: string, { epoch, seq }: Position): string {
  return createHash("sha256").update(`${channel}|${epoch}-${seq}`).digest("base64url").slice(0, 21);
}
