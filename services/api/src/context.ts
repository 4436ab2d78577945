// What the routes of one api process share: built once by main, read by every route. Types only.
import type { Minter, Passwords } from "@rookery/auth";
import type {
  ChannelActivity,
  Crowd,
  CrowdRules,
  History,
  NoticesOnce,
  Partitions,
  PresenceReader,
  Publisher,
  Tickets,
  Registry,
  Statistics,
} from "@rookery/broker";
import type { FrameLimits } from "@rookery/protocol";
import type { Rights } from "@rookery/rights";
import type { Log } from "@rookery/runtime";
import type {
  AuditLog,
  ChannelActs,
  ChannelMembers,
  Channels,
  GlobalRights,
  Happenings,
  Sanctions,
  Users,
} from "@rookery/store";
import type { BackendRights } from "./backend-rights.ts";
import type { Identify } from "./callers.ts";
import type { Enforcement } from "./enforce.ts";
import type { GlobalGuard } from "./global-guard.ts";
import type { ApiMetrics } from "./metrics.ts";
import type { Refresh } from "./refresh.ts";

export interface ApiContext {
  readonly log: Pick<Log, "error" | "warn">;
  readonly metrics: ApiMetrics;
  readonly limits: FrameLimits;
  readonly version: string;
  readonly identify: Identify;
  /** Whether a user may do anything at all. */
  readonly guard: GlobalGuard;
  /** Of users. An api hears of no changes, so it asks anew for every request. */
  readonly rights: Pick<Rights, "fresh">;
  readonly backendRights: BackendRights;
  readonly partitions: Pick<Partitions, "of" | "ofUser">;
  readonly channels: Pick<Channels, "find" | "list">;
  readonly members: Pick<ChannelMembers, "find" | "list" | "roles">;
  readonly sanctions: Sanctions;
  readonly acts: ChannelActs;
  readonly globals: Pick<GlobalRights, "ban" | "revoke">;
  readonly enforcement: Enforcement;
  readonly passwords: Pick<Passwords, "hash">;
  readonly notices: NoticesOnce;
  /** Redis' time, ms since the Unix epoch. Rejects with ChatError `unavailable`. */
  readonly serverTimeMs: () => Promise<number>;
  readonly tickets: Pick<Tickets, "put">;
  readonly users: Users;
  readonly audit: AuditLog;
  readonly presence: Pick<PresenceReader, "sessionsOf" | "page">;
  readonly statistics: Statistics;
  /** How much was said in a channel of late. Rejects with ChatError `unavailable`. */
  readonly activity: (channel: string) => Promise<ChannelActivity>;
  readonly happenings: Happenings;
  readonly nodes: Pick<Registry, "list" | "find" | "orderDrain">;
  /** Where a channel has none of its own. */
  readonly defaultRules: Omit<CrowdRules, "version">;
  /** Has a channel in use told by these rules from now on. Rejects with ChatError `unavailable`. */
  readonly regulate: (channel: string, rules: CrowdRules) => Promise<Crowd>;
  readonly history: Pick<History, "head" | "forward" | "backward" | "mine">;
  readonly publisher: Publisher;
  /** Absent where tokens come from an issuer of the operator's own: then the token routes are not served. */
  readonly tokens: TokenParts | undefined;
}

export interface TokenParts {
  readonly minter: Minter;
  readonly refresh: Refresh;
  /** Throws ChatError `banned` for a user who is to get no token, or `unavailable`. */
  readonly allows: (user: string) => Promise<void>;
  /** Whether anybody may take a token under a guest name. */
  readonly guests: boolean;
}
