// What joining one channel and joining several share: what is wished for and what is answered about a channel.

import type { BackwardPage, ForwardPage } from "@rookery/broker";
import { ChatError, pageMembers } from "@rookery/protocol";
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

interface Counting {
  readonly metrics: Pick<EdgeContext["metrics"], "resumes">;
}

/** By the page, which those who ask the same at once are given together. */
const texts = new WeakMap<BackwardPage, { readonly grant: Grant; readonly text: string }>();

/** The members of one join's `ok`: a crowd that is given the same page, by the same grant, is given the same text. */
export function joinedText(edge: Counting, wish: Wish, grant: Grant, page: BackwardPage | ForwardPage): string {
  const recovered = "recovered" in page && page.recovered;
  countResume(edge, wish, recovered);
  const known = texts.get(page);
  if (known?.grant === grant) return known.text;
  const text = pageMembers(toJoined(wish, grant, { ...page, recovered }));
  texts.set(page, { grant, text });
  return text;
}

export function countResume(edge: Counting, { after }: Wish, recovered: boolean): void {
  if (after !== undefined) edge.metrics.resumes[recovered ? "recovered" : "not_recovered"].n += 1;
}

export function toJoined({ channel, after }: Wish, grant: Grant, page: ForwardPage): Joined {
  const { position, saved } = page.head;
  return {
    fields: { channel, ...position, recovered: page.recovered, ...untilRights(grant), saved },
    messages: page.frames.map((each) => each.frame),
    more: page.more,
    forward: after !== undefined && page.recovered,
  };
}
