// Gathers what many ask of channels and users into few questions: those of one turn of the loop go together, and where there
// is a pace those who come while a question is under way go with the next. Made by `Rights`, once for Redis and once for Postgres.
// States: idle, asking. What waits is bounded; beyond that it is refused.
import { ChatError } from "@rookery/protocol";
import type { AccessWish, KnownAccess } from "./known-access.ts";

export interface GatheringOptions {
  /** Of each wish, in order: what is known, undefined where nothing is. */
  readonly ask: (wishes: readonly AccessWish[]) => Promise<readonly (KnownAccess | undefined)[]>;
  /** Between the beginnings of two questions; none begins before the one before it has ended. Undefined: one each turn. */
  readonly everyMs?: number;
  /** Users in one question. */
  readonly mostAtOnce: number;
  /** Users who wait; whoever comes on top is refused with ChatError `overloaded`. */
  readonly mostWaiting: number;
}

/** Rejects with what the question was refused with, or `overloaded`. */
export type Gathering = (channel: string, user: string) => Promise<KnownAccess | undefined>;

interface Waiting {
  readonly users: Set<string>;
  readonly answer: Promise<KnownAccess | undefined>;
  readonly settle: (known: Promise<KnownAccess | undefined>) => void;
}

export function createGathering({ ask, everyMs, mostAtOnce, mostWaiting }: GatheringOptions): Gathering {
  const waiting = new Map<string, Waiting>();
  let users = 0;
  let isAsking = false;

  /** Takes the first of those who wait out of the line. */
  function takeSome(): Map<string, Waiting> {
    const some = new Map<string, Waiting>();
    let taken = 0;
    for (const [channel, each] of waiting) {
      if (taken > 0 && taken + each.users.size > mostAtOnce) break;
      taken += each.users.size;
      some.set(channel, each);
      waiting.delete(channel);
    }
    users -= taken;
    return some;
  }

  /** Ends when it was answered, whatever the answer. */
  async function askSome(): Promise<void> {
    const some = takeSome();
    const asked = ask([...some].map(([channel, each]) => ({ channel, users: [...each.users] })));
    for (const [n, { settle }] of [...some.values()].entries()) settle(asked.then((known) => known[n]));
    await Promise.allSettled([asked]);
  }

  async function askByPace(paceMs: number): Promise<void> {
    while (waiting.size > 0) {
      const beganMs = performance.now();
      await askSome();
      const leftMs = paceMs - (performance.now() - beganMs);
      if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    }
    // In the turn in which nobody was found waiting: whoever comes next begins anew.
    isAsking = false;
  }

  function begin(): void {
    if (everyMs !== undefined) {
      askByPace(everyMs).catch(() => undefined);
      return;
    }
    // What more comes while this is answered goes by itself.
    isAsking = false;
    while (waiting.size > 0) askSome().catch(() => undefined);
  }

  return (channel, user) => {
    if (users >= mostWaiting) {
      return Promise.reject(new ChatError("overloaded", "too many ask for rights that have to be read", { channel }));
    }
    let mine = waiting.get(channel);
    if (mine === undefined) {
      let settle: Waiting["settle"] = () => undefined;
      const answer = new Promise<KnownAccess | undefined>((resolve) => (settle = resolve));
      mine = { users: new Set(), answer, settle };
      waiting.set(channel, mine);
    }
    if (!mine.users.has(user)) users += 1;
    mine.users.add(user);
    if (!isAsking) {
      isAsking = true;
      setImmediate(begin);
    }
    return mine.answer;
  };
}
