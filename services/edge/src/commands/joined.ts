// What joining one channel and joining several share: what is wished for and what is answered about a channel.

import type { ForwardPage } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import { untilRights } from "./until-rights.ts";

export interface Wish {
  readonly channel: string;
  readonly after?: Position | undefined;
}

/** One join's `ok` before it is text: messages stand apart, as finished frames, so that nothing parses them again. */
export interface Joined {
  readonly fields: Record<string, unknown>;
  readonly messages: readonly string[];
  readonly more: boolean;
  /** Whether messages run forward from the wished position (cut at their end) or are the newest (cut at their start). */
  readonly forward: boolean;
}

export function tooManyChannels(edge: EdgeContext, channel: string): ChatError {
  return new ChatError("too_many", `a session joins at most ${edge.limits.channels} channels`, { channel });
}

export function toJoined(edge: EdgeContext, { channel, after }: Wish, grant: Grant, page: ForwardPage): Joined {
  if (after !== undefined) edge.metrics.resumes[page.recovered ? "recovered" : "not_recovered"].n += 1;
  const { position, saved } = page.head;
  return {
    fields: { channel, ...position, recovered: page.recovered, ...untilRights(grant), saved },
    messages: page.frames.map((each) => each.frame),
    more: page.more,
    forward: after !== undefined && page.recovered,
  };
}
