// What came over a socket, as a frame: its type is looked at, the rest is taken to be what the type says.
import type { ServerFrame } from "@rookery/protocol";
import { SERVER_FRAMES } from "@rookery/protocol";
import type { RawData } from "ws";

/** Undefined for a frame of a type that this version does not know, and for what is no frame at all. */
export function parseFrame(data: RawData): ServerFrame | undefined {
  const text = Buffer.isBuffer(data) ? data.toString("utf8") : "";
  try {
    const value: unknown = JSON.parse(text);
    return isServerFrame(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isServerFrame(value: unknown): value is ServerFrame {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return typeof value.type === "string" && Object.hasOwn(SERVER_FRAMES, value.type);
}
