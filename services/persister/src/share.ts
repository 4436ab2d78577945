// Shares the partitions out among the living persisters: each goes to the one with the highest weight for it, so that
// whoever comes or goes moves only its own. Pure; all who see the same list come to the same answer.
import { createHash } from "node:crypto";

/** Who lives, and up to which kind of outbox entry it understands. */
export interface Sharer {
  readonly node: string;
  /** Absent on builds that know of no kinds, which counts as 0. */
  readonly kinds?: number | undefined;
}

/**
 * Those of the living among whom the partitions are shared: who understands the newest kind that any of them does, or
 * that `self` does. Whoever is not among them owns nothing, since it could only hold what a newer one passes.
 */
export function sharersAmong(self: Sharer, living: readonly Sharer[]): string[] {
  const all = [self, ...living.filter(({ node }) => node !== self.node)];
  const newest = Math.max(...all.map(({ kinds = 0 }) => kinds));
  return all.flatMap(({ node, kinds = 0 }) => (kinds === newest ? node : []));
}

/** The partitions of `self` among `living`, which may or may not name it. */
export function shareOf(self: string, living: readonly string[], partitions: number): number[] {
  const rivals = living.filter((node) => node !== self);
  return Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => {
    const own = weight(self, partition);
    return rivals.every((node) => {
      const other = weight(node, partition);
      // Equal weights do not happen with 48 bits; the ids decide all the same, so that nobody is left out.
      return own > other || (own === other && self > node);
    });
  });
}

function weight(node: string, partition: number): number {
  return createHash("sha256").update(`${node}|${partition}`).digest().readUIntBE(0, 6);
}
