// The trail of what happened, as edge and api build it over their stores. Made once by each, before whoever notes something, so
// that it ends behind them.
import { createAuditTrail } from "@rookery/broker";
import type { AuditTrail } from "@rookery/broker";
import type { SettingsContext } from "./settings-context.ts";
import type { Stores } from "./stores.ts";

/** `trouble`: why nothing may be numbered in this Redis yet, or undefined. */
export function createNodeAuditTrail(
  { settings, log, node, onStop }: SettingsContext<"outboxMaxBytes">,
  { commands, keys, floors, floorReader }: Pick<Stores, "commands" | "keys" | "floors" | "floorReader">,
  trouble: () => string | undefined,
): AuditTrail {
  const trail = createAuditTrail({
    ...{ connection: commands, keys, floors, trouble, outboxMaxBytes: settings.outboxMaxBytes, node: node.current },
    readFloors: () => floorReader.read(),
    failed: (reason) => log.error({ reason }, "what happened cannot be noted in Redis"),
  });
  onStop("audit trail", trail.close);
  return trail;
}
