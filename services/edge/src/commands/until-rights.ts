// What a join answers for parts of the protocol that come with presence and rights: said here alone. Each field
// is true of what this build does: everybody is a member, nobody is counted, nothing is marked as read.

import type { Grant } from "@rookery/rights";

export function untilRights(grant: Grant): Record<string, unknown> {
  return {
    role: grant.role,
    can: grant.can,
    mode: "full",
    online: 0,
    read: { epoch: 0, seq: 0 },
    unread: 0,
    mentions: 0,
  };
}
