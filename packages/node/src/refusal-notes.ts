// What edge and api note for the audit log of credentials that were not taken: each address at most once a minute, with how
// many there were. Made once by each, told by whoever refuses.
// Must never note the credential, or an address that is not hashed.
import type { AuditTrail } from "@rookery/broker";
import { createAuthFailures } from "./auth-failures.ts";
import type { AuthFailuresOptions } from "./auth-failures.ts";

/** As whoever refuses knows it. */
export interface RefusalNotes {
  /** A token, a ticket or a key from this address was not taken. */
  refused(this: void, address: string, reason: string): void;
}

export interface RefusalNotesOptions {
  readonly trail: Pick<AuditTrail, "note">;
  /** The id under which this process speaks now. */
  node(this: void): string;
  /** Of an address, what may be told of it; "" while that is not known. */
  hashAddress(this: void, address: string): string;
  readonly failures?: Partial<AuthFailuresOptions> | undefined;
}

export function createRefusalNotes(options: RefusalNotesOptions): RefusalNotes & { close(this: void): void } {
  const { trail, node, hashAddress } = options;
  const failures = createAuthFailures({
    note({ address, reason, count }) {
      const hashed = address === "" ? null : address;
      // By whom it was is not known: it stands with others of its address.
      const by = { kind: "auth_failure", actor: `node:${node()}`, node: node() } as const;
      trail.note(address, { ...by, subject: null, channel: null, address: hashed, reason, data: { count } });
    },
    ...options.failures,
  });
  return { refused: (address, reason) => failures.failed(hashAddress(address), reason), close: failures.close };
}
