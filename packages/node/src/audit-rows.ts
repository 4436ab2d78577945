// Rows of the table that say with which keys the audit log is sealed. Read by the table alone.
import { readSecret } from "@rookery/auth";
import { optionalSecret } from "@rookery/runtime";
import type { SettingRule } from "@rookery/runtime";
import { PERSISTER } from "./services.ts";

const ANY_KEY = ["auditKey"] as const;

// prettier-ignore
export const AUDIT_ROWS = {
  auditKey: optionalSecret("ROOKERY_AUDIT_KEY", { reader: readSecret, madeWithout: ANY_KEY }, PERSISTER,
    "key with which the audit log is sealed, the same for every persister; made at start outside production, by which nobody can verify it later"),
  auditPreviousKey: optionalSecret("ROOKERY_AUDIT_PREVIOUS_KEY", { reader: readSecret }, PERSISTER,
    "the key before this one: what it sealed is verified by it, and passes to the new one by a record that it seals"),
} as const;

export const AUDIT_RULES: readonly SettingRule<typeof AUDIT_ROWS>[] = [
  {
    kind: "holds",
    keys: ANY_KEY,
    holds: ({ auditKey }, isProduction) => !isProduction || auditKey !== undefined,
    expected: "a secret of at least 32 bytes",
  },
  {
    kind: "holds",
    keys: ["auditPreviousKey", "auditKey"],
    holds: ({ auditPreviousKey, auditKey }) => auditPreviousKey === undefined || auditKey !== undefined,
    expected: "ROOKERY_AUDIT_KEY beside it",
  },
];
