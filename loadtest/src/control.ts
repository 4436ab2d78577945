// control: what the control plane costs. A ban with its receipt, and the list of connections, beside a crowd of 15,000 on three
// edges with an api; and what it adds to a join that it is noted for the audit log.

import { auditCost } from "./audit-cost.ts";
import { banReceipt } from "./ban-receipt.ts";
import { connectionList } from "./connection-list.ts";
import { openCrowdedCluster } from "./crowded-cluster.ts";
import type { Report } from "./report.ts";
import { startRig } from "./rig.ts";

export async function* control(): AsyncGenerator<Report> {
  const rig = await startRig();
  try {
    const cluster = await openCrowdedCluster(rig);
    yield { name: "control-connections", rows: await connectionList(rig, cluster) };
    yield { name: "control-ban", rows: await banReceipt(rig, cluster) };
  } finally {
    await rig.stop();
  }
  yield { name: "control-audit", rows: await auditCost() };
}
