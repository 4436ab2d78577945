// The version this process was built from, as it is told in build info, the node registry and the REST documents.
import { readFileSync } from "node:fs";

/** The `version` of this package; all packages of the repository share one. */
export const VERSION = readVersion();

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const hasVersion = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return hasVersion && typeof manifest.version === "string" ? manifest.version : "0.0.0";
}
