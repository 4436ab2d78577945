// Envelopes that an edge packs by itself: signals, which need no position and so no script. The scripts pack the others.
import type { TypingEnvelope } from "./envelope.ts";
import { HEADER_BYTES, KIND_BYTES } from "./unpack-envelope.ts";

/** What is read back by unpack-envelope.ts. `exclude` is a session's id, at most 255 bytes. */
export function packSignal(kind: TypingEnvelope["kind"] | "signal", exclude: string, frame: string): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + Buffer.byteLength(exclude) + Buffer.byteLength(frame));
  bytes[0] = KIND_BYTES[kind];
  bytes[1] = bytes.write(exclude, HEADER_BYTES);
  bytes.write(frame, HEADER_BYTES + (bytes[1] ?? 0));
  return bytes;
}
