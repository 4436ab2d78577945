// Owns what one virtual user waits for: timers, sockets, requests. An iteration lasts until its function has ended and nothing
// of this is left, as in k6. Called by the modules that a script imports. States: running, ended (by a failure or from outside).
// Must never run anything of a script once it has ended.

export interface EventLoop {
  /** Runs a callback of the script; what it throws ends the iteration. */
  run: (callback: () => void) => void;
  /** Something is waited for until the returned function is called; `cut` ends it at once. */
  expect: (cut: () => void) => () => void;
  /** Resolves when nothing is waited for any more. */
  idle: () => Promise<void>;
  /** Never resolves; rejects with what a callback threw. */
  failed: Promise<never>;
  /** Ends everything that is waited for. */
  end: (cause?: unknown) => void;
}

export const createEventLoop = (): EventLoop => {
  const expected = new Map<symbol, () => void>();
  const waiters: (() => void)[] = [];
  let hasEnded = false;
  let fail = (_cause: unknown): void => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  // Whoever runs an iteration looks; between two of them nobody does.
  failed.catch(() => undefined);

  const settle = (): void => {
    if (expected.size > 0 && !hasEnded) return;
    for (const resolve of waiters.splice(0)) resolve();
  };

  const end = (cause?: unknown): void => {
    if (hasEnded) return;
    hasEnded = true;
    if (cause !== undefined) fail(cause);
    const cuts = [...expected.values()];
    expected.clear();
    cuts.forEach((cut) => cut());
    settle();
  };

  return {
    run: (callback) => {
      if (hasEnded) return;
      try {
        callback();
      } catch (error) {
        end(error);
      }
    },
    expect: (cut) => {
      const key = Symbol("expected");
      if (hasEnded) cut();
      else expected.set(key, cut);
      return () => {
        expected.delete(key);
        // What a promise of the script does next may wait for more: it comes first.
        setImmediate(settle);
      };
    },
    idle: () =>
      new Promise((resolve) => {
        waiters.push(resolve);
        setImmediate(settle);
      }),
    failed,
    end,
  };
};
