// `join` of several channels by one frame: the steps of a single join, each taken for all channels together, so that the
// frame costs a handful of statements and one shared budget of bytes, whatever it names. Each channel succeeds or fails by
// itself. The frame holds the turns of all its channels until it is answered.

import { createReading } from "@rookery/broker";
import { ChatError, encodeError, encodePage, encodeResults, utf8Bytes } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import { priceOfChannels, priceOfReading } from "../price.ts";
import { refusalOf } from "../refusal.ts";
import type { Session } from "../session.ts";
import { countResume, toJoined, tooManyChannels } from "./joined.ts";
import type { Joined, Wish } from "./joined.ts";

type JoinsFrame = Extract<ClientFrameOf<"join">, { joins: unknown }>;
type Result = Joined | ChatError;

export async function joinAll(edge: EdgeContext, session: Session, frame: JoinsFrame, limit: number): Promise<void> {
  const paid = priceOfChannels(frame.joins.length);
  const waitMs = session.pay(paid, performance.now());
  if (waitMs > 0) throw new ChatError("rate_limited", "too many channels at once", { retryAfterMs: waitMs });
  const channels = [...new Set(frame.joins.map(({ channel }) => channel))];
  await inTurn(session, channels, async () => {
    const reading = createReading(() => session.wire !== undefined);
    const before = new Set(session.channels);
    const grants = await enterAll(edge, session, channels);
    const read = await readAll(edge, session, frame.joins, grants, limit, reading);
    session.charge(priceOfReading(reading, paid));
    const joined = new Set(frame.joins.flatMap(({ channel }, n) => (read[n] instanceof ChatError ? [] : channel)));
    for (const channel of channels) {
      // An error means that nothing happened: a session that was not in the channel before is not in it now.
      if (!joined.has(channel) && !before.has(channel)) edge.membership.exit(session, channel);
      else if (joined.has(channel) && frame.persisted === true) session.wantPersisted(channel);
    }
    if (frame.ref !== undefined) session.tell(encodeResults(frame.ref, encodeFitting(read, edge.limits.pageBytes)));
  });
}

/** Runs `work` once it is the turn of all these channels, and holds their turns until it is done. */
async function inTurn(session: Session, channels: readonly string[], work: () => Promise<void>): Promise<void> {
  let waiting = channels.length;
  let begin: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (begin = resolve)).then(work);
  for (const channel of channels) {
    const turn = (): Promise<void> => {
      waiting -= 1;
      if (waiting === 0) begin();
      return done;
    };
    session.inOrder(channel, turn, false);
  }
  await done;
}

/**
 * Takes some of the channels a session may have, asks for the right while their partitions are watched, and subscribes. Of
 * each channel its grant or why not.
 */
async function enterAll(
  edge: EdgeContext,
  session: Session,
  channels: readonly string[],
): Promise<Map<string, Grant | ChatError>> {
  const room = Math.max(0, edge.limits.channels - session.channels.size - session.joining);
  const fresh = channels.filter((channel) => !session.channels.has(channel));
  const refused = new Set(fresh.slice(room));
  const joining = fresh.length - refused.size;
  session.joining += joining;
  const wished = channels.filter((channel) => !refused.has(channel));
  const holds = wished.map(async (channel) => {
    await edge.watch.hold(edge.partitions.of(channel));
    await edge.watch.ready(edge.partitions.ofUser(session.user));
  });
  try {
    const watched = await Promise.allSettled(holds);
    const asked = wished.filter((_, n) => watched[n]?.status === "fulfilled");
    const answers = await edge.rights.cachedAll({ user: session.user, right: "join" }, asked);
    const judged = judgeAll(edge, session, answers);
    const grants = new Map(asked.map((channel, n) => [channel, judged[n] ?? absent()]));
    for (const [n, outcome] of watched.entries()) {
      if (outcome.status === "rejected") grants.set(wished[n] ?? "", refusalOf(edge, session, outcome.reason));
    }
    for (const channel of refused) grants.set(channel, tooManyChannels(edge, channel));
    const entering = fresh.filter((channel) => !(grants.get(channel) instanceof ChatError));
    const held = await Promise.allSettled(edge.relays.holdAll(entering));
    for (const [n, channel] of entering.entries()) {
      const outcome = held[n];
      if (outcome?.status === "fulfilled") edge.membership.enter(session, channel);
      else grants.set(channel, refusalOf(edge, session, outcome?.reason));
    }
    return grants;
  } finally {
    for (const channel of wished) edge.watch.release(edge.partitions.of(channel));
    session.joining -= joining;
  }
}

/** A fault of ours is logged once, however many channels it keeps out. */
function judgeAll(
  edge: EdgeContext,
  session: Session,
  answers: readonly (Grant | Error)[],
): readonly (Grant | ChatError)[] {
  const refusals = new Map<Error, ChatError>();
  return answers.map((answer) => {
    if (!(answer instanceof Error)) return answer;
    const refusal = refusals.get(answer) ?? refusalOf(edge, session, answer);
    refusals.set(answer, refusal);
    return refusal;
  });
}

async function readAll(
  edge: EdgeContext,
  session: Session,
  wishes: readonly Wish[],
  grants: ReadonlyMap<string, Grant | ChatError>,
  limit: number,
  reading: Parameters<EdgeContext["history"]["together"]>[3],
): Promise<Result[]> {
  const granted = wishes.filter(({ channel }) => !(grants.get(channel) instanceof ChatError));
  const asked = granted.map((wish) => ({ ...wish, followed: edge.relays.positionOf(wish.channel) }));
  const pages = await Promise.allSettled(edge.history.together(asked, limit, edge.limits.pageBytes, reading));
  const pageOf = new Map(granted.map((wish, n) => [wish, pages[n]]));
  return wishes.map((wish) => {
    const grant = grants.get(wish.channel) ?? absent();
    const page = pageOf.get(wish);
    if (grant instanceof ChatError) return withChannel(grant, wish.channel);
    if (page?.status === "fulfilled") {
      countResume(edge, wish, page.value.recovered);
      return toJoined(wish, grant, page.value);
    }
    return withChannel(refusalOf(edge, session, page?.reason), wish.channel);
  });
}

function absent(): ChatError {
  return new ChatError("internal", "not answered");
}

function withChannel({ code, message, details }: ChatError, channel: string): ChatError {
  return new ChatError(code, message, { ...details, channel });
}

/** The results as text, in order, as many messages in each as still fit. */
function encodeFitting(results: readonly Result[], maxBytes: number): string[] {
  let bytesLeft = maxBytes;
  return results.map((result) => {
    if (result instanceof ChatError) return encodeError(result);
    const cut = cutToFit(result, bytesLeft);
    bytesLeft -= cut.messages.reduce((sum, message) => sum + utf8Bytes(message), 0);
    return encodePage(cut);
  });
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
