// What an edge holds at the moment: values that are asked for when metrics are collected. Registered once by main.

import type { Metrics } from "@rookery/runtime";
import type { EdgeContext } from "./context.ts";
import type { Store } from "@rookery/store";
import { DRAIN_STAGES } from "./drain.ts";
import type { Drain } from "./drain.ts";
import { LANES } from "./lanes/lane.ts";
import type { SlowReaders } from "./lanes/slow-readers.ts";
import type { ProcessOverload } from "./overload/process-overload.ts";
import type { Pace } from "./pace.ts";
import type { RedisFeed } from "./redis-feed.ts";
import type { EdgeSignals } from "./signals.ts";
import type { Unread } from "./unread/unread.ts";

export interface GaugedParts {
  readonly edge: EdgeContext;
  readonly feed: RedisFeed;
  readonly pace: Pace;
  readonly store: Pick<Store, "state">;
  readonly signals: Pick<EdgeSignals, "sizes">;
  readonly unread: Pick<Unread, "sizes">;
  readonly overload: ProcessOverload;
  readonly drain: Pick<Drain, "stage" | "goneShare">;
  readonly slow: Pick<SlowReaders, "lanes" | "usedBytes">;
}

export function registerEdgeGauges(metrics: Metrics, parts: GaugedParts): void {
  const { edge, feed, pace, store, signals, unread, overload, drain, slow } = parts;
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
  gauge("graces", "Users who are away and count as present still.", () => signals.sizes().graces);
  gauge("untold_changes", "Changes of presence that Redis does not have yet.", () => signals.sizes().untold);
  gauge("waiting_crowds", "Channels that are told of their crowd within a second.", () => signals.sizes().crowds);
  gauge("typists", "Users known to type in channels of this edge.", () => signals.sizes().typists);
  gauge("tails", "Channels whose newest messages are kept to count what is unread.", () => unread.sizes().tails);
  gauge(
    "postgres_state",
    "1 while Postgres answers, 0 while it is away.",
    () => ({ unknown: Number.NaN, ready: 1, lost: 0 })[store.state()],
  );
  gauge("buffered_bytes", "Waiting for sockets: in their buffers, and kept for those behind.", slow.usedBytes);
  metrics.gauges("rookery_edge_lane_sockets", "Sockets that are slow now, by lane.", "lane", LANES, (lane) => {
    return slow.lanes.sizes().byLane[lane];
  });
  gauge("beat_seconds", "How long frames wait for others now; 0 while they go at once.", () => pace.beatMs() / 1000);
  const levels = "What is shed: 0 nothing, 1 new connections, 2 signals too, 3 reads of the past too.";
  gauge("overload_state", levels, overload.level);
  gauge("loop_late_seconds", "By how much the event loop comes round late.", () => overload.lateMs() / 1000);
  gauge("memory_limit_bytes", "What the process may use of memory.", overload.memoryLimitBytes);
  gauge("memory_used_ratio", "Of the nearer limit of memory, what is in use.", overload.memoryShare);
  gauge("drain_state", "0 serving, 1 waits for its balancer, 2 for its turn, 3 sends its clients elsewhere.", () =>
    DRAIN_STAGES.indexOf(drain.stage()),
  );
  gauge("drained_ratio", "Of those whom a drain sends elsewhere, who has gone; absent before.", drain.goneShare);
  gauge("pulse_age_seconds", "Since the last pulse was answered.", () => feed.pulseAgeMs() / 1000);
}
