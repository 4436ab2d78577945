// Turns signals into at most two orders: stop, and stop at once. Called by dev and by the foreground services.
// States: waiting, ordered (first signal), forced (a later one). One press of Ctrl-C reaches a process several times, from
// the terminal and from npm; what comes within a second of the first is the same order.

export const SAME_SIGNAL_MS = 1000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface StopOrders {
  readonly stop: (signal: NodeJS.Signals) => void;
  readonly stopAtOnce: (signal: NodeJS.Signals) => void;
}

/** The decision alone: call it with each signal and the time it came. */
export function stopOrders({ stop, stopAtOnce }: StopOrders): (signal: NodeJS.Signals, nowMs: number) => void {
  let firstAtMs: number | undefined;
  return (signal, nowMs) => {
    if (firstAtMs === undefined) {
      firstAtMs = nowMs;
      stop(signal);
    } else if (nowMs - firstAtMs > SAME_SIGNAL_MS) stopAtOnce(signal);
  };
}

/** Listens from now on. Returns the way to end it. */
export function onStopSignals(orders: StopOrders): () => void {
  const decide = stopOrders(orders);
  const heard = (signal: NodeJS.Signals): void => decide(signal, performance.now());
  for (const signal of SIGNALS) process.on(signal, heard);
  return () => {
    for (const signal of SIGNALS) process.off(signal, heard);
  };
}
