// What joining one channel and joining several share: what is wished for and what is answered about a channel.

import type { BackwardPage, ForwardPage } from "@rookery/broker";
import { ChatError, jsonMembers, pageMembers } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import type { Standing } from "./standing.ts";

export interface Wish {
  readonly channel: string;
  readonly after?: Position | undefined;
  readonly password?: string | undefined;
}

/** One join's `ok` before it is text: messages stand apart, as finished frames, so that nothing parses them again. */
export interface Joined {
  readonly fields: Record<string, unknown>;
  readonly messages: readonly string[];
  readonly more: boolean;
  /** Whether messages run forward from the wished position (cut at their end) or are the newest (cut at their start). */
  readonly forward: boolean;
  /** A frame to be told right after it. */
  readonly gap?: string;
}

export function tooManyChannels(edge: EdgeContext, channel: string): ChatError {
  return new ChatError("too_many", `a session joins at most ${edge.limits.channels} channels`, { channel });
}

interface Counting {
  readonly metrics: Pick<EdgeContext["metrics"], "resumes">;
}

/** By the page, which those who ask the same at once are given together. */
const texts = new WeakMap<BackwardPage, string>();

/**
 * The members of one join's `ok`. What the page says is the same text for a whole crowd that is given it; what is the
 * session's own stands before it.
 */
export function joinedText(edge: Counting, wish: Wish, standing: Standing, page: BackwardPage | ForwardPage): string {
  const recovered = "recovered" in page && page.recovered;
  countResume(edge, wish, recovered);
  const shared = texts.get(page) ?? pageMembers(toPage(wish, { ...page, recovered }));
  texts.set(page, shared);
  return `${jsonMembers(standing)},${shared}`;
}

export function countResume(edge: Counting, { after }: Wish, recovered: boolean): void {
  if (after !== undefined) edge.metrics.resumes[recovered ? "recovered" : "not_recovered"].n += 1;
}

export function toJoined(wish: Wish, standing: Standing, page: ForwardPage): Joined {
  const joined = toPage(wish, page);
  return { ...joined, fields: { ...joined.fields, ...standing } };
}

/** What is the same for whoever is given the page. */
function toPage({ channel, after }: Wish, page: ForwardPage): Joined {
  const { position, saved } = page.head;
  return {
    fields: { channel, ...position, recovered: page.recovered, saved },
    messages: page.frames.map((each) => each.frame),
    more: page.more,
    forward: after !== undefined && page.recovered,
  };
}
