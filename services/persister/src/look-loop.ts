// Looks again and again, one look at a time, until it is stopped: what takings, comparison and retention have in common.
// States: resting, looking (whoever asks meanwhile waits for that look), stopped.
import { ChatError } from "@rookery/protocol";
import { isAway } from "@rookery/store";

export interface LookLoop {
  start(): void;
  /** One look at once, or the one under way. Never rejects. */
  look(): Promise<void>;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

export interface LookLoopOptions {
  /** One look. It ends early once it is stopped. */
  work(this: void, isStopped: () => boolean): Promise<void>;
  readonly everyMs: number;
  /** A fault of ours. The next look tries again. */
  fault(this: void, error: unknown): void;
}

export function createLookLoop({ work, everyMs, fault }: LookLoopOptions): LookLoop {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let isStopped = false;

  function look(): Promise<void> {
    looking ??= work(() => isStopped)
      // A store that is away says so itself; what was not done stays for the next look.
      .catch((error: unknown) => (isOutage(error) ? undefined : fault(error)))
      .finally(() => (looking = undefined));
    return looking;
  }

  return {
    start() {
      timer = setInterval(() => {
        look().catch(fault);
      }, everyMs);
    },
    look,
    async stop() {
      isStopped = true;
      clearInterval(timer);
      await looking;
    },
  };
}

/** A store is out of reach, or refuses to write: no fault of ours. */
export function isOutage(error: unknown): boolean {
  return isAway(error) || (error instanceof ChatError && error.code === "unavailable");
}
