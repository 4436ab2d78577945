// For how long what this edge knows of rights may be relied upon: for two seconds from when the last answered look at a
// partition was sent, once all that it told has been acted upon. What is judged by rights asks here first: frames of clients,
// replies, deliveries. Pure but for the clock and one timer a partition that somebody waits for.
// States of a partition: unwatched (nobody looks at it), open, closed (its time is over: the next look that is answered opens
// it). The common one holds what concerns everybody, so while it is closed nothing is open.

import { ChatError } from "@rookery/protocol";

export interface Gate {
  /** One comparison: everything that is watched is open. */
  isAllOpen(this: void): boolean;
  isOpen(this: void, partition: number): boolean;
  /**
   * Undefined where it is open. Else resolves once it may be, in doubt to be asked again, and rejects with ChatError
   * `unavailable` when whoever was the first to wait has waited for too long.
   */
  whenOpen(this: void, partition: number): Promise<void> | undefined;
  /** All that was told by a look, sent then by performance.now(), has been acted upon. */
  looked(partition: number, askedAtMs: number): void;
  /** Nobody looks at it any more. */
  unwatched(partition: number): void;
  /** By performance.now(), when it closes unless it is looked at again. */
  closesAtMs(this: void, partition: number): number;
  close(): void;
}

export interface GateOptions {
  /** How long rights count from the last look. */
  readonly forMs: number;
  /** How long somebody may wait in front of a closed one. */
  readonly patienceMs: number;
  /** It was closed, or unwatched, and is open. Called before anybody who waits goes on. */
  opened(this: void, partition: number): void;
  readonly nowMs?: () => number;
}

/** The partition of what concerns everybody. */
export const COMMON = 0;

interface Queue {
  readonly opening: Promise<void>;
  readonly open: () => void;
  readonly timer: NodeJS.Timeout;
}

export function createGate({ forMs, patienceMs, opened, nowMs = () => performance.now() }: GateOptions): Gate {
  const closesAt = new Map<number, number>();
  const queues = new Map<number, Queue>();
  /** Of all that are watched. */
  let firstCloses = Number.NEGATIVE_INFINITY;

  const closesAtMs = (partition: number): number => closesAt.get(partition) ?? Number.NEGATIVE_INFINITY;
  const isOpenAt = (partition: number, at: number): boolean => at < closesAtMs(partition) && at < closesAtMs(COMMON);
  const reckon = (): void => {
    firstCloses = closesAt.has(COMMON) ? Math.min(...closesAt.values()) : Number.NEGATIVE_INFINITY;
  };

  /** One for all who wait, and it stays after it has rejected: whoever comes to a gate long closed does not wait at all. */
  function queueBefore(partition: number): Queue {
    const known = queues.get(partition);
    if (known !== undefined) return known;
    let open = (): void => undefined;
    let refuse = (_error: ChatError): void => undefined;
    const opening = new Promise<void>((resolve, reject) => {
      open = resolve;
      refuse = reject;
    });
    // Everybody may have gone meanwhile.
    opening.catch(() => undefined);
    const error = new ChatError("unavailable", "who may do what cannot be known at the moment");
    const timer = setTimeout(() => refuse(error), patienceMs);
    timer.unref();
    const queue = { opening, open, timer };
    queues.set(partition, queue);
    return queue;
  }

  function letIn(partition: number): void {
    const queue = queues.get(partition);
    queues.delete(partition);
    clearTimeout(queue?.timer);
    queue?.open();
  }

  return {
    isAllOpen: () => nowMs() < firstCloses,
    isOpen: (partition) => isOpenAt(partition, nowMs()),
    whenOpen(partition) {
      const at = nowMs();
      if (isOpenAt(partition, at)) return undefined;
      return queueBefore(at < closesAtMs(partition) ? COMMON : partition).opening;
    },
    looked(partition, askedAtMs) {
      const at = nowMs();
      const wasOpen = at < closesAtMs(partition);
      closesAt.set(partition, Math.max(closesAtMs(partition), askedAtMs + forMs));
      reckon();
      if (at >= closesAtMs(partition)) return;
      if (!wasOpen) opened(partition);
      letIn(partition);
    },
    unwatched(partition) {
      closesAt.delete(partition);
      reckon();
    },
    closesAtMs: (partition) => Math.min(closesAtMs(partition), closesAtMs(COMMON)),
    close() {
      for (const { timer } of queues.values()) clearTimeout(timer);
      queues.clear();
    },
  };
}
