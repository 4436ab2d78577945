// Announces what was committed and never heard of, as when the api that committed it died: rows that have waited for more
// than a second, whoever wrote them. Started once by main. A repeat of what was announced after all changes nothing.
// Must never give up: what fails is looked at again, and what is announced is looked for again until its row is gone.
import type { Announcer } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { Log } from "@rookery/runtime";
import type { Announcements } from "@rookery/store";

export interface Reannouncing {
  /** Once more, unless a look is under way; resolves when it has ended. */
  look(this: void): Promise<void>;
  close(this: void): Promise<void>;
}

export interface ReannouncingOptions {
  readonly announcer: Announcer;
  readonly announcements: Announcements;
  /** Whether there is any use in asking Postgres. */
  readonly isHeard: () => boolean;
  readonly log: Pick<Log, "info" | "error" | "debug">;
  readonly everyMs?: number;
}

/** A change must be in force everywhere within 2 s; one whose api has died is at most so late beyond its first second. */
const EVERY_MS = 1000;
/** Of one look: more than a cluster commits in a second. */
const MOST = 100;

export function startReannouncing(options: ReannouncingOptions): Reannouncing {
  const { announcer, announcements, isHeard, log, everyMs = EVERY_MS } = options;
  let looking: Promise<void> | undefined;

  async function announceOverdue(): Promise<void> {
    if (!isHeard()) return;
    const overdue = await announcements.overdue(MOST);
    // All at once, as they may be for several servers, of which some answer. To each they go in their order.
    const outcomes = await Promise.allSettled(
      overdue.map(({ partition, control, audit }) => announcer.announce(partition, control, audit)),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") tell(outcome.reason);
    const announced = overdue.flatMap(({ announcement }, at) =>
      outcomes[at]?.status === "fulfilled" ? [announcement] : [],
    );
    if (announced.length === 0) return;
    await announcements.done(announced);
    log.info({ count: announced.length }, "announced changes of rights that nobody had heard of");
  }

  const tell = (err: unknown): void =>
    log[err instanceof ChatError ? "debug" : "error"]({ err }, "changes of rights wait to be announced");

  const look = (): Promise<void> =>
    (looking ??= announceOverdue()
      .catch(tell)
      .finally(() => (looking = undefined)));

  const timer = setInterval(() => void look(), everyMs);
  return {
    look,
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}
