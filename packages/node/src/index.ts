// What makes a process a node of the cluster: its settings and how it starts. Other packages import from here only.
export { clusterSettings } from "./cluster-settings.ts";
export { runNode } from "./run-node.ts";
export type { NodeContext } from "./run-node.ts";
export type { ProcessService, ServiceName } from "./services.ts";
export { isSettingKey, SETTINGS } from "./settings-table.ts";
export type { SettingKey } from "./settings-table.ts";
