// What an edge has to have read of Postgres once since its start, before it is better for a client than none: until then it
// knows no epoch that an earlier Redis gave out, and nobody who is banned everywhere. Started by main, asked by readiness. It never keeps the edge from serving
// what Redis alone can answer. States: reading (tried again until it works), read for good, closed.

import { pause } from "@rookery/runtime";

export interface Tables {
  /** Resolves once it is; also when it is given up. */
  readonly read: Promise<void>;
  /** What is still unread, in one line, or undefined. */
  trouble(this: void): string | undefined;
  close(this: void): void;
}

const RETRY_MS = 500;

export function startTables(read: () => Promise<unknown>, failed: (error: unknown) => void): Tables {
  const closing = new AbortController();
  let isRead = false;

  async function readOnce(): Promise<void> {
    for (let tries = 0; !closing.signal.aborted && !isRead; tries += 1) {
      try {
        await read();
        isRead = true;
      } catch (error) {
        if (tries === 0) failed(error);
        await pause(RETRY_MS, { signal: closing.signal });
      }
    }
  }

  return {
    read: readOnce().catch(failed),
    trouble: () => (isRead ? undefined : "nothing has been read from Postgres since the start"),
    close: () => closing.abort(),
  };
}
