// The newest pages of channels that are joined again and again: kept while the channel stands where it stood, and led on by
// messages that came since, so that most joins ask Redis for a head and not for a page. Used by history.ts for pages without a
// cursor. Whatever happens to a message takes a position, so a page of the head's position is what would be read now. Must
// never keep what Postgres had a part in: it may have been away, or behind. Bounded by bytes; the page that was asked for
// longest ago goes first. What a channel keeps for some days only ends without taking a position: so none is kept for long.
import { comparePositions, ORIGIN, samePosition } from "@rookery/protocol";
import type { StoredFrame } from "@rookery/protocol";
import type { ChannelHead } from "./channel-head.ts";
import { sameCorrections } from "./correction.ts";
import { bytesOf } from "./log.ts";
import type { LogReader, LogView } from "./log.ts";
import { continues } from "./log-walk.ts";
import { fit } from "./page.ts";
import type { BackwardPage, PageWish } from "./page.ts";
import { goOn } from "./reading.ts";
import type { Reading } from "./reading.ts";

/** A page as it stands, or else what `read` makes. Each asker is charged for a page that was kept as if it had been read. */
export type KeptPages = (
  question: string,
  wish: PageWish,
  reading: Reading,
  read: () => Promise<BackwardPage>,
) => Promise<BackwardPage>;

export interface KeptPagesOptions {
  readonly log: Pick<LogReader, "head" | "up">;
  readonly mostBytes?: number;
  /** Monotonic. */
  readonly nowMs?: () => number;
}

interface Kept {
  readonly page: BackwardPage;
  readonly weight: number;
  readonly readAtMs: number;
  readonly cost: Pick<Reading, "bytes" | "entries">;
}

/** Some hundred of the fullest pages that are usual, or a hundred and more of the largest. */
const MOST_BYTES = 8 * 1024 * 1024;
/** What an entry of the map and the objects of a page take, roughly. */
const PAGE_BYTES = 512;
const FRAME_BYTES = 128;
/** Then it is read anew: messages that were too old to be kept are in no page for longer. */
const KEPT_MS = 3_600_000;
/** Beyond so many new entries a page is read anew: reading those would cost as much. */
const MOST_NEW = 16;

export function createKeptPages({
  log,
  mostBytes = MOST_BYTES,
  nowMs = () => performance.now(),
}: KeptPagesOptions): KeptPages {
  const pages = new Map<string, Kept>();
  let bytes = 0;

  function forget(question: string): void {
    bytes -= pages.get(question)?.weight ?? 0;
    pages.delete(question);
  }

  function keep(question: string, kept: Kept): void {
    forget(question);
    pages.set(question, kept);
    bytes += kept.weight;
    for (const oldest of pages.keys()) {
      if (bytes <= mostBytes) return;
      forget(oldest);
    }
  }

  async function standing(question: string, wish: PageWish, reading: Reading): Promise<BackwardPage | undefined> {
    const known = pages.get(question);
    if (known === undefined) return undefined;
    if (nowMs() - known.readAtMs > KEPT_MS) {
      forget(question);
      return undefined;
    }
    goOn(reading);
    const now = await log.head(wish.channel);
    const page = now === undefined ? undefined : await ledOn(known.page, now, wish, reading);
    if (page === undefined) {
      if (pages.get(question) === known) forget(question);
      return undefined;
    }
    keep(question, { ...known, page, weight: weightOf(page) });
    reading.bytes += known.cost.bytes;
    reading.entries += known.cost.entries;
    return page;
  }

  /** The page as it is now; undefined where it is to be read anew. */
  async function ledOn(
    page: BackwardPage,
    now: ChannelHead,
    wish: PageWish,
    reading: Reading,
  ): Promise<BackwardPage | undefined> {
    if (!isSameEpoch(page.head, now)) return undefined;
    // The very same page where it can be: what was made of it is found by it.
    if (samePosition(page.head.position, now.position)) {
      return samePosition(page.head.saved, now.saved) ? page : { ...page, head: now };
    }
    const behind = now.position.seq - page.head.position.seq;
    if (behind < 0 || behind > MOST_NEW) return undefined;
    const look = { ...wish, frames: 2 * MOST_NEW, atLeastOne: false, entries: 2 * MOST_NEW, bytes: wish.maxBytes };
    const view = await log.up({ ...look, which: "" }, page.head.position, reading);
    const fresh = messagesSince(page.head, view);
    if (fresh === undefined || view.head === undefined) return undefined;
    const newestFirst = [...page.frames, ...fresh].toReversed();
    const frames = fit(newestFirst, wish).toReversed();
    return { frames, more: page.more || frames.length < newestFirst.length, head: view.head };
  }

  return async (question, wish, reading, read) => {
    const known = await standing(question, wish, reading);
    if (known !== undefined) return known;
    const before = { ...reading };
    const readAtMs = nowMs();
    const page = await read();
    if (reading.statements > before.statements || !isOfTheLog(page, wish)) return page;
    const cost = { bytes: reading.bytes - before.bytes, entries: reading.entries - before.entries };
    keep(question, { page, weight: weightOf(page), readAtMs, cost });
    return page;
  };
}

/**
 * Saving the first of an epoch may raise what that follows, and give the log's share before it to Postgres: the page is read
 * anew then. Within an epoch saving changes nothing in a page.
 */
function isSameEpoch(then: ChannelHead, now: ChannelHead): boolean {
  if (then.position.epoch !== now.position.epoch || !sameCorrections(then.corrected, now.corrected)) return false;
  return samePosition(then.saved, now.saved) || then.saved.epoch === then.position.epoch;
}

const MESSAGE = '{"type":"message"';

/** All that came since, where it is nothing but messages that answer none: such change nothing in what stands before them. */
function messagesSince(then: ChannelHead, { head, ended, entries }: LogView): readonly StoredFrame[] | undefined {
  if (ended !== "end" || head === undefined || !isSameEpoch(then, head)) return undefined;
  const found: StoredFrame[] = [];
  let before = then.position;
  for (const entry of entries) {
    const { frame, position } = entry;
    if (samePosition(position, then.position)) continue;
    if (frame === undefined || !frame.startsWith(MESSAGE) || frame.includes('"replyTo":')) return undefined;
    if (frame.includes('"deleted":true') || !continues(before, entry)) return undefined;
    found.push({ ...entry, frame });
    before = position;
  }
  return comparePositions(before, head.position) === 0 ? found : undefined;
}

/** One that is cut short may have wanted for Postgres; an empty channel is no page worth keeping. */
function isOfTheLog({ frames, more, head }: BackwardPage, { limit }: PageWish): boolean {
  return (frames.length >= limit || !more) && !samePosition(head.position, ORIGIN);
}

function weightOf({ frames }: BackwardPage): number {
  return frames.reduce((sum, frame) => sum + FRAME_BYTES + bytesOf(frame), PAGE_BYTES);
}
