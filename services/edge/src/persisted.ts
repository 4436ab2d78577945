// The second acknowledgement on its way to the client: sends are tracked here, watermarks come in from topics and pulse,
// `persisted` frames go out. An entry of an earlier partition epoch is believed only when Postgres itself holds it.
// It never tells a position before Postgres has it, and after a loss it stays silent for that session and channel.

import type { EntryId, Partitions, Published } from "@rookery/broker";
import { ChatError, encodePersisted } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Session } from "./session.ts";
import { createWatermark } from "./watermark.ts";
import type { Reached, Waiting } from "./watermark.ts";

export interface PersistedNotices {
  track(session: Session, channel: string, published: Published): void;
  stored(partition: number, upTo: EntryId): void;
  forget(session: Session): void;
  /** Sends that are acknowledged and not yet known to be committed. */
  waiting(): number;
}

export interface PersistedOptions {
  readonly partitions: Partitions;
  /** Whether Postgres holds this very message at this position; rejects with `unavailable`. */
  readonly holds: (channel: string, position: Position, id: string) => Promise<boolean>;
}

export function createPersistedNotices({ partitions, holds }: PersistedOptions): PersistedNotices {
  const watermark = createWatermark<Session>();
  const lost = new WeakMap<Session, Set<string>>();

  const tell = ({ session, channel, position }: Waiting<Session>): void => {
    if (lost.get(session)?.has(channel) !== true) session.tell(encodePersisted(channel, position));
  };

  const settle = (partition: number, { told, doubtful }: Reached<Session>): void => {
    if (doubtful.length === 0) told.forEach(tell);
    else void settleDoubtful(partition, told, doubtful);
  };

  async function settleDoubtful(
    partition: number,
    told: readonly Waiting<Session>[],
    doubtful: readonly Waiting<Session>[],
  ): Promise<void> {
    for (const each of doubtful) {
      try {
        if (!(await holds(each.channel, each.position, each.id))) markLost(each);
      } catch (error) {
        if (!(error instanceof ChatError)) throw error;
        // Postgres does not answer: everything waits for the next watermark, which comes at least once a second.
        for (const again of [...doubtful, ...told]) watermark.putBack(partition, again);
        return;
      }
    }
    [...doubtful, ...told].forEach(tell);
  }

  function markLost({ session, channel }: Waiting<Session>): void {
    const channels = lost.get(session) ?? new Set<string>();
    lost.set(session, channels.add(channel));
  }

  return {
    track(session, channel, { position, id, entry }) {
      const partition = partitions.of(channel);
      settle(partition, watermark.track(partition, { session, channel, position, id, entry }));
    },
    stored: (partition, upTo) => settle(partition, watermark.reached(partition, upTo)),
    forget: (session) => watermark.forget(session),
    waiting: () => watermark.size(),
  };
}
