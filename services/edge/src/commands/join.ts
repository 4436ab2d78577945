// `join`: puts the session into a channel and tells where it stands. The order is the promise: the relay is live, then the
// socket subscribes, then the history is read, so whatever is not in the answer reaches the socket by the topic.

import { createReading } from "@rookery/broker";
import type { Reading } from "@rookery/broker";
import { DEFAULT_PAGE_MESSAGES, encodeOk } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import { lastJudgement, lastJudgementOf } from "../control/last-judgement.ts";
import { priceOfReading } from "../price.ts";
import type { Session } from "../session.ts";
import { gapBehind } from "./gap-behind.ts";
import { joinedText, tooManyChannels } from "./joined.ts";
import type { Wish } from "./joined.ts";
import { joinAll } from "./joins.ts";
import { showPassword } from "./show-password.ts";
import { findRoom, turnAway } from "./present-cap.ts";
import { rightsNow, standingIn } from "./standing.ts";
import type { Entry } from "./standing.ts";
import { tellTypists } from "./tell-typists.ts";

export async function join(edge: EdgeContext, session: Session, frame: ClientFrameOf<"join">): Promise<void> {
  const limit = Math.min(frame.limit ?? DEFAULT_PAGE_MESSAGES, edge.limits.pageMessages);
  if (!("channel" in frame)) {
    await joinAll(edge, session, frame, limit);
    return;
  }
  const reading = createReading(() => session.wire !== undefined);
  try {
    await enter(edge, session, frame, limit, reading);
  } finally {
    session.charge(priceOfReading(reading));
  }
}

type JoinFrame = Extract<ClientFrameOf<"join">, { channel: string }>;

async function enter(
  edge: EdgeContext,
  session: Session,
  frame: JoinFrame,
  limit: number,
  reading: Reading,
): Promise<void> {
  const { channel, after } = frame;
  const isNew = !session.channels.has(channel);
  const entry = isNew ? await enterChannel(edge, session, frame) : { grant: await askToJoin(edge, session, frame) };
  const bytes = edge.limits.pageBytes;
  const followed = edge.relays.positionOf(channel);
  try {
    const [page, standing] = await Promise.all([
      after === undefined
        ? edge.history.backward(channel, undefined, limit, bytes, reading, followed)
        : edge.history.forward(channel, after, limit, bytes, reading, followed),
      standingIn(edge, session, channel, entry),
    ]);
    const mine = await edge.history.mine(channel, page, session.user, reading);
    const judge = lastJudgementOf(edge, session, channel, "join");
    for (let wait = judge(); wait !== undefined; wait = judge()) await wait;
    // Nothing awaits from here on: whoever was banned meanwhile has left by now, and hears nothing of the channel.
    edge.signals.crowds.welcomed(channel, standing);
    const gap = gapBehind(channel, mine, followed);
    const whole = gap === undefined ? mine : { ...mine, recovered: false };
    const joined = joinedText(edge, frame, { ...standing, ...rightsNow(edge, session, channel) }, whole);
    if (frame.persisted === true) session.wantPersisted(channel);
    if (frame.ref !== undefined) session.tell(encodeOk(frame.ref, joined));
    if (gap !== undefined) session.tell(gap);
    tellTypists(edge, session, [channel]);
  } catch (error) {
    // An error means that nothing happened: a session that was not in the channel before is not in it now.
    if (isNew) turnAway(edge, session, channel, error);
    throw error;
  }
}

/**
 * Takes one of the channels a session may have, asks for the right and subscribes. The right is asked for while the partition
 * is watched, by this hold until the relay is there, and the user's too: a change of rights in between is heard of.
 */
async function enterChannel(edge: EdgeContext, session: Session, wish: Wish): Promise<Entry> {
  const { channel } = wish;
  if (session.channels.size + session.joining >= edge.limits.channels) throw tooManyChannels(edge, channel);
  session.joining += 1;
  try {
    const partition = edge.partitions.of(channel);
    const watched = edge.watch.hold(partition);
    try {
      const known = edge.watch.ready(edge.partitions.ofUser(session.user));
      if (watched !== undefined || known !== undefined) await Promise.all([watched, known]);
      const grant = await askToJoin(edge, session, wish);
      const presentCap = await findRoom(edge, session, channel, grant);
      const starting = edge.relays.hold(channel);
      if (starting !== undefined) await starting;
      try {
        const judge = lastJudgement(edge, session.user, channel, "join");
        for (let wait = judge(); wait !== undefined; wait = judge()) await wait;
      } catch (error) {
        edge.relays.release(channel);
        throw error;
      }
      return { grant, presentCap, entered: edge.membership.enter(session, channel) };
    } finally {
      edge.watch.release(partition);
    }
  } finally {
    session.joining -= 1;
  }
}

function askToJoin(edge: EdgeContext, session: Session, wish: Wish): Grant | Promise<Grant> {
  const { channel, password } = wish;
  const grant = edge.rights.cached({ user: session.user, channel, right: "join" });
  if (password === undefined || !(grant instanceof Promise)) return grant;
  return grant.catch((error: unknown) => showPassword(edge, session, wish, error));
}
