// `join` of several channels by one frame: the steps of a single join, each taken for all channels together, so that the
// frame costs a handful of statements and one shared budget of bytes, whatever it names. Each channel succeeds or fails by
// itself. The frame holds the turns of all its channels until it is answered.

import { createReading } from "@rookery/broker";
import type { Reading } from "@rookery/broker";
import { ChatError, encodeError, encodePage, encodeResults, utf8Bytes } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import { lastJudgement, lastJudgementOf, Verdicts } from "../control/last-judgement.ts";
import { priceOfChannels, priceOfReading } from "../price.ts";
import { refusalOf } from "../refusal.ts";
import type { Session } from "../session.ts";
import { gapBehind } from "./gap-behind.ts";
import { countResume, toJoined, tooManyChannels } from "./joined.ts";
import type { Joined, Wish } from "./joined.ts";
import { showPassword } from "./show-password.ts";
import { findRoom, turnAway } from "./present-cap.ts";
import { rightsNow, standingIn } from "./standing.ts";
import type { Entry, Standing } from "./standing.ts";
import { tellTypists } from "./tell-typists.ts";

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
    const entries = await enterAll(edge, session, channels, passwordsOf(frame.joins));
    const pages = await readAll(edge, session, frame.joins, entries, limit, reading);
    const verdicts = new Verdicts(
      new Map(channels.map((channel) => [channel, lastJudgementOf(edge, session, channel, "join")])),
    );
    for (let wait = verdicts.pending(); wait !== undefined; wait = verdicts.pending()) await wait;
    // Nothing awaits from here on.
    session.charge(priceOfReading(reading, paid));
    const read = frame.joins.map(({ channel }, n) => lastResult(edge, session, channel, pages[n], verdicts));
    const outcomes = new Map(frame.joins.map(({ channel }, n) => [channel, read[n]]));
    const joined = new Set(channels.filter((channel) => !(outcomes.get(channel) instanceof ChatError)));
    for (const channel of channels) {
      // An error means that nothing happened: a session that was not in the channel before is not in it now.
      if (!joined.has(channel) && !before.has(channel)) turnAway(edge, session, channel, outcomes.get(channel));
      else if (joined.has(channel) && frame.persisted === true) session.wantPersisted(channel);
    }
    if (frame.ref !== undefined) session.tell(encodeResults(frame.ref, encodeFitting(read, edge.limits.pageBytes)));
    for (const result of read) if ("gap" in result && result.gap !== undefined) session.tell(result.gap);
    tellTypists(edge, session, joined);
  });
}

/** As the channel's rights are now. */
function lastResult(
  edge: EdgeContext,
  session: Session,
  channel: string,
  result: Result | undefined,
  { refusals }: Verdicts,
): Result {
  if (result === undefined || result instanceof ChatError) return result ?? withChannel(absent(), channel);
  const refusal = refusals.get(channel);
  if (refusal !== undefined) return withChannel(refusalOf(edge, session, refusal), channel);
  return { ...result, fields: { ...result.fields, ...rightsNow(edge, session, channel) } };
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
 * each channel how it was entered or why not.
 */
async function enterAll(
  edge: EdgeContext,
  session: Session,
  channels: readonly string[],
  passwords: ReadonlyMap<string, string>,
): Promise<Map<string, Entry | ChatError>> {
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
    const found = await edge.rights.cachedAll({ user: session.user, right: "join" }, asked);
    const answers = await showPasswords(edge, session, passwords, asked, found);
    const judged = judgeAll(edge, session, answers);
    const entries = new Map(asked.map((channel, n) => [channel, judged[n] ?? absent()]));
    for (const [n, outcome] of watched.entries()) {
      if (outcome.status === "rejected") entries.set(wished[n] ?? "", refusalOf(edge, session, outcome.reason));
    }
    for (const channel of refused) entries.set(channel, tooManyChannels(edge, channel));
    await findRooms(edge, session, fresh, entries);
    const entering = fresh.filter((channel) => !(entries.get(channel) instanceof ChatError));
    const held = await Promise.allSettled(edge.relays.holdAll(entering));
    const started = entering.filter((_, n) => held[n]?.status === "fulfilled");
    const verdicts = new Verdicts(
      new Map(started.map((channel) => [channel, lastJudgement(edge, session.user, channel, "join")])),
    );
    for (let wait = verdicts.pending(); wait !== undefined; wait = verdicts.pending()) await wait;
    // Nothing awaits from here to the last that enters.
    for (const [n, channel] of entering.entries()) {
      const outcome = held[n];
      const entry = entries.get(channel);
      const refusal = verdicts.refusals.get(channel);
      if (outcome?.status !== "fulfilled") entries.set(channel, refusalOf(edge, session, outcome?.reason));
      else if (refusal !== undefined) {
        edge.relays.release(channel);
        entries.set(channel, refusalOf(edge, session, refusal));
      } else if (entry !== undefined && !(entry instanceof ChatError)) {
        entries.set(channel, { ...entry, entered: edge.membership.enter(session, channel) });
      }
    }
    return entries;
  } finally {
    for (const channel of wished) edge.watch.release(edge.partitions.of(channel));
    session.joining -= joining;
  }
}

