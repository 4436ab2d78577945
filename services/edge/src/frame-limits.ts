// What an edge takes of one client, out of its settings: told with `welcome`, and held by decoding and the buckets. Pure.
import type { NodeContext } from "@rookery/node";
import type { FrameLimits } from "@rookery/protocol";

export function frameLimits(settings: NodeContext<"edge">["settings"]): FrameLimits {
  return {
    frameBytes: settings.frameBytes,
    bodyBytes: settings.bodyBytes,
    metaBytes: settings.metaBytes,
    channels: settings.channelsPerSession,
    pageMessages: settings.pageMessages,
    pageBytes: settings.pageBytes,
    sendsPerSec: settings.sendsPerSec,
    sendBurst: settings.sendBurst,
    commandsPerSec: settings.commandsPerSec,
    typingPerSec: settings.typingPerSec,
    idleMs: settings.idleMs,
  };
}
