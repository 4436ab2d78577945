// The chains that this process adds to: seals records on the heads that it knows, and again on those that Postgres tells where
// another process has added meanwhile. Made once by the persister; the two ways to commit a batch ask it.
// Must never seal anything beyond a head without saying which: two rows at one number would be two chains.
// States of a partition: not known (taken for empty, which Postgres puts right), or known up to a head.
import { randomBytes } from "node:crypto";
import type { AuditHead, AuditRow, SealedRow } from "./audit-row.ts";
import { sealed } from "./audit-seal.ts";
import type { AuditKey } from "./audit-seal.ts";

export interface PlacedRecord {
  readonly partition: number;
  readonly row: AuditRow;
}

/** How the chains stand where they were not as they were named. */
export interface ChainStands {
  readonly heads: readonly (AuditHead & { readonly partition: number; readonly keyId: string | null })[];
  /** Ids of rows that are there already. */
  readonly doubled: readonly string[];
}

export interface Appended {
  /** Null when the chains stand as they were named. */
  readonly stands: ChainStands | null;
  /** What was given is committed. */
  readonly isAppended: boolean;
}

export type NamedHead = AuditHead & { readonly partition: number };

export interface AuditChain {
  /**
   * Gives `save` the records sealed, in their order, with the heads they are sealed on; again for as long as it answers that
   * others stand there. Records that are there already are left out. Rejects as `save` does, or when the heads never stand still.
   */
  append<Answer extends Appended>(
    records: readonly PlacedRecord[],
    save: (heads: readonly NamedHead[], rows: readonly SealedRow[]) => Promise<Answer>,
  ): Promise<Answer>;
  /** The end of each chain as this process last left it. */
  heads(): ReadonlyMap<number, AuditHead>;
}

export interface AuditChainOptions {
  readonly key: AuditKey;
  /** The key before this one: a chain that it sealed passes to `key` by a record that it seals. */
  readonly previousKey?: AuditKey | undefined;
  /** Who tells of a change of keys: `node:<id>`. */
  actor(this: void): string;
  /** A chain ends before a row that this process has added: somebody has taken rows away. */
  shortened?(this: void, partition: number, known: AuditHead, found: AuditHead): void;
  clock?(this: void): number;
}

interface KnownHead extends AuditHead {
  readonly keyId: string | null;
}

const EMPTY: KnownHead = { n: 0, mac: null, keyId: null };
/** Of persisters that take turns with one partition each wins once in a while. */
const MOST_TRIES = 20;

export function createAuditChain(options: AuditChainOptions): AuditChain {
  const { key, previousKey, clock = Date.now } = options;
  const known = new Map<number, KnownHead>();

  /** The record with which a chain passes to our key, sealed by the one before where that is known. */
  function passing(partition: number, head: KnownHead): SealedRow | undefined {
    if (head.n === 0 || head.keyId === key.id) return undefined;
    const by = head.keyId !== null && head.keyId === previousKey?.id ? previousKey : key;
    const row: AuditRow = {
      ...{ kind: "audit", id: randomBytes(16).toString("base64url"), at: clock(), what: "audit_key" },
      ...{ actor: options.actor(), subject: key.id, channel: null, node: null, address: null, reason: null },
      data: JSON.stringify({ from: head.keyId ?? "", to: key.id }),
    };
    return sealed(by, head.mac, partition, head.n + 1, row);
  }

  function seal(records: readonly PlacedRecord[]): {
    heads: NamedHead[];
    rows: SealedRow[];
    ends: Map<number, KnownHead>;
  } {
    const ends = new Map<number, KnownHead>();
    const heads: NamedHead[] = [];
    const rows: SealedRow[] = [];
    const add = (row: SealedRow): void => {
      rows.push(row);
      ends.set(row.partition, { n: row.n, mac: row.mac, keyId: key.id });
    };
    for (const { partition, row } of records) {
      if (!ends.has(partition)) {
        const head = known.get(partition) ?? EMPTY;
        heads.push({ partition, n: head.n, mac: head.mac });
        ends.set(partition, head);
        const first = passing(partition, head);
        if (first !== undefined) add(first);
      }
      const before = ends.get(partition) ?? EMPTY;
      add(sealed(key, before.mac, partition, before.n + 1, row));
    }
    return { heads, rows, ends };
  }

  function learn({ heads }: ChainStands): void {
    for (const { partition, n, mac, keyId } of heads) {
      const before = known.get(partition);
      if (before !== undefined && n < before.n) options.shortened?.(partition, before, { n, mac });
      known.set(partition, { n, mac, keyId });
    }
  }

  return {
    async append(records, save) {
      let wanted = unique(records);
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        const { heads, rows, ends } = seal(wanted);
        const answer = await save(heads, rows);
        if (answer.stands === null) {
          if (answer.isAppended) for (const [partition, head] of ends) known.set(partition, head);
          return answer;
        }
        learn(answer.stands);
        const doubled = new Set(answer.stands.doubled);
        wanted = wanted.filter(({ row }) => !doubled.has(row.id));
      }
      throw new Error("the chains of the audit log never stood still");
    },
    heads: () => known,
  };
}

function unique(records: readonly PlacedRecord[]): readonly PlacedRecord[] {
  const ids = new Set<string>();
  return records.filter(({ row }) => {
    const isNew = !ids.has(row.id);
    ids.add(row.id);
    return isNew;
  });
}
