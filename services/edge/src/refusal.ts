// Maps whatever a command threw to one of the protocol's errors; nobody else does.

import { ChatError } from "@rookery/protocol";
import type { EdgeContext } from "./context.ts";
import type { Session } from "./session.ts";

/** A refusal stays what it is; anything else is a fault of ours: logged, and answered as `internal`. */
export function refusalOf(edge: EdgeContext, session: Session, error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  edge.log.error({ err: error, session: session.id }, "command failed");
  return new ChatError("internal", "the command failed through a fault of the server");
}
