// A grant: what somebody may do in a channel, and the version of the channel's rights at which that was so. Made where
// rights are judged; commands and routes carry it to whatever must be fenced by its version.
import type { Right, Role } from "@rookery/protocol";
import { ROLE_RIGHTS } from "./roles.ts";

export interface Grant {
  readonly role: Role;
  readonly can: readonly Right[];
  /** Of the channel's rights; 0 when they never changed. */
  readonly version: number;
  /** Between two messages of the same user; 0 for who moderates. */
  readonly slowModeMs: number;
  /** On Redis' clock; null for good; undefined for one who is not muted. */
  readonly mutedUntilMs: number | null | undefined;
  /** Users who may be present at once, of a public channel that has such a cap; undefined for who moderates. */
  readonly presentCap?: number;
}

export interface GrantTerms {
  readonly presentCap?: number | null;
  readonly slowModeMs?: number;
  /** A mute that stands. */
  readonly mutedUntilMs?: number | null | undefined;
}

export function grantOf(role: Role, version: number, terms: GrantTerms = {}): Grant {
  const { slowModeMs = 0, mutedUntilMs, presentCap = null } = terms;
  const all: readonly Right[] = ROLE_RIGHTS[role];
  const moderates = all.includes("moderate");
  const grant: Grant = {
    role,
    can: mutedUntilMs === undefined ? all : MUTED_RIGHTS[role],
    version,
    slowModeMs: moderates ? 0 : slowModeMs,
    mutedUntilMs,
  };
  return moderates || presentCap === null ? grant : { ...grant, presentCap };
}

const unmuted = (role: Role): readonly Right[] =>
  ROLE_RIGHTS[role].filter((right) => right !== "write" && right !== "react");

/** What a mute leaves of each role. */
const MUTED_RIGHTS: Readonly<Record<Role, readonly Right[]>> = {
  owner: unmuted("owner"),
  moderator: unmuted("moderator"),
  member: unmuted("member"),
  reader: unmuted("reader"),
};
