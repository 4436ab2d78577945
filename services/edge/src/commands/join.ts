// `join`: puts the session into a channel and tells where it stands. The order is the promise: the relay is live, then the
// socket subscribes, then the history is read, so whatever is not in the answer reaches the socket by the topic.

import { ChatError, DEFAULT_PAGE_MESSAGES, encodeError, encodePage, encodeResults, utf8Bytes } from "@rookery/protocol";
import type { ClientFrameOf, Position } from "@rookery/protocol";
import type { Grant } from "../authorise.ts";
import { sequencedTopic, signalTopic } from "../context.ts";
import type { EdgeContext } from "../context.ts";
import { refusalOf } from "../refusal.ts";
import type { Session } from "../session.ts";
import { exitChannel } from "./leave.ts";
import { untilRights } from "./until-rights.ts";

interface Wish {
  readonly channel: string;
  readonly after?: Position | undefined;
}

/** One join's `ok` before it is text: messages stand apart, as finished frames, so that nothing parses them again. */
interface Joined {
  readonly fields: Record<string, unknown>;
  readonly messages: readonly string[];
  readonly more: boolean;
  /** Whether messages run forward from the wished position (cut at their end) or are the newest (cut at their start). */
  readonly forward: boolean;
}

type Result = Joined | ChatError;

export async function join(edge: EdgeContext, session: Session, frame: ClientFrameOf<"join">): Promise<void> {
  const limit = Math.min(frame.limit ?? DEFAULT_PAGE_MESSAGES, edge.limits.pageMessages);
  const persisted = frame.persisted === true;
  if ("channel" in frame) {
    const joined = await enter(edge, session, frame, limit, persisted);
    if (frame.ref !== undefined) session.tell(encodePage({ ref: frame.ref, ...joined }));
    return;
  }
  // Each in the order of its own channel; none waits for another.
  const results: Result[] = frame.joins.map(() => new ChatError("internal", "not answered"));
  const entered = frame.joins.map((wish, n) =>
    session.inOrder(wish.channel, async () => {
      results[n] = await attempt(edge, session, wish, limit, persisted);
    }),
  );
  await Promise.all(entered);
  if (frame.ref === undefined) return;
  let bytesLeft = edge.limits.pageBytes;
  const bodies = results.map((result) => {
    if (result instanceof ChatError) return encodeError(result);
    const cut = cutToFit(result, bytesLeft);
    bytesLeft -= cut.messages.reduce((sum, message) => sum + utf8Bytes(message), 0);
    return encodePage(cut);
  });
  session.tell(encodeResults(frame.ref, bodies));
}

async function attempt(
  edge: EdgeContext,
  session: Session,
  wish: Wish,
  limit: number,
  persisted: boolean,
): Promise<Result> {
  try {
    return await enter(edge, session, wish, limit, persisted);
  } catch (error) {
    const { code, message, details } = refusalOf(edge, session, error);
    return new ChatError(code, message, { ...details, channel: wish.channel });
  }
}

async function enter(
  edge: EdgeContext,
  session: Session,
  { channel, after }: Wish,
  limit: number,
  persisted: boolean,
): Promise<Joined> {
  const isNew = !session.channels.has(channel);
  const grant = isNew ? await enterChannel(edge, session, channel) : await edge.authorise(session, channel, "join");
  try {
    const joined = await read(edge, channel, after, limit, grant);
    if (persisted && session.persisted !== "all") session.persisted = (session.persisted ?? new Set()).add(channel);
    return joined;
  } catch (error) {
    // An error means that nothing happened: a session that was not in the channel before is not in it now.
    if (isNew) exitChannel(edge, session, channel);
    throw error;
  }
}

/** Takes a place among the session's channels, asks for the right and subscribes. */
async function enterChannel(edge: EdgeContext, session: Session, channel: string): Promise<Grant> {
  if (session.channels.size + session.joining >= edge.limits.channels) {
    throw new ChatError("too_many", `a session joins at most ${edge.limits.channels} channels`, { channel });
  }
  session.joining += 1;
  try {
    const grant = await edge.authorise(session, channel, "join");
    await subscribe(edge, session, channel);
    return grant;
  } finally {
    session.joining -= 1;
  }
}

async function subscribe(edge: EdgeContext, session: Session, channel: string): Promise<void> {
  await edge.relays.hold(channel);
  // The socket may have closed meanwhile; then the hub refuses and the hold is given back.
  if (!edge.hub.join(session, channel)) {
    edge.relays.release(channel);
    return;
  }
  session.wire?.subscribe(sequencedTopic(channel));
  session.wire?.subscribe(signalTopic(channel));
}

async function read(
  edge: EdgeContext,
  channel: string,
  after: Position | undefined,
  limit: number,
  grant: Grant,
): Promise<Joined> {
  const bytes = edge.limits.pageBytes;
  const page =
    after === undefined
      ? { ...(await edge.history.backward(channel, undefined, limit, bytes)), recovered: false }
      : await edge.history.forward(channel, after, limit, bytes);
  if (after !== undefined) edge.metrics.resumes[page.recovered ? "recovered" : "not_recovered"].n += 1;
  const { position, saved } = page.head;
  return {
    fields: { channel, ...position, recovered: page.recovered, ...untilRights(grant), saved },
    messages: page.frames.map((each) => each.frame),
    more: page.more,
    forward: after !== undefined && page.recovered,
  };
}

/** As many whole messages as fit; what is left out is told by `more`. */
function cutToFit(joined: Joined, maxBytes: number): Joined {
  const messages = joined.forward ? [...joined.messages] : joined.messages.toReversed();
  let bytes = 0;
  let count = 0;
  while (count < messages.length && (bytes += utf8Bytes(messages[count] ?? "")) <= maxBytes) count += 1;
  if (count === messages.length) return joined;
  const kept = messages.slice(0, count);
  return { ...joined, messages: joined.forward ? kept : kept.toReversed(), more: true };
}
