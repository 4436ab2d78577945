// A node's turn to drain: of all that want to go, one at a time, so that those who come back elsewhere come at a rate that the
// others can take. Made by joinCluster; asked for by an order in the lease and by the end of the node itself.
// States: idle, asking (each beat's time, until it is given or was waited for long enough), held (renewed until given back; it
// ends with its lease when the node dies).
import { beatEveryMs } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import { pause } from "@rookery/runtime";

export interface DrainTurn {
  /** Asks once; true when the turn is this node's, and then for as long as it keeps it. */
  ask(this: void): Promise<boolean>;
  /** Asks until the turn is given, or for so long; true when it was given. */
  wait(this: void, withinMs: number): Promise<boolean>;
  /** The next one may go. */
  giveBack(this: void): Promise<void>;
}

export interface DrainTurnOptions {
  readonly connection: Pick<RedisConnection, "rookeryHoldOffice">;
  readonly keys: Pick<Keys, "drains">;
  readonly leaseMs: number;
  node(this: void): string;
  failed(this: void, error: unknown): void;
}

/** What is given back is nobody's after so long. */
const AT_ONCE_MS = 1;

export function createDrainTurn({ connection, keys, leaseMs, node, failed }: DrainTurnOptions): DrainTurn {
  const everyMs = beatEveryMs(leaseMs);
  let renewal: NodeJS.Timeout | undefined;
  let givenBack = 0;

  async function ask(): Promise<boolean> {
    const before = givenBack;
    try {
      const isMine = (await connection.rookeryHoldOffice(keys.drains, node(), leaseMs)) === 1;
      // A renewal whose answer comes after the turn was given back has renewed nothing, and must not begin anew.
      if (before !== givenBack) return false;
      if (isMine) renewal ??= setInterval(renew, everyMs).unref();
      return isMine;
    } catch (error) {
      failed(error);
      return false;
    }
  }

  const renew = (): void => {
    ask().catch(failed);
  };

  return {
    ask,
    async wait(withinMs) {
      const untilMs = performance.now() + withinMs;
      for (;;) {
        if (await ask()) return true;
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0) return false;
        await pause(Math.min(everyMs, leftMs));
      }
    },
    async giveBack() {
      if (renewal === undefined) return;
      givenBack += 1;
      clearInterval(renewal);
      renewal = undefined;
      await connection.rookeryHoldOffice(keys.drains, node(), AT_ONCE_MS).catch(failed);
    },
  };
}
