// The order to one node to end a session of which its user has too many, on the node's own probe topic. Sent by session-cap.ts
// of another node or the same, heard by topics.ts, acted upon by the edge. Pure.

export function packReplaced(session: string): string {
  return JSON.stringify({ replaced: session });
}

const REPLACED = /^\{"replaced":"([\w-]{1,64})"\}$/;

/** The session that has to go; undefined for an order of another kind, which a newer build may give. */
export function parseReplaced(text: string): string | undefined {
  return REPLACED.exec(text)?.[1];
}
