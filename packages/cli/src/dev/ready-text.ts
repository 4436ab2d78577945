// What a person is told once a `dev` cluster answers: where everything is, what to try, how to stop. Pure.
import { join, relative } from "node:path";
import { maskUrl } from "@rookery/runtime";
import type { ReadyLine } from "../cluster-file.ts";
import { DATA_FOLDER } from "../cluster-file.ts";

/** Lines of text. `folder` is the data folder, `cwd` where the reader is: commands are shown as they work from there. */
export function readyText(line: ReadyLine, folder: string, cwd: string): readonly string[] {
  const at = relative(cwd, folder);
  const shown = at.startsWith("..") ? folder : at;
  const data = shown === DATA_FOLDER ? "" : ` --data ${shown}`;
  return [
    "",
    "Everything answers.",
    ...line.ws.map((ws, n) => `  edge-${n + 1}    ${ws}`),
    `  api       ${line.api}  (documents: ${line.api}/docs)`,
    `  redis     ${maskUrl(line.redis)}`,
    `  postgres  ${maskUrl(line.postgres)}`,
    `  data      ${shown}  (addresses, keys and passwords: ${join(shown, "cluster.json")}; logs: ${join(shown, "logs")})`,
    "",
    "Try it, each in a terminal of its own:",
    `  npx rookery tail lobby${data}`,
    `  npx rookery send lobby hello${data}`,
    "",
    "Ctrl-C stops it.",
  ];
}
