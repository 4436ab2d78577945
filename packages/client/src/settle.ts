/** Promises that are settled from elsewhere, and those that an application may give up. */

export interface Settle<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function settle<T>(): Settle<T> {
  let resolve: (value: T) => void = ignore;
  let reject: (error: unknown) => void = ignore;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** For what is told elsewhere. */
export const ignore = (): undefined => undefined;

/** Acts upon the abort, also upon one that was; answers how not to. */
export function whenAborted(signal: AbortSignal | undefined, act: (reason: unknown) => void): () => void {
  const abort = (): void => act(signal?.reason);
  // An abort that was is heard in turn as well, so that whoever asks has what is answered here.
  if (signal?.aborted) queueMicrotask(abort);
  signal?.addEventListener("abort", abort);
  return () => signal?.removeEventListener("abort", abort);
}

/** A promise that rejects with the signal's reason once that is aborted; what `start` answers is called then. */
export function abortable<T>(
  signal: AbortSignal | undefined,
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  let stop: () => void = ignore;
  return new Promise<T>((resolve, reject) => {
    signal?.throwIfAborted();
    const giveUp = start(resolve, reject);
    stop = whenAborted(signal, (reason) => {
      giveUp();
      reject(reason);
    });
  }).finally(() => stop());
}
