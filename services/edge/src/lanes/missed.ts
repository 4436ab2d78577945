// Which positions of which channels the sockets that are behind were not given. Fed by the outlet with all that goes to the
// native topics, so it knows what was published and not what relays have heard; asked by lanes.ts. While nobody is behind it
// keeps the positions of one turn of the loop and nothing else. It knows no socket.
// A gap that is too wide costs a read, one that is too narrow is a hole nobody is told of: so what a socket that dropped
// something has missed begins with the first frame of that turn, whether it got that one or not.

import { comparePositions } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";

/** Where a frame that goes to a channel's members stands: at one position, or for several. */
export interface Stand {
  readonly channel: string;
  readonly from: Position;
  readonly to: Position;
  /** It says that these were taken back. */
  readonly isLost: boolean;
}

export type Gap = Pick<Stand, "from" | "to" | "isLost">;

/** From where on one socket misses a channel; undefined: whatever is published next is the first. */
export type MissedFrom = Position | undefined;

export interface Missed {
  published(this: void, stand: Stand): void;
  /** What was published before has reached the layer's sockets, or was dropped and said so. */
  roundOver(this: void): void;
  /** A socket is given nothing of the channel from now on, and perhaps not what was published in this turn. */
  begin(this: void, channel: string): MissedFrom;
  /** What it is to be told, in order, when it gets the channel again now. */
  gaps(this: void, channel: string, from: MissedFrom): readonly Gap[];
  /** It gets it again, or has left. */
  end(this: void, channel: string): void;
  /** How many are given nothing of the channel. */
  countIn(this: void, channel: string): number;
}

interface Stretch {
  first: Position | undefined;
  last: Position | undefined;
  /** Gaps that stand for themselves. */
  readonly toldApart: Gap[];
}

interface Absence extends Stretch {
  sockets: number;
}

export function createMissed(): Missed {
  const round = new Map<string, Stretch>();
  const absences = new Map<string, Absence>();

  return {
    published(stand) {
      const { channel } = stand;
      let inRound = round.get(channel);
      if (inRound === undefined) round.set(channel, (inRound = { first: undefined, last: undefined, toldApart: [] }));
      add(inRound, stand);
      const absence = absences.size === 0 ? undefined : absences.get(channel);
      if (absence !== undefined) add(absence, stand);
    },
    roundOver() {
      if (round.size > 0) round.clear();
    },
    begin(channel) {
      const inRound = round.get(channel);
      const known = absences.get(channel);
      const before = known?.last;
      // One that is known has heard of this turn like any other.
      const fresh = {
        first: inRound?.first,
        last: inRound?.last,
        toldApart: [...(inRound?.toldApart ?? [])],
        sockets: 0,
      };
      const absence = known ?? fresh;
      absence.sockets += 1;
      absences.set(channel, absence);
      return inRound?.first ?? successor(before);
    },
    gaps(channel, missedFrom) {
      const absence = absences.get(channel);
      if (absence === undefined) return [];
      const { first, last, toldApart } = absence;
      const from = missedFrom ?? first;
      const isMissed = from !== undefined && last !== undefined && comparePositions(from, last) <= 0;
      return isMissed ? [...toldApart, { from, to: last, isLost: false }] : toldApart;
    },
    end(channel) {
      const absence = absences.get(channel);
      if (absence === undefined) return;
      absence.sockets -= 1;
      if (absence.sockets === 0) absences.delete(channel);
    },
    countIn: (channel) => absences.get(channel)?.sockets ?? 0,
  };
}

function add(stretch: Stretch, stand: Stand): void {
  // Also what turned out to be missing before: it does not end what is missed.
  const liesBefore = stretch.last !== undefined && comparePositions(stand.to, stretch.last) <= 0;
  if (stand.isLost || liesBefore) {
    stretch.toldApart.push(stand);
    return;
  }
  stretch.first ??= stand.from;
  stretch.last = stand.to;
}

function successor(position: Position | undefined): MissedFrom {
  return position === undefined ? undefined : { epoch: position.epoch, seq: position.seq + 1 };
}
