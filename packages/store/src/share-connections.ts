// How a process that serves clients shares out its connections to Postgres. Called by edge and api at their start. Pure.

/** Two pools: one for what sends and joins need, one for pages of history, which may be many and large. */
export interface ConnectionShares {
  readonly commands: number;
  readonly past: number;
}

/** Halves; with a single connection each has one all the same. */
export function shareConnections(connections: number): ConnectionShares {
  const past = Math.max(1, Math.floor(connections / 2));
  return { commands: Math.max(1, connections - past), past };
}
