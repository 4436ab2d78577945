// The last hop before the sockets: from a channel to its native topics. Relays hand it sequenced frames and gaps, the feed
// hands it signals. It decides nothing about order and looks at no socket: the server's topics do the rest.

import type { FrameBytes } from "@rookery/broker";
import { encodeGap } from "@rookery/protocol";
import type { PlainCount } from "@rookery/runtime";
import type { Hub } from "./hub.ts";
import type { Publish } from "./outlet.ts";
import type { RelayOutlet } from "./relay.ts";
import type { Session } from "./session.ts";

/** The server's own topics: sequenced frames and signals of a channel travel apart, so that signals can be shed first. */
export const sequencedTopic = (channel: string): string => `m/${channel}`;
export const signalTopic = (channel: string): string => `s/${channel}`;

export interface FanOut extends RelayOutlet {
  /** A fleeting frame to every local member but the session of this id; "" excludes nobody. */
  signal(channel: string, frame: FrameBytes, exclude: string): void;
}

export interface FanOutOptions {
  readonly hub: Pick<Hub<Session>, "membersOf" | "sessions">;
  readonly publish: Publish;
  /** Frames times sockets. */
  readonly deliveries: PlainCount;
}

export function createFanOut({ hub, publish, deliveries }: FanOutOptions): FanOut {
  return {
    publish(channel, frame) {
      deliveries.n += hub.membersOf(channel).size;
      publish(sequencedTopic(channel), frame);
    },
    gap(channel, from, to, lost) {
      publish(sequencedTopic(channel), encodeGap({ channel, from, to, ...(lost ? { lost } : {}) }));
    },
    signal(channel, frame, exclude) {
      const members = hub.membersOf(channel);
      const excluded = hub.sessions.get(exclude);
      const isMember = excluded !== undefined && members.has(excluded);
      deliveries.n += isMember ? members.size - 1 : members.size;
      publish(signalTopic(channel), frame, isMember ? excluded : undefined);
    },
  };
}
