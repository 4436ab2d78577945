// The table of roles: what each may do in a channel. Read wherever a grant is made; the words themselves are protocol's.
// A role may everything that the roles after it may.
import type { Right, Role } from "@rookery/protocol";

export const ROLE_RIGHTS = {
  owner: ["join", "read", "write", "react", "presence", "history", "moderate", "own"],
  moderator: ["join", "read", "write", "react", "presence", "history", "moderate"],
  member: ["join", "read", "write", "react", "presence", "history"],
  reader: ["join", "read", "presence", "history"],
} as const satisfies Record<Role, readonly Right[]>;
