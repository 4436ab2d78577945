// Lets work through while all that is under way together stays within a size; the rest waits in order, for a while and in a
// bounded line. Used for reads: so what a store owes this process in answers is bounded, whatever clients ask for.
// States of a piece of work: waiting, under way, done.
import { ChatError } from "@rookery/protocol";

export interface GateOptions {
  /** What may be under way together, in any unit. Work that is larger goes alone. */
  readonly capacity: number;
  readonly mostWaiting: number;
  readonly mostWaitMs: number;
}

export interface Gate {
  /** Throws ChatError `unavailable` when the line is too long or did not move in time; then the work was not begun. */
  through<Answer>(size: number, work: () => Promise<Answer>): Promise<Answer>;
}

interface Waiting {
  readonly size: number;
  begin(): void;
}

export function createGate({ capacity, mostWaiting, mostWaitMs }: GateOptions): Gate {
  const line = new Set<Waiting>();
  let underWay = 0;

  const fits = (size: number): boolean => underWay === 0 || underWay + size <= capacity;

  function next(): void {
    for (const waiting of line) {
      if (!fits(waiting.size)) return;
      line.delete(waiting);
      waiting.begin();
    }
  }

  function turn(size: number): Promise<void> {
    const busy = (): ChatError => new ChatError("unavailable", "too many are reading: try again later");
    if (line.size >= mostWaiting) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        size,
        begin() {
          clearTimeout(timer);
          underWay += size;
          resolve();
        },
      };
      const timer = setTimeout(() => {
        line.delete(waiting);
        reject(busy());
        next();
      }, mostWaitMs);
      line.add(waiting);
    });
  }

  return {
    async through(size, work) {
      if (line.size === 0 && fits(size)) underWay += size;
      else await turn(size);
      try {
        return await work();
      } finally {
        underWay -= size;
        next();
      }
    },
  };
}
