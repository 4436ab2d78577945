// Asks Redis for something that changes nothing, or that may be repeated without harm. Used by every reader of Redis.
// Not for publishing: there it matters whether a command that failed was carried out, see rejections.ts.
import { ChatError } from "@rookery/protocol";
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";

/**
 * What `ask` answers. Whatever keeps Redis from answering is ChatError `unavailable`, with what it was as its cause: one that
 * `isScriptFault` is ours to mend. Other ChatErrors pass.
 */
export async function answered<Reply>(connection: RedisConnection, ask: () => Promise<Reply>): Promise<Reply> {
  const unavailable = (error?: unknown): never => {
    if (error instanceof ChatError) throw error;
    const refusal = new ChatError("unavailable", "the message store cannot be reached");
    refusal.cause = error;
    throw refusal;
  };
  return isReady(connection) ? ask().catch(unavailable) : unavailable();
}
