// A grant: what somebody may do in a channel, and the version of the channel's rights at which that was so. Made where
// rights are read; commands and routes carry it to whatever must be fenced by its version.
import type { Right, Role } from "@rookery/protocol";
import { ROLE_RIGHTS } from "./roles.ts";

export interface Grant {
  readonly role: Role;
  readonly can: readonly Right[];
  /** Of the channel's rights; 0 when they never changed. */
  readonly version: number;
}

export function grantOf(role: Role, version: number): Grant {
  return { role, can: ROLE_RIGHTS[role], version };
}
