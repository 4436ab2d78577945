// How a service of the cluster starts: a process of the runtime with the cluster's table of settings. Called once by each
// service's main.
import { runProcess } from "@rookery/runtime";
import type { ProcessContext } from "@rookery/runtime";
import type { ProcessService } from "./services.ts";
import { SETTINGS_TABLE } from "./settings-table.ts";
import type { ServiceSettings } from "./settings-table.ts";

/** What a service's main is given. */
export type NodeContext<S extends ProcessService> = ProcessContext<ServiceSettings<S>>;

/** As `runProcess`: returns once main has, and ends the process by its exit codes. */
export async function runNode<S extends ProcessService>(
  service: S,
  main: (context: NodeContext<S>) => Promise<void>,
): Promise<void> {
  await runProcess(SETTINGS_TABLE, service, main);
}