/** Of each channel the first that was given. */
function passwordsOf(wishes: readonly Wish[]): ReadonlyMap<string, string> {
  return new Map(
    wishes.toReversed().flatMap(({ channel, password }) => (password === undefined ? [] : [[channel, password]])),
  );
}

/** One after the other: what is wrong with the first must not cost what checking a hundred costs. */
async function showPasswords(
  edge: EdgeContext,
  session: Session,
  passwords: ReadonlyMap<string, string>,
  channels: readonly string[],
  answers: readonly (Entry["grant"] | Error)[],
): Promise<readonly (Entry["grant"] | Error)[]> {
  const after: (Entry["grant"] | Error)[] = [];
  for (const [n, channel] of channels.entries()) {
    const answer = answers[n] ?? absent();
    const password = passwords.get(channel);
    const isShown = answer instanceof Error && password !== undefined;
    after.push(isShown ? await showPassword(edge, session, { channel, password }, answer).catch(asError) : answer);
  }
  return after;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("a join failed without a reason", { cause: error });
}

/** Turns away from those channels that are full. */
async function findRooms(
  edge: EdgeContext,
  session: Session,
  channels: readonly string[],
  entries: Map<string, Entry | ChatError>,
): Promise<void> {
  const rooms = channels.map(async (channel) => {
    const entry = entries.get(channel);
    if (entry === undefined || entry instanceof ChatError || entry.grant.presentCap === undefined) return;
    try {
      entries.set(channel, { ...entry, presentCap: await findRoom(edge, session, channel, entry.grant) });
    } catch (error) {
      entries.set(channel, refusalOf(edge, session, error));
    }
  });
  await Promise.all(rooms);
}

/** A fault of ours is logged once, however many channels it keeps out. */
function judgeAll(
  edge: EdgeContext,
  session: Session,
  answers: readonly (Entry["grant"] | Error)[],
): readonly (Entry | ChatError)[] {
  const refusals = new Map<Error, ChatError>();
  return answers.map((answer) => {
    if (!(answer instanceof Error)) return { grant: answer };
    const refusal = refusals.get(answer) ?? refusalOf(edge, session, answer);
    refusals.set(answer, refusal);
    return refusal;
  });
}

async function readAll(
  edge: EdgeContext,
  session: Session,
  wishes: readonly Wish[],
  entries: ReadonlyMap<string, Entry | ChatError>,
  limit: number,
  reading: Reading,
): Promise<Result[]> {
  const granted = wishes.filter(({ channel }) => !(entries.get(channel) instanceof ChatError));
  const asked = granted.map((wish) => ({ ...wish, followed: edge.relays.positionOf(wish.channel) }));
  const read = edge.history.together(asked, limit, edge.limits.pageBytes, reading);
  const own = read.map(async (page, n) =>
    edge.history.mine(asked[n]?.channel ?? "", await page, session.user, reading),
  );
  const [pages, standings] = await Promise.all([
    Promise.allSettled(own),
    Promise.allSettled(granted.map(async ({ channel }) => standingOf(edge, session, channel, entries.get(channel)))),
  ]);
  const answerOf = new Map(
    granted.map((wish, n) => [wish, { page: pages[n], standing: standings[n], followed: asked[n]?.followed }]),
  );
  return wishes.map((wish) => {
    const entry = entries.get(wish.channel) ?? absent();
    const { page, standing, followed } = answerOf.get(wish) ?? {};
    if (entry instanceof ChatError) return withChannel(entry, wish.channel);
    if (page?.status === "fulfilled" && standing?.status === "fulfilled") {
      const gap = gapBehind(wish.channel, page.value, followed);
      const whole = gap === undefined ? page.value : { ...page.value, recovered: false };
      countResume(edge, wish, whole.recovered);
      edge.signals.crowds.welcomed(wish.channel, standing.value);
      return { ...toJoined(wish, standing.value, whole), ...(gap !== undefined && { gap }) };
    }
    const reason: unknown =
      page?.status === "rejected" ? page.reason : standing?.status === "rejected" && standing.reason;
    return withChannel(refusalOf(edge, session, reason), wish.channel);
  });
}

function standingOf(
  edge: EdgeContext,
  session: Session,
  channel: string,
  entry: Entry | ChatError | undefined,
): Promise<Standing> {
  if (entry === undefined || entry instanceof ChatError) return Promise.reject(absent());
  return standingIn(edge, session, channel, entry);
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
