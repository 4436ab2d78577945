// `join`: puts the session into a channel and tells where it stands. The order is the promise: the relay is live, then the
// socket subscribes, then the history is read, so whatever is not in the answer reaches the socket by the topic.

import { createReading } from "@rookery/broker";
import type { Reading } from "@rookery/broker";
import { DEFAULT_PAGE_MESSAGES, encodeOk } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import { priceOfReading } from "../price.ts";
import type { Session } from "../session.ts";
import { joinedText, tooManyChannels } from "./joined.ts";
import type { Wish } from "./joined.ts";
import { joinAll } from "./joins.ts";

export async function join(edge: EdgeContext, session: Session, frame: ClientFrameOf<"join">): Promise<void> {
  const limit = Math.min(frame.limit ?? DEFAULT_PAGE_MESSAGES, edge.limits.pageMessages);
  if (!("channel" in frame)) {
    await joinAll(edge, session, frame, limit);
    return;
  }
  const reading = createReading(() => session.wire !== undefined);
  try {
    const joined = await enter(edge, session, frame, limit, reading);
    if (frame.persisted === true) session.wantPersisted(frame.channel);
    if (frame.ref !== undefined) session.tell(encodeOk(frame.ref, joined));
  } finally {
    session.charge(priceOfReading(reading));
  }
}

/** Answers with the members of its `ok`. */
async function enter(
  edge: EdgeContext,
  session: Session,
  wish: Wish,
  limit: number,
  reading: Reading,
): Promise<string> {
  const { channel, after } = wish;
  const isNew = !session.channels.has(channel);
  const grant = isNew ? await enterChannel(edge, session, channel) : await askToJoin(edge, session, channel);
  const bytes = edge.limits.pageBytes;
  const followed = edge.relays.positionOf(channel);
  try {
    const page = await (after === undefined
      ? edge.history.backward(channel, undefined, limit, bytes, reading, followed)
      : edge.history.forward(channel, after, limit, bytes, reading, followed));
    return joinedText(edge, wish, grant, page);
  } catch (error) {
    // An error means that nothing happened: a session that was not in the channel before is not in it now.
    if (isNew) edge.membership.exit(session, channel);
    throw error;
  }
}

/**
 * Takes one of the channels a session may have, asks for the right and subscribes. The right is asked for while the partition
 * is watched, by this hold until the relay is there, and the user's too: a change of rights in between is heard of.
 */
async function enterChannel(edge: EdgeContext, session: Session, channel: string): Promise<Grant> {
  if (session.channels.size + session.joining >= edge.limits.channels) throw tooManyChannels(edge, channel);
  session.joining += 1;
  try {
    const partition = edge.partitions.of(channel);
    const watched = edge.watch.hold(partition);
    try {
      const known = edge.watch.ready(edge.partitions.ofUser(session.user));
      if (watched !== undefined || known !== undefined) await Promise.all([watched, known]);
      const grant = await askToJoin(edge, session, channel);
      const starting = edge.relays.hold(channel);
      if (starting !== undefined) await starting;
      edge.membership.enter(session, channel);
      return grant;
    } finally {
      edge.watch.release(partition);
    }
  } finally {
    session.joining -= 1;
  }
}

function askToJoin({ rights }: EdgeContext, { user }: Session, channel: string): Grant | Promise<Grant> {
  return rights.cached({ user, channel, right: "join" });
}
