// From an audit entry of the outbox to its row of `audit_log`. Pure; must never throw, nor hand on what Postgres would refuse: of a
// record that is not quite as it should be, whatever can be kept is kept.
import type { AuditEntry } from "@rookery/broker";
import type { AuditRow } from "@rookery/store";

/** Beyond anything that a record of ours holds. */
const MOST_CHARS = 2_000;

/** Undefined for what says neither when nor what nor who. */
export function auditRow({ frame, partition, id }: AuditEntry): AuditRow | undefined {
  const told = fieldsOf(frame);
  const text = (name: string): string | null => textOf(told.get(name));
  const [at, what, actor] = [told.get("at"), text("kind"), text("actor")];
  if (typeof at !== "number" || !Number.isSafeInteger(at) || what === null || actor === null) return undefined;
  const data = told.get("data");
  return {
    kind: "audit",
    // What came with an announcement has none of its own, and is queued once.
    id: text("id") ?? `${partition}.${id.epoch}-${id.number}`,
    ...{ at, what, actor, subject: text("subject"), channel: text("channel"), node: text("node") },
    ...{ address: text("address"), reason: text("reason") },
    data: typeof data === "object" && data !== null ? JSON.stringify(data) : null,
  };
}

function fieldsOf(frame: string): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(frame);
    return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
  } catch {
    return new Map();
  }
}

/** Postgres takes no NUL and no half of a pair. */
function textOf(value: unknown): string | null {
  if (typeof value !== "string") return null;
  return Buffer.from(value.slice(0, MOST_CHARS).replaceAll("\0", ""), "utf8").toString("utf8");
}
