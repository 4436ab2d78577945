// Says in the log, once a minute, where the chains of the audit log end: so that one which was cut together with its head in
// Postgres and in Redis can still be shown to have been longer. Made by main; says nothing of chains that stand still.
import type { AuditHead } from "@rookery/store";

export interface AuditNotesOptions {
  readonly chain: { heads(): ReadonlyMap<number, AuditHead> };
  owned(this: void): readonly number[];
  readonly log: { info(fields: object, message: string): void };
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;

export function createAuditNotes({ chain, owned, log, everyMs = EVERY_MS }: AuditNotesOptions): {
  close(this: void): void;
} {
  const told = new Map<number, number>();

  function tell(): void {
    const heads = owned().flatMap((partition) => {
      const head = chain.heads().get(partition);
      return head === undefined || head.n === told.get(partition) ? [] : [[partition, head] as const];
    });
    if (heads.length === 0) return;
    for (const [partition, { n }] of heads) told.set(partition, n);
    const ends = heads.map(([partition, { n, mac }]) => `${partition}:${n}:${mac}`);
    log.info({ heads: ends.join(" ") }, "the chains of the audit log end here");
  }

  const timer = setInterval(tell, everyMs);
  return {
    close() {
      clearInterval(timer);
      tell();
    },
  };
}
