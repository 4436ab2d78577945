// Pages of the audit log, the newest first, for those who may read it; of a channel also who wrote, edited and deleted what, from
// the messages themselves. Asked by the api. Must never show a text.
import { loadStatement } from "./statement.ts";
import type { Store } from "./connect.ts";

/** Absent: not asked for. */
export interface AuditQuestion {
  readonly channel?: string | undefined;
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
  readonly kind?: string | undefined;
  /** Both included, ms since the Unix epoch. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: number;
  readonly kind: string;
  readonly actor: string;
  readonly subject: string | null;
  readonly channel: string | null;
  readonly node: string | null;
  readonly address: string | null;
  readonly reason: string | null;
  readonly data: Readonly<Record<string, unknown>> | null;
}

/** Where a page ended: behind a record, and in the channel behind a position. */
export interface AuditCursor {
  readonly at: number;
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Absent on the last page. Before it a page may be shorter than was asked for. */
  readonly next?: AuditCursor;
}

export interface AuditLog {
  /** Throws ChatError `unavailable`. */
  page(question: AuditQuestion, limit: number, after?: AuditCursor): Promise<AuditPage>;
}

interface MessageTold {
  readonly epoch: number;
  readonly seq: number;
  /** Null in the last row. */
  readonly id: string | null;
  readonly at: number;
  readonly kind: string;
  readonly author: string;
  readonly target: string | null;
}

interface Found {
  readonly entry: AuditEntry;
  readonly position?: { readonly epoch: number; readonly seq: number };
}

const PAGE = loadStatement("audit-page");
const MESSAGES = loadStatement("audit-messages");
const LATEST = Number.MAX_SAFE_INTEGER;
const MESSAGE_KINDS: ReadonlySet<string> = new Set(["message", "edited", "deleted"]);
/** A page about somebody who said little looks through no more of a channel than this. */
const MOST_POSITIONS = 2_000;

const BEGINNING: AuditCursor = { at: LATEST, id: "", epoch: LATEST, seq: LATEST };

export function createAuditLog(store: Store): AuditLog {
  async function records(question: AuditQuestion, limit: number, after: AuditCursor): Promise<Found[]> {
    const { channel = null, actor = null, subject = null, kind = null, fromMs = 0, toMs = LATEST } = question;
    const asked = [channel, actor, subject, kind, fromMs, toMs, after.at, after.id, limit + 1];
    const rows = await store.read<Omit<AuditEntry, "data"> & { data: string | null }>("the audit log", PAGE, asked);
    return rows.map(({ data, ...row }) => ({ entry: { ...row, data: data === null ? null : objectOf(data) } }));
  }

  async function messages(
    question: AuditQuestion,
    limit: number,
    after: AuditCursor,
  ): Promise<{ found: Found[]; seenTo?: { epoch: number; seq: number } }> {
    const { channel, actor = null, subject, kind = null, fromMs = 0, toMs = LATEST } = question;
    if (channel === undefined || subject !== undefined || (kind !== null && !MESSAGE_KINDS.has(kind)))
      return { found: [] };
    const asked = [channel, after.epoch, after.seq, actor, kind, fromMs, toMs, limit + 1, MOST_POSITIONS];
    const rows = await store.read<MessageTold>("the audit log", MESSAGES, asked);
    const last = rows.at(-1);
    const found = rows.flatMap((row) => (row.id === null ? [] : [messageFound(channel, row.id, row)]));
    // The last row's time is how many positions were looked at.
    return last?.id === null && last.at >= MOST_POSITIONS
      ? { found, seenTo: { epoch: last.epoch, seq: last.seq } }
      : { found };
  }

  return {
    async page(question, limit, after = BEGINNING) {
      const [noted, said] = await Promise.all([records(question, limit, after), messages(question, limit, after)]);
      const all = [...noted, ...said.found].toSorted((a, b) => b.entry.at - a.entry.at);
      const shown = all.slice(0, limit);
      const entries = shown.map(({ entry }) => entry);
      if (all.length <= limit && said.seenTo === undefined) return { entries };
      const record = shown.findLast(({ position }) => position === undefined)?.entry ?? after;
      const isAllSaid = said.found.every((each) => shown.includes(each));
      const position =
        (isAllSaid ? said.seenTo : undefined) ??
        shown.findLast((each) => each.position !== undefined)?.position ??
        after;
      return { entries, next: { at: record.at, id: record.id, epoch: position.epoch, seq: position.seq } };
    },
  };
}

function messageFound(channel: string, id: string, { epoch, seq, at, kind, author, target }: MessageTold): Found {
  const entry = { id, at, kind, actor: author, subject: target, channel, node: null, address: null, reason: null };
  return { entry: { ...entry, data: { epoch, seq } }, position: { epoch, seq } };
}

function objectOf(text: string): Record<string, unknown> | null {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : null;
}
