// The one way in which a process waits for time to pass, unless something ends the wait earlier. Called by services and the
// command line. Must never reject: whoever waits looks at its signal afterwards.

export interface PauseOptions {
  /** Ends the pause when it is aborted. */
  readonly signal?: AbortSignal;
  /** False: the pause alone does not keep the process alive. */
  readonly ref?: boolean;
}

/** Resolves after the time, or as soon as the signal is aborted. */
export function pause(ms: number, { signal, ref = true }: PauseOptions = {}): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (!ref) timer.unref();
    signal?.addEventListener("abort", end);
  });
}
