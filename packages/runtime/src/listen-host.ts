// Whether an address to listen on is one of this machine, found out as a start does: by binding it, on a port that is free.
// Called by `checkSettings`; and says why a listener that told nothing could not listen. Nothing stays open.
import { createServer } from "node:net";

/** Words for an operator by the system's code; every other code is told as it is. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOTFOUND", "this name has no address"],
  ["EAI_AGAIN", "this name cannot be looked up"],
  ["EADDRNOTAVAIL", "this is no address of this machine"],
  ["EAFNOSUPPORT", "this machine does not speak this kind of address"],
  ["EADDRINUSE", "the port is taken"],
  ["EACCES", "this user may not listen on this port"],
]);
/** A setting has to change before a start can succeed; the others may pass by themselves. */
const WRONG_SETTING: ReadonlySet<string> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
  "EACCES",
]);

/** Why nothing can listen on this host, whatever the port; undefined when something can. */
export async function hostFault(host: string): Promise<string | undefined> {
  return wrongListenSetting(await listenFault(host, 0));
}

/** Why nothing can listen there; undefined when something can. */
export async function listenFault(host: string, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(new ListenFault(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

class ListenFault extends Error {
  readonly code: string;
  readonly syscall = "listen";

  constructor(cause: Error) {
    const code = "code" in cause ? String(cause.code) : "";
    super(REASONS.get(code) ?? cause.message, { cause });
    this.code = code;
  }
}

/** In words, when somebody else listens there: it may go away by itself. */
export function takenPort(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "EADDRINUSE") return undefined;
  const [port = "it needs"] = [error, error.cause].flatMap((each) =>
    typeof each === "object" && each !== null && "port" in each ? [each.port] : [],
  );
  return `the port ${String(port)} is taken: end what listens there, or set another ROOKERY_PORT or ROOKERY_INTERNAL_PORT`;
}

/** The system's refusal to listen, in words, when only another setting would mend it. */
export function wrongListenSetting(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  const isOfListening = ["listen", "bind", "getaddrinfo"].includes(String(error.syscall));
  const code = String(error.code);
  return isOfListening && WRONG_SETTING.has(code) ? (REASONS.get(code) ?? error.message) : undefined;
}
