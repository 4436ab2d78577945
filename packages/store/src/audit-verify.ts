// Reads the whole audit log and says where it is not as it was written: an edited, removed, swapped or cut-off row. Called by the
// command line and by tests, never by a server. Must never change anything, nor tell what a row says.
//
// A chain shows what was done to its rows; that its end was cut off shows by the head beside it, and where that was set back
// too, by a head that was kept elsewhere: in Redis, or in a log.
import type { AuditHead, SealedRow } from "./audit-row.ts";
import { sealOf } from "./audit-seal.ts";
import type { AuditKey } from "./audit-seal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** `at`: number of the row, or of where it should be. */
export interface AuditFinding {
  readonly partition: number;
  readonly n: number;
  readonly fault: "edited" | "missing" | "cut" | "unknown_key" | "beyond_head";
  /** For a person. */
  readonly message: string;
}

export interface AuditVerification {
  readonly partitions: number;
  readonly rows: number;
  /** At most so many that a person can read them; `more` tells that there are others. */
  readonly findings: readonly AuditFinding[];
  readonly more: boolean;
}

export interface AuditVerifyOptions {
  readonly keys: readonly AuditKey[];
  /** Heads that were kept elsewhere, by partition. */
  readonly known?: ReadonlyMap<number, readonly AuditHead[]>;
}

const PARTITIONS = loadStatement("audit-partitions");
const ROWS = loadStatement("audit-rows");
const HEAD = loadStatement("audit-head");
const PAGE_ROWS = 2_000;
const MOST_FINDINGS = 100;

/** Rejects as a query does. */
export async function verifyAudit(store: Store, options: AuditVerifyOptions): Promise<AuditVerification> {
  const heads = await store.query<{ readonly partition: number }>(PARTITIONS, []);
  const all = new Set([...heads.map(({ partition }) => partition), ...(options.known?.keys() ?? [])]);
  const findings: AuditFinding[] = [];
  let rows = 0;
  for (const partition of [...all].toSorted((a, b) => a - b)) {
    const chain = createChainCheck(partition, options, (finding) => findings.push(finding));
    let head: AuditHead = { n: 0, mac: null };
    // The log may grow meanwhile: its rows end where a head was that is asked for behind them.
    for (let readTo = -1; ;) {
      const page = await store.query<SealedRow>(ROWS, [partition, chain.last(), PAGE_ROWS]);
      for (const row of page) chain.check(row);
      rows += page.length;
      if (findings.length > MOST_FINDINGS) break;
      if (page.length === PAGE_ROWS) continue;
      const [found] = await store.query<AuditHead>(HEAD, [partition]);
      head = found ?? head;
      if (head.n <= chain.last() || head.n === readTo) break;
      readTo = head.n;
    }
    if (findings.length <= MOST_FINDINGS) chain.end(head);
  }
  return {
    partitions: all.size,
    rows,
    findings: findings.slice(0, MOST_FINDINGS),
    more: findings.length > MOST_FINDINGS,
  };
}

/** Follows one chain from its beginning. */
function createChainCheck(
  partition: number,
  { keys, known }: AuditVerifyOptions,
  found: (finding: AuditFinding) => void,
): { last(): number; check(row: SealedRow): void; end(head: AuditHead): void } {
  const kept = (known?.get(partition) ?? []).filter(({ n }) => n > 0);
  let last: SealedRow | undefined;
  const tell = (n: number, fault: AuditFinding["fault"], message: string): void =>
    found({ partition, n, fault, message: `partition ${partition}, row ${n}: ${message}` });

  function checkKept(row: SealedRow): void {
    for (const head of kept) {
      if (head.n === row.n && head.mac !== row.mac)
        tell(row.n, "cut", "another row stood here: what followed was cut off, and the chain was gone on with");
    }
  }

  return {
    last: () => last?.n ?? 0,
    check(row) {
      const expected = (last?.n ?? 0) + 1;
      if (row.n !== expected) {
        const what = row.n === expected + 1 ? `row ${expected} is` : `rows ${expected} to ${row.n - 1} are`;
        tell(expected, "missing", `${what} not there`);
      }
      const key = keys.find(({ id }) => id === row.keyId);
      if (key === undefined) tell(row.n, "unknown_key", `sealed by the key "${row.keyId}", which is not given`);
      // After a hole the seal before it is not known: what cannot be checked is not called edited.
      else if (row.n === expected && sealOf(key, last?.mac ?? null, row) !== row.mac)
        tell(row.n, "edited", "it, or the one before, is not as it was sealed");
      checkKept(row);
      last = row;
    },
    end(head) {
      const n = last?.n ?? 0;
      if (n < head.n) tell(n + 1, "cut", `the chain ends before row ${head.n}, where it was left`);
      else if (n > head.n) tell(head.n + 1, "beyond_head", `rows stand beyond row ${head.n}, where the chain was left`);
      else if (head.mac !== (last?.mac ?? null)) tell(n, "edited", "the last row is not the one that was left there");
      const further = Math.max(0, ...kept.map((each) => each.n));
      if (further > Math.max(n, head.n))
        tell(n + 1, "cut", `the chain ends before row ${further}, which Redis or a log has seen`);
    },
  };
}
