// Waits until a control is in force, and says where it is not. Called by the api, once for every change that it announced.
// Must never call a node confirmed that has not said so, nor wait for longer than it may.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Receipt, Receipts } from "./control-log.ts";
import { compareEntryIds, formatEntryId, parseEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import { expectedEdges } from "./expected-edges.ts";
import type { Keys } from "./keys.ts";

export interface ReceiptsOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** How long it is waited for those who do not confirm. */
  readonly withinMs?: number;
}

const WITHIN_MS = 2_000;
/** Edges mostly answer within a few ms; later it matters less. */
const FIRST_LOOK_MS = 5;
const MOST_BETWEEN_MS = 50;

interface Look {
  readonly confirmed: ReadonlySet<string>;
  readonly closed: number;
}

export function createReceipts({ connection, keys, withinMs = WITHIN_MS }: ReceiptsOptions): Receipts {
  async function look(partition: number, number: EntryId): Promise<Look> {
    const own = keys.partition(partition);
    const [words, closes] = await answered(connection, () =>
      Promise.all([connection.hgetall(own.confirmed), connection.hgetall(own.receipt(formatEntryId(number)))]),
    );
    const reached = Object.entries(words).filter(([, word]) => {
      const standing = parseEntryId(word);
      return standing !== undefined && compareEntryIds(standing, number) >= 0;
    });
    return {
      confirmed: new Set(reached.map(([node]) => node)),
      closed: Object.values(closes).reduce((sum, closed) => sum + Number(closed), 0),
    };
  }

  async function expected(of: readonly string[] | undefined): Promise<ReadonlySet<string>> {
    const all = await expectedEdges(connection, keys);
    return of === undefined ? all : new Set(of.filter((node) => all.has(node)));
  }

  /** Words of nodes that are asked for no more. */
  async function forget(partition: number, confirmed: ReadonlySet<string>): Promise<void> {
    const all = await expectedEdges(connection, keys);
    const others = [...confirmed].filter((node) => !all.has(node));
    if (others.length > 0) await connection.hdel(keys.partition(partition).confirmed, ...others);
  }

  return {
    async gather(partition, number, startedMs, of) {
      let waitsFor = await expected(of);
      const missing = ({ confirmed }: Look): string[] => [...waitsFor].filter((node) => !confirmed.has(node));
      let seen = await look(partition, number);
      for (let betweenMs = FIRST_LOOK_MS; missing(seen).length > 0; betweenMs *= 2) {
        const leftMs = startedMs + withinMs - performance.now();
        if (leftMs <= 0) break;
        await pause(Math.min(betweenMs, MOST_BETWEEN_MS, leftMs));
        seen = await look(partition, number);
      }
      if (missing(seen).length > 0) {
        // Who left in the meantime is waited for by nobody. One that came has read what was committed before it.
        const still = await expected(of);
        waitsFor = new Set([...waitsFor].filter((node) => still.has(node)));
      }
      if (of === undefined && [...seen.confirmed].some((node) => !waitsFor.has(node)))
        forget(partition, seen.confirmed).catch(() => undefined);
      return receiptOf(waitsFor.size, missing(seen).toSorted(), seen.closed, startedMs);
    },
  };
}

function receiptOf(expected: number, missing: readonly string[], sessionsClosed: number, startedMs: number): Receipt {
  const nodes = { confirmed: expected - missing.length, expected, missing };
  return { nodes, sessionsClosed, ms: Math.round(performance.now() - startedMs) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
