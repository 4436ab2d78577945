// A long walk over sessions in slices of a turn of the loop each, so that ten thousand keep nobody waiting.

/** At once where they are few; else what comes back resolves with the last. Whoever throws ends it. */
export function inSlices<T>(all: readonly T[], sliceSize: number, visit: (each: T) => void): Promise<void> | undefined {
  const visitFrom = (from: number): void => {
    for (const each of all.slice(from, from + sliceSize)) visit(each);
  };
  if (all.length <= sliceSize) {
    visitFrom(0);
    return undefined;
  }
  return new Promise((resolve, reject) => {
    const walk = (from: number): void => {
      if (from >= all.length) {
        resolve();
        return;
      }
      try {
        visitFrom(from);
        setImmediate(walk, from + sliceSize);
      } catch (error) {
        reject(error instanceof Error ? error : new Error("a walk over sessions failed", { cause: error }));
      }
    };
    walk(0);
  });
}
