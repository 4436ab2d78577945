// What the routes of one api process share: built once by main, read by every route. Types only.
import type { Minter } from "@rookery/auth";
import type { History, Publisher } from "@rookery/broker";
import type { FrameLimits } from "@rookery/protocol";
import type { Rights } from "@rookery/rights";
import type { Log } from "@rookery/runtime";
import type { Identify } from "./callers.ts";
import type { ApiMetrics } from "./metrics.ts";
import type { Refresh } from "./refresh.ts";

export interface ApiContext {
  readonly log: Pick<Log, "error" | "warn">;
  readonly metrics: ApiMetrics;
  readonly limits: FrameLimits;
  readonly version: string;
  readonly identify: Identify;
  readonly rights: Pick<Rights, "cached" | "fresh">;
  readonly history: Pick<History, "forward" | "backward">;
  readonly publisher: Publisher;
  /** Absent where tokens come from an issuer of the operator's own: then the token routes are not served. */
  readonly tokens: TokenParts | undefined;
}

export interface TokenParts {
  readonly minter: Minter;
  readonly refresh: Refresh;
  /** Whether anybody may take a token under a guest name. */
  readonly guests: boolean;
}
