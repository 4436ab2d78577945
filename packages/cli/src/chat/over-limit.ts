// Whether a frame is over the limits that an edge has told, in words. Asked before a frame is sent, since the layer below cuts
// the connection of who sends too much without a word. Pure.
import type { ClientFrame, FrameLimits } from "@rookery/protocol";

/** What the cluster would refuse, or cut; undefined when it would not. */
export function overLimit(frame: ClientFrame, { bodyBytes, frameBytes }: FrameLimits): string | undefined {
  const ofBody = "body" in frame ? Buffer.byteLength(frame.body) : 0;
  if (ofBody > bodyBytes) return `the message has ${ofBody} bytes, this cluster takes ${bodyBytes}`;
  const ofFrame = Buffer.byteLength(JSON.stringify(frame));
  return ofFrame > frameBytes ? `the frame has ${ofFrame} bytes, this cluster takes ${frameBytes}` : undefined;
}
