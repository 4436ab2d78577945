// `history`: a page of a channel, forward from a position (frames just as they were announced) or backward (messages).

import { ChatError, DEFAULT_PAGE_MESSAGES, encodePage, parseMessageFrame } from "@rookery/protocol";
import type { ClientFrameOf, Position } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

interface Page {
  readonly messages: readonly string[];
  readonly more: boolean;
}

export async function history(edge: EdgeContext, session: Session, frame: ClientFrameOf<"history">): Promise<void> {
  const { channel, after, before, replyTo, ref } = frame;
  const limit = Math.min(frame.limit ?? DEFAULT_PAGE_MESSAGES, edge.limits.pageMessages);
  const page =
    after === undefined
      ? await backward(edge, channel, before, limit, replyTo)
      : await forward(edge, channel, after, limit, replyTo);
  if (ref !== undefined) session.tell(encodePage({ ref, fields: { channel }, ...page }));
}

async function backward(
  edge: EdgeContext,
  channel: string,
  before: Position | undefined,
  limit: number,
  replyTo: string | undefined,
): Promise<Page> {
  const { frames, more } = await edge.history.backward(channel, before, limit, edge.limits.pageBytes, replyTo);
  return { messages: frames.map((each) => each.frame), more };
}

async function forward(
  edge: EdgeContext,
  channel: string,
  after: Position,
  limit: number,
  replyTo: string | undefined,
): Promise<Page> {
  for (let cursor = after; ;) {
    const { frames, more, recovered } = await edge.history.forward(channel, cursor, limit, edge.limits.pageBytes);
    // `ok` has no word for a page that does not follow its cursor; passing it off as one would be a silent hole.
    if (!recovered) {
      throw new ChatError("not_found", '"after": nothing can be shown to follow this position: join again', {
        channel,
      });
    }
    const messages = frames.map((each) => each.frame);
    if (replyTo === undefined) return { messages, more };
    // A page without a single reply would leave the client no position to go on from: the search goes on here.
    const replies = messages.filter((text) => answers(text, replyTo));
    const last = frames.at(-1);
    if (replies.length > 0 || !more || last === undefined) return { messages: replies, more };
    cursor = last.position;
  }
}

function answers(text: string, replyTo: string): boolean {
  return text.includes(replyTo) && parseMessageFrame(text).replyTo === replyTo;
}
