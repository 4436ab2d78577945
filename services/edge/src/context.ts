// What the hops of one edge share: built once by main, read by commands, door and sweep. Types only.

import type { Verifier } from "@rookery/auth";
import type { Changes, History, Partitions, PresenceReader, Publisher } from "@rookery/broker";
import type { RefusalNotes } from "@rookery/node";
import type { FrameLimits } from "@rookery/protocol";
import type { Rights } from "@rookery/rights";
import type { Log } from "@rookery/runtime";
import type { ChannelMembers } from "@rookery/store";
import type { Admission } from "./admission.ts";
import type { EdgeControl } from "./control/edge-control.ts";
import type { Hub } from "./hub.ts";
import type { Membership } from "./membership.ts";
import type { EdgeMetrics } from "./metrics.ts";
import type { Overload } from "./overload/overload.ts";
import type { PersistedNotices } from "./persisted.ts";
import type { Relays } from "./relay.ts";
import type { Session } from "./session.ts";
import type { SharedRates } from "./shared-rates.ts";
import type { EdgeSignals } from "./signals.ts";
import type { Unread } from "./unread/unread.ts";
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
  /** Of users, addresses and channels. */
  readonly sharedRates: SharedRates;
  readonly changes: Changes;
  readonly rights: Rights;
  readonly admission: Admission;
  /** What tries are counted by: the hash of an address, "" for one that tells nobody apart. */
  addressOf(this: void, address: string): string;
  readonly verifier: Verifier;
  /** What is noted for the audit log. */
  readonly notes: RefusalNotes;
  readonly persisted: PersistedNotices;
  /** Who is present in the cluster, and as what. */
  readonly people: Pick<PresenceReader, "page" | "crowd" | "isPresent">;
  readonly roles: ChannelMembers["roles"];
  readonly signals: Pick<EdgeSignals, "attendance" | "typing"> & {
    readonly typists: Pick<EdgeSignals["typists"], "framesFor">;
    readonly crowds: Pick<EdgeSignals["crowds"], "welcomed">;
  };
  readonly unread: Pick<Unread, "standing" | "read">;
  readonly overload: Pick<Overload, "shedMs">;
  readonly control: Pick<EdgeControl, "gate" | "table" | "timedEnds" | "redisNowMs">;
}
