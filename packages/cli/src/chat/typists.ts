// Who is writing at the moment, as the edge tells it. Whoever is said to write stops after the time that was given, also when
// nobody says so. Kept by the core of `chat`; bounded, since a crowd may write at once. Pure.
import type { TypingFrame } from "@rookery/protocol";

export interface Typist {
  readonly user: string;
  readonly name: string;
}

export interface Typists {
  tell(frame: TypingFrame, nowMs: number): void;
  /** Those of this moment, the longest first. */
  now(nowMs: number): readonly Typist[];
  /** When the next one stops by itself. */
  nextEndMs(): number | undefined;
  clear(): void;
}

const MOST = 100;

export function createTypists(): Typists {
  const until = new Map<string, { readonly typist: Typist; readonly endMs: number }>();
  const drop = (nowMs: number): void => {
    for (const [user, { endMs }] of until) if (endMs <= nowMs) until.delete(user);
  };
  return {
    tell({ user, name, on, ttlMs }, nowMs) {
      drop(nowMs);
      if (!on) until.delete(user);
      else if (until.has(user) || until.size < MOST) until.set(user, { typist: { user, name }, endMs: nowMs + ttlMs });
    },
    now(nowMs) {
      drop(nowMs);
      return [...until.values()].map(({ typist }) => typist);
    },
    nextEndMs: () => (until.size === 0 ? undefined : Math.min(...[...until.values()].map(({ endMs }) => endMs))),
    clear: () => until.clear(),
  };
}
