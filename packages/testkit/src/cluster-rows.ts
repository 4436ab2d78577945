// Owns the full read of what a cluster stored, in the checker's terms. Called by cluster.ts.
// Must never use the project's own store: the checker's view of Postgres is a second opinion.
import type { Sql } from "postgres";
import type { Row } from "./evidence.ts";

/** What a stored kind is called as a frame. Kinds not named here are no sequenced frames of a client. */
const frameTypes: Record<string, string> = {
  message: "message",
  edit: "edited",
  edited: "edited",
  delete: "deleted",
  deleted: "deleted",
  react: "reaction",
  reaction: "reaction",
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const rowOf = (stored: Record<string, unknown>): Row => {
  const type = frameTypes[textOf(stored["kind"])] ?? textOf(stored["kind"]);
  const target = textOf(stored["target"]);
  const prevEpoch = stored["prev_epoch"];
  return {
    channel: textOf(stored["channel"]),
    // bigint columns come as text
    epoch: Number(stored["epoch"]),
    seq: Number(stored["seq"]),
    type,
    // A frame about a message names that message.
    id: type === "message" || target === "" ? textOf(stored["id"]) : target,
    clientId: textOf(stored["client_id"]),
    author: textOf(stored["author"]),
    body: typeof stored["body"] === "string" ? stored["body"] : null,
    ...(typeof stored["emoji"] === "string" ? { emoji: stored["emoji"], on: stored["standing"] === true } : {}),
    ...(prevEpoch === null || prevEpoch === undefined
      ? {}
      : { prev: { epoch: Number(prevEpoch), seq: Number(stored["prev_seq"]) } }),
  };
};

/** Every stored frame of one channel, or of all, in order. */
export const readRows = async (sql: Sql, channel?: string): Promise<Row[]> => {
  const found = await sql`
    select channel, epoch, seq, kind, id, target, client_id, author, body, prev_epoch, prev_seq, emoji, standing
    from messages
    ${channel === undefined ? sql`` : sql`where channel = ${channel}`}
    order by channel, epoch, seq`;
  return found.map(rowOf);
};
