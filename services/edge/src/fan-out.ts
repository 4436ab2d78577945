// The last hop before the sockets: from a channel to its native topics. Relays hand it sequenced frames and gaps, the feed
// hands it signals. It decides nothing about order and looks at no socket: the server's topics do the rest.

import type { FrameBytes } from "@rookery/broker";
import { encodeGap } from "@rookery/protocol";
import type { PlainCount } from "@rookery/runtime";
import type { Hub } from "./hub.ts";
import type { Missed } from "./lanes/missed.ts";
import type { ShedSignals } from "./lanes/shed-signals.ts";
import { sequencedTopic, signalTopic } from "./native-topics.ts";
import type { Publish } from "./outlet.ts";
import type { RelayOutlet } from "./relay.ts";
import type { Session } from "./session.ts";

/** Sequenced frames and gaps go to every local member but those that are behind. */
export interface FanOut extends RelayOutlet {
  /** A fleeting frame to every local member but the session of this id; "" excludes nobody. */
  signal(this: void, channel: string, frame: FrameBytes, exclude: string): void;
  /** To the sessions that one user has in the channel, but the one of this id. */
  personal(this: void, channel: string, user: string, frame: Uint8Array, exclude: string): void;
}

export interface FanOutOptions {
  readonly hub: Pick<Hub<Session>, "membersOf" | "sessions" | "sessionsOf">;
  readonly publish: Publish;
  /** Who is given less than others. */
  readonly missed: Pick<Missed, "countIn">;
  readonly shed: Pick<ShedSignals, "countIn" | "shed">;
  /** Frames times sockets. */
  readonly deliveries: PlainCount;
}

export function createFanOut({ hub, publish, missed, shed, deliveries }: FanOutOptions): FanOut {
  return {
    publish(channel, frame, position) {
      deliveries.n += hub.membersOf(channel).size - missed.countIn(channel);
      publish(sequencedTopic(channel), frame, undefined, { channel, from: position, to: position, isLost: false });
    },
    gap(channel, from, to, lost) {
      const frame = encodeGap({ channel, from, to, ...(lost ? { lost } : {}) });
      publish(sequencedTopic(channel), frame, undefined, { channel, from, to, isLost: lost });
    },
    signal(channel, frame, exclude) {
      const members = hub.membersOf(channel);
      const excluded = hub.sessions.get(exclude);
      const isMember = excluded !== undefined && members.has(excluded);
      const without = shed.countIn(channel);
      if (without > 0) shed.shed(frame, without);
      deliveries.n += members.size - without - (isMember ? 1 : 0);
      publish(signalTopic(channel), frame, isMember ? excluded : undefined);
    },
    personal(channel, user, frame, exclude) {
      const others = [...hub.sessionsOf(user)].filter((each) => each.id !== exclude && each.channels.has(channel));
      if (others.length === 0) return;
      const text = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString();
      deliveries.n += others.length;
      for (const session of others) session.tellSignal(text);
    },
  };
}
