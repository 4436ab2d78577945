// Every name under which a series of a cluster may be asked for: what the page of metrics tells of our own, what the library
// of metrics adds to each process, what the rules compute and what Prometheus itself knows of its targets and alerts.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createMetrics } from "@rookery/runtime";
import { recordings } from "./watch-files.ts";

export interface Family {
  readonly name: string;
  readonly type: string;
}

const PAGE = fileURLToPath(new URL("../../docs/metrics.md", import.meta.url));

/** Of the page, which a test of the running cluster holds to what is served. */
export function ownFamilies(): Family[] {
  const rows = readFileSync(PAGE, "utf8").matchAll(/^\| `(rookery_\S+)` \| (\S+) \|/gm);
  return [...rows].map(([, name = "", type = ""]) => ({ name, type }));
}

export async function seriesNames(): Promise<Set<string>> {
  const { text } = await createMetrics({ service: "edge", node: () => "edge-1", version: "1" }).render();
  const added = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => ({ name, type }));
  return new Set([
    ...[...ownFamilies(), ...added].flatMap(namesOf),
    ...recordings().map(({ record }) => record),
    ...["up", "ALERTS"],
  ]);
}

function namesOf({ name, type }: Family): string[] {
  return type === "histogram" ? ["_bucket", "_sum", "_count"].map((part) => name + part) : [name];
}
