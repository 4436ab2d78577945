// Says in one line for an operator why Postgres is unavailable. Used by the store and by the persister, for logs alone. Pure.
// What Postgres says about data is never repeated: only what it says about connections, roles, databases and itself.
import { codeOf } from "./away.ts";
import { UnfitSchema } from "./schema-fit.ts";

/** SQLSTATE classes whose text tells of the server and of who asks: the answers to a connection that is refused or lost. */
const ABOUT_THE_SERVER = /^(08|25006|28|3D|53|57)/;
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** What Node says when a server that was asked for TLS hangs up. */
const NO_TLS = /before secure TLS connection was established/;
const LONGEST_CHARS = 200;

/** Short and without a value of anybody's: the reason and its code, or the code alone. */
export function outageReason(error: unknown): string {
  const code = codeOf(error);
  if (code === "") return "no answer";
  const isOfServer = !isState(code, error) || ABOUT_THE_SERVER.test(code);
  const said = isOfServer && error instanceof Error ? oneLine(error.message) : "";
  if (NO_TLS.test(said)) return "it ended the TLS handshake; it may offer no TLS";
  if (said === "" || error instanceof UnfitSchema) return said || code;
  return said.includes(code) ? said : `${said} (${code})`;
}

/** Five letters may also be a code of the system: what came from Postgres has a severity. */
function isState(code: string, error: unknown): boolean {
  return SQLSTATE.test(code) && typeof error === "object" && error !== null && "severity" in error;
}

function oneLine(text: string): string {
  const plain = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return plain.length <= LONGEST_CHARS ? plain : `${plain.slice(0, LONGEST_CHARS)}...`;
}
