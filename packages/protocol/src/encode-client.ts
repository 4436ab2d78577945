/**
 * Writes what a client says. Used by whoever speaks to an edge: the SDK to come and the command line; the edge reads it by
 * decode.ts. Needs no schema, so that a page which only speaks stays small.
 */
import type { ClientFrame } from "./client-frames.ts";

/** The frame as one text message. Fields that are undefined are left out. Whether its values are allowed, the edge says. */
export function encodeClientFrame(frame: ClientFrame): string {
  return JSON.stringify(frame);
}
