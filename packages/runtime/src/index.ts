// What every process of the cluster is made of, and nothing that knows about chat. Other packages import from here only.
export { addressGroup, createClientAddress, isLoopbackAddress } from "./client-address.ts";
export type { ClientAddress } from "./client-address.ts";
export { createLog } from "./log.ts";
export type { Log, LogOptions } from "./log.ts";
export { createMetrics } from "./metrics.ts";
export type { Metrics, MetricsOptions, PlainCount } from "./metrics.ts";
export type { PlainHistogram } from "./plain-histogram.ts";
export { startInternalServer } from "./internal-server.ts";
export type { CheckResult, InternalServer, InternalServerOptions, ReadinessCheck } from "./internal-server.ts";
export { listenFault } from "./listen-host.ts";
export { runProcess } from "./lifecycle.ts";
export type { ProcessContext, ReadyMessage } from "./lifecycle.ts";
export { createOriginAllowed } from "./origin-allowed.ts";
export type { OriginAllowed } from "./origin-allowed.ts";
export { createNodeId } from "./node-id.ts";
export type { NodeId } from "./node-id.ts";
export { watchParent } from "./parent-watch.ts";
export type { StopFunction } from "./stop-list.ts";
export { parseFlags } from "./flags.ts";
export { pause } from "./pause.ts";
export type { PauseOptions } from "./pause.ts";
export { listenHost, networkList, originList, processRows } from "./process-rows.ts";
export { maskUrl, nearestName, SettingsError } from "./settings-problem.ts";
export type { SettingsProblem } from "./settings-problem.ts";
export {
  flag,
  integer,
  list,
  optionalBearer,
  optionalInteger,
  optionalSecret,
  optionalText,
  requiredText,
  text,
  word,
} from "./settings-row.ts";
export type { AnyRow, SettingRow } from "./settings-row.ts";
export type { SettingsSources } from "./settings-sources.ts";
export type { ServiceValues, SettingRule, SettingsTable, ValuesOf } from "./settings-table.ts";
export { createSettings } from "./settings.ts";
export type { SettingsReader } from "./settings.ts";
export { VERSION } from "./version.ts";
