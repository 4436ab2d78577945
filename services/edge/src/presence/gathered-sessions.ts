// Connections that came or went, gathered for a moment before Redis is told of them: a crowd that connects is spread over all
// partitions, and each of them is one run then instead of many. Nobody waits for it, and what is told is what is so by then.
// Called by the edge's signals. States: resting, gathering (a timer runs).

export interface GatheredSessions {
  changed(this: void, user: string, session: string): void;
  size(this: void): number;
  /** What is gathered is told no more. */
  close(this: void): void;
}

/** Long enough that a partition has several when thousands a second connect, and short beside what shows connections. */
const GATHERED_FOR_MS = 100;

export function createGatheredSessions(tell: (user: string, session: string) => void): GatheredSessions {
  let users = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;

  function tellAll(): void {
    const all = users;
    users = new Map();
    timer = undefined;
    for (const [session, user] of all) tell(user, session);
  }

  return {
    changed(user, session) {
      users.set(session, user);
      timer ??= setTimeout(tellAll, GATHERED_FOR_MS).unref();
    },
    size: () => users.size,
    close() {
      clearTimeout(timer);
      users.clear();
    },
  };
}
