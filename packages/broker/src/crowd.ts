// How many are in a channel and how that is told. Shapes only: scripts of presence answer a crowd, whoever joins a channel
// brings the rules.
import type { Mode } from "@rookery/protocol";

/** Of one moment. `online` counts users, not connections. */
export interface Crowd {
  readonly online: number;
  readonly mode: Mode;
}

/** From how many members present on a channel is told in another mode, as the channel's settings were at `version`. */
export interface CrowdRules {
  /** Of the channel's row in Postgres; 0 for one whose settings never changed. The higher one is in force. */
  readonly version: number;
  readonly digestAbove: number;
  readonly countAbove: number;
}
