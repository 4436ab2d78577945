// What an edge holds at the moment: values that are asked for when metrics are collected. Registered once by main.

import type { Metrics } from "@rookery/runtime";
import type { EdgeContext } from "./context.ts";
import type { Store } from "@rookery/store";
import type { Pace } from "./pace.ts";
import type { RedisFeed } from "./redis-feed.ts";

export interface GaugedParts {
  readonly edge: EdgeContext;
  readonly feed: RedisFeed;
  readonly pace: Pace;
  readonly store: Pick<Store, "state">;
}

export function registerEdgeGauges(metrics: Metrics, { edge, feed, pace, store }: GaugedParts): void {
  const { hub, persisted } = edge;
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge(`rookery_edge_${name}`, help, read);
  gauge("connections", "Sockets with an identity.", () => hub.counts().sessions);
  gauge("unidentified_connections", "Sockets that have not said who they are.", () => edge.unidentified.size);
  gauge("users", "Different users connected here.", () => hub.counts().users);
  gauge("channels", "Channels with a member here.", () => hub.counts().channels);
  gauge("memberships", "Memberships of sessions in channels.", () => hub.counts().memberships);
  gauge("watched_partitions", "Partitions looked at each second.", () => feed.watchedPartitions());
  gauge("subscribed_topics", "Channel topics subscribed in Redis.", () => feed.topicCount());
  gauge("unconfirmed_sends", "Sends whose persisted is still to come.", () => persisted.waiting());
  gauge(
    "postgres_state",
    "1 while Postgres answers, 0 while it is away.",
    () => ({ unknown: Number.NaN, ready: 1, lost: 0 })[store.state()],
  );
  gauge("beat_seconds", "How long frames wait for others now; 0 while they go at once.", () => pace.beatMs() / 1000);
  gauge("pulse_age_seconds", "Since the last pulse was answered.", () => feed.pulseAgeMs() / 1000);
}
