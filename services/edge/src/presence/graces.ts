// Who is away and counts as present still: a user whose last connection left a channel here, until the grace is over. Begun and
// ended by attendance; asked by the truth that Redis is told. Pure but for its timer.
// States of a user in a channel: no grace, in grace (until its time, or until they are back), held (the node drains: it lasts).

import { createDueTimes } from "../due-times.ts";

interface Away {
  readonly channel: string;
  readonly user: string;
  readonly name: string;
}

export interface Graces {
  begin(channel: string, user: string, name: string): void;
  /** They are back: it is over without a word. */
  end(channel: string, user: string): void;
  /** What they are called; undefined for whoever is in no grace. */
  nameOf(channel: string, user: string): string | undefined;
  channels(): Iterable<string>;
  usersIn(channel: string): Iterable<string>;
  /** Whether there are any in the partition. */
  isIn(this: void, partition: number): boolean;
  /** They are told to have left by somebody else. */
  forget(): void;
  /** None is over by time any more. */
  hold(): void;
  size(this: void): number;
  close(): void;
}

export interface GracesOptions {
  readonly graceMs: number;
  partitionOf(this: void, channel: string): number;
  /** The time is over, and with it the grace. */
  over(this: void, channel: string, user: string): void;
}

const STEP_MS = 100;

export function createGraces({ graceMs, partitionOf, over }: GracesOptions): Graces {
  const byChannel = new Map<string, Map<string, Away>>();
  const byPartition = new Map<number, number>();
  const times = createDueTimes<Away>({
    stepMs: STEP_MS,
    due(away) {
      remove(away);
      over(away.channel, away.user);
    },
  });
  let size = 0;
  let isHeld = false;

  function count(channel: string, more: 1 | -1): void {
    const partition = partitionOf(channel);
    const graces = (byPartition.get(partition) ?? 0) + more;
    size += more;
    if (graces === 0) byPartition.delete(partition);
    else byPartition.set(partition, graces);
  }

  function remove({ channel, user }: Away): void {
    const users = byChannel.get(channel);
    if (users?.delete(user) !== true) return;
    if (users.size === 0) byChannel.delete(channel);
    count(channel, -1);
  }

  function end(channel: string, user: string): void {
    const away = byChannel.get(channel)?.get(user);
    if (away === undefined) return;
    times.delete(away);
    remove(away);
  }

  return {
    begin(channel, user, name) {
      end(channel, user);
      const away = { channel, user, name };
      const users = byChannel.get(channel);
      if (users === undefined) byChannel.set(channel, new Map([[user, away]]));
      else users.set(user, away);
      count(channel, 1);
      if (!isHeld) times.set(away, performance.now() + graceMs);
    },
    end,
    nameOf: (channel, user) => byChannel.get(channel)?.get(user)?.name,
    channels: () => byChannel.keys(),
    usersIn: (channel) => byChannel.get(channel)?.keys() ?? [],
    isIn: (partition) => byPartition.has(partition),
    forget() {
      for (const users of [...byChannel.values()])
        for (const { channel, user } of [...users.values()]) end(channel, user);
    },
    hold() {
      isHeld = true;
      times.close();
    },
    size: () => size,
    close: () => times.close(),
  };
}
