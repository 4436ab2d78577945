// What the hops of one edge share: built once by main, read by commands, door and sweep. Types only.

import type { Verifier } from "@rookery/auth";
import type { History, Partitions, Publisher } from "@rookery/broker";
import type { FrameLimits } from "@rookery/protocol";
import type { Rights } from "@rookery/rights";
import type { Log } from "@rookery/runtime";
import type { Hub } from "./hub.ts";
import type { Membership } from "./membership.ts";
import type { EdgeMetrics } from "./metrics.ts";
import type { PersistedNotices } from "./persisted.ts";
import type { Relays } from "./relay.ts";
import type { Session } from "./session.ts";
import type { Watch } from "./watch.ts";

export interface EdgeContext {
  /** The id under which this edge speaks now. */
  node(this: void): string;
  readonly limits: FrameLimits;
  readonly heartbeatMs: number;
  readonly connectionsPerUser: number;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  readonly metrics: EdgeMetrics;
  readonly hub: Hub<Session>;
  /** Sockets that have not said who they are yet. */
  readonly unidentified: Set<Session>;
  readonly relays: Relays;
  readonly partitions: Pick<Partitions, "of" | "ofUser">;
  /** Held before anything is believed of a partition: by the session of a user in it, by a join on its way. */
  readonly watch: Pick<Watch, "hold" | "ready" | "release">;
  readonly membership: Membership;
  readonly history: History;
  readonly publisher: Publisher;
  readonly rights: Rights;
  readonly verifier: Verifier;
  readonly persisted: PersistedNotices;
}
