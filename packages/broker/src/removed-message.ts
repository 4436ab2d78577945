// A deleted message as its deletion carries it through the outbox: all that a row of it needs, and nothing of what it said.
// Written where the deletion is judged, read by outbox-entry.ts. Pure; reading must never throw.
import { formatPosition, parsePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";

export interface RemovedMessage {
  readonly kind: "message";
  readonly position: Position;
  readonly prev?: Position | undefined;
  readonly id: string;
  readonly user: string;
  readonly clientId: string;
  readonly name: string;
  readonly at: number;
  readonly replyTo?: string | undefined;
}

export function formatRemovedMessage({
  position,
  prev,
  id,
  user,
  clientId,
  name,
  at,
  replyTo,
}: RemovedMessage): string {
  const follows = prev === undefined ? undefined : formatPosition(prev);
  return JSON.stringify({ position: formatPosition(position), prev: follows, id, user, clientId, name, at, replyTo });
}

/** Undefined for whatever is none. */
export function parseRemovedMessage(text: string): RemovedMessage | undefined {
  const fields = new Map(Object.entries(parseObject(text)));
  const textOf = (name: string): string | undefined => {
    const value: unknown = fields.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const [id, user, clientId, name] = ["id", "user", "clientId", "name"].map(textOf);
  const position = parsePosition(textOf("position") ?? "");
  const at: unknown = fields.get("at");
  if (position === undefined || id === undefined || user === undefined || clientId === undefined) return undefined;
  if (name === undefined || typeof at !== "number") return undefined;
  const prev = parsePosition(textOf("prev") ?? "");
  return { kind: "message", position, prev, id, user, clientId, name, at, replyTo: textOf("replyTo") };
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
