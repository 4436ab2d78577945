// The reader of the cluster's settings: what a start, the command line and tests ask for values, their sources and the
// document. It judges as a start does, since both are this.
import { createSettings } from "@rookery/runtime";
import { SETTINGS_TABLE } from "./settings-table.ts";

export const clusterSettings = createSettings(SETTINGS_TABLE);
