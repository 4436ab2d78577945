// The second acknowledgement on its way to the client: sends are tracked here, watermarks come in from topics and pulse,
// `persisted` frames go out. What a watermark cannot vouch for is believed only when Postgres itself holds it.
// It never tells a position before Postgres has it, and after a loss it stays silent for that session and channel.

import type { Partitions, Published, Watermark } from "@rookery/broker";
import { ChatError, encodePersisted } from "@rookery/protocol";
import type { Placed } from "@rookery/store";
import type { Session } from "./session.ts";
import { createWaitingSends } from "./waiting-sends.ts";
import type { Reached, Waiting } from "./waiting-sends.ts";

/** Asked of Postgres in one statement: how many wait is up to those who send. */
const ASKED_AT_ONCE = 500;

export interface PersistedNotices {
  track(session: Session, channel: string, published: Published): void;
  saved(partition: number, watermark: Watermark): void;
  forget(session: Session): void;
  /** Sends that are acknowledged and not yet known to be saved. */
  waiting(): number;
  /** Whether some of them are of this partition. */
  waitsIn(this: void, partition: number): boolean;
}

export interface PersistedOptions {
  readonly partitions: Partitions;
  /** Of each message, whether Postgres holds it at its very position; rejects with `unavailable`. One statement. */
  readonly holds: (messages: readonly Placed[]) => Promise<readonly boolean[]>;
  /** Postgres answered something that nobody expects: a fault of ours. It is asked again with the next watermark. */
  fault(this: void, error: unknown): void;
}

export function createPersistedNotices({ partitions, holds, fault }: PersistedOptions): PersistedNotices {
  const sends = createWaitingSends<Session>();
  const lost = new WeakMap<Session, Set<string>>();
  /** Partitions of which Postgres is being asked. A later send must not be told before the answer about an earlier one. */
  const asking = new Set<number>();

  const tell = ({ session, channel, position }: Waiting<Session>): void => {
    if (lost.get(session)?.has(channel) !== true) session.tell(encodePersisted(channel, position));
  };

  const settle = (partition: number, reached: Reached<Session>): void => {
    if (asking.has(partition)) putBack(partition, reached);
    else if (reached.doubtful.length === 0) reached.told.forEach(tell);
    else settleDoubtful(partition, reached).catch(fault);
  };

  async function settleDoubtful(partition: number, reached: Reached<Session>): Promise<void> {
    asking.add(partition);
    try {
      for (let from = 0; from < reached.doubtful.length; from += ASKED_AT_ONCE) {
        const some = reached.doubtful.slice(from, from + ASKED_AT_ONCE);
        const held = await holds(some);
        some.forEach((each, n) => held[n] === true || markLost(each));
      }
      [...reached.doubtful, ...reached.told].forEach(tell);
    } catch (error) {
      if (!(error instanceof ChatError)) fault(error);
      putBack(partition, reached);
    } finally {
      asking.delete(partition);
    }
  }

  /** Until the next watermark, which comes at least once a second. */
  function putBack(partition: number, { told, doubtful }: Reached<Session>): void {
    for (const again of [...doubtful, ...told]) sends.putBack(partition, again);
  }

  function markLost({ session, channel }: Waiting<Session>): void {
    const channels = lost.get(session) ?? new Set<string>();
    lost.set(session, channels.add(channel));
  }

  return {
    track(session, channel, { position, id, entry }) {
      const partition = partitions.of(channel);
      settle(partition, sends.track(partition, { session, channel, position, id, entry }));
    },
    saved: (partition, watermark) => settle(partition, sends.reached(partition, watermark)),
    forget: (session) => sends.forget(session),
    waiting: () => sends.size(),
    waitsIn: (partition) => asking.has(partition) || sends.waitsIn(partition),
  };
}
