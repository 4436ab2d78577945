// What a part of a node needs of its process: some settings, the log, the id, the list of what is given back. Types only.
import type { ProcessContext, ValuesOf } from "@rookery/runtime";
import type { SettingKey, SETTINGS } from "./settings-table.ts";

export type SettingsContext<K extends SettingKey> = Pick<
  ProcessContext<ValuesOf<typeof SETTINGS, K>>,
  "settings" | "log" | "node" | "onStop"
>;
