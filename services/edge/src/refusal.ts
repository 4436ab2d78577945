// Maps whatever a command threw to one of the protocol's errors; nobody else does.

import { isScriptFault } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { EdgeContext } from "./context.ts";
import type { Session } from "./session.ts";

/**
 * A refusal stays what it is, though a script that failed is told in the log: to a client it is an outage like another. Anything
 * else is a fault of ours: logged, and answered as `internal`.
 */
export function refusalOf(edge: Pick<EdgeContext, "log">, session: Session, error: unknown): ChatError {
  if (error instanceof ChatError) {
    if (isScriptFault(error.cause))
      edge.log.error({ err: error.cause, session: session.id }, "a script failed in Redis");
    return error;
  }
  edge.log.error({ err: error, session: session.id }, "command failed");
  return new ChatError("internal", "the command failed through a fault of the server");
}
