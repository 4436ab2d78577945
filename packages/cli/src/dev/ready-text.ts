// What a person is told once a `dev` cluster answers: where everything is, what to try, how to stop. Pure.
import { join, relative } from "node:path";
import { maskUrl } from "@rookery/runtime";
import type { ReadyLine } from "../cluster-file.ts";
import { DATA_FOLDER } from "../cluster-file.ts";

export interface Place {
  /** The data folder. */
  readonly folder: string;
  /** Where the reader is: commands are shown as they work from there. */
  readonly cwd: string;
  /** Whose pages may connect, in the words of the setting. */
  readonly allowedOrigins: readonly string[];
  /** Whether the api serves the chat page. */
  readonly hasPage: boolean;
}

/** Lines of text. */
export function readyText(line: ReadyLine, { folder, cwd, allowedOrigins, hasPage }: Place): readonly string[] {
  const at = relative(cwd, folder);
  const shown = at.startsWith("..") ? folder : at;
  const data = shown === DATA_FOLDER ? "" : ` --data ${shown}`;
  return [
    "",
    "Everything answers.",
    ...(hasPage ? [`  chat      ${line.api}/  (open it in a browser, and in a second one)`] : []),
    ...line.ws.map((ws, n) => `  edge-${n + 1}    ${ws}`),
    `  api       ${line.api}  (documents: ${line.api}/docs)`,
    `  redis     ${maskUrl(line.redis)}`,
    `  postgres  ${maskUrl(line.postgres)}`,
    `  data      ${shown}  (addresses, keys and passwords: ${join(shown, "cluster.json")}; logs: ${join(shown, "logs")})`,
    `  pages     ${pagesText(allowedOrigins)}`,
    "            (of others: --set ROOKERY_ALLOWED_ORIGINS=loopback,https://app.example)",
    "",
    hasPage ? "Or try it in terminals, each of its own:" : "Try it, each in a terminal of its own:",
    `  npx rookery tail lobby${data}`,
    `  npx rookery send lobby hello${data}`,
    "",
    "Ctrl-C stops it.",
  ];
}

function pagesText(origins: readonly string[]): string {
  if (origins.length === 0) return "no page may connect";
  const whose = origins.map((origin) => (origin === "loopback" ? "any port of this machine" : origin));
  return `pages of ${whose.join(", ")} may connect`;
}
