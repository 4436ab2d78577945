// `history`: a page of a channel, forward from a position (frames just as they were announced) or backward (messages with
// what has happened to them since).

import { createReading } from "@rookery/broker";
import type { BackwardPage, Reading } from "@rookery/broker";
import { ChatError, DEFAULT_PAGE_MESSAGES, encodePage } from "@rookery/protocol";
import type { ClientFrameOf, Position } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import { lastJudgementOf } from "../control/last-judgement.ts";
import { priceOfReading } from "../price.ts";
import type { Session } from "../session.ts";

type HistoryFrame = ClientFrameOf<"history">;

export async function history(edge: EdgeContext, session: Session, frame: HistoryFrame): Promise<void> {
  const { channel, after, ref } = frame;
  const limit = Math.min(frame.limit ?? DEFAULT_PAGE_MESSAGES, edge.limits.pageMessages);
  const reading = createReading(() => session.wire !== undefined);
  try {
    const page =
      after === undefined
        ? await backward(edge, frame, limit, reading)
        : await forward(edge, frame, after, limit, reading);
    const own = await edge.history.mine(channel, page, session.user, reading);
    const judge = lastJudgementOf(edge, session, channel, "history");
    for (let wait = judge(); wait !== undefined; wait = judge()) await wait;
    const messages = own.frames.map((each) => each.frame);
    if (ref !== undefined) session.tell(encodePage({ ref, fields: { channel }, messages, more: page.more }));
  } finally {
    session.charge(priceOfReading(reading));
  }
}

function backward(
  { history: past, limits }: EdgeContext,
  { channel, before, replyTo }: HistoryFrame,
  limit: number,
  reading: Reading,
): Promise<BackwardPage> {
  return replyTo === undefined
    ? past.backward(channel, before, limit, limits.pageBytes, reading)
    : past.repliesBefore(replyTo, channel, before, limit, limits.pageBytes, reading);
}

async function forward(
  { history: past, limits }: EdgeContext,
  { channel, replyTo }: HistoryFrame,
  after: Position,
  limit: number,
  reading: Reading,
): Promise<BackwardPage> {
  const page = await (replyTo === undefined
    ? past.forward(channel, after, limit, limits.pageBytes, reading, undefined, true)
    : past.repliesAfter(replyTo, channel, after, limit, limits.pageBytes, reading));
  if (page.recovered) return page;
  // `ok` has no word for a page that does not follow its cursor; passing it off as one would be a silent hole.
  throw new ChatError("not_found", '"after": nothing can be shown to follow this position: join again', { channel });
}
