/**
 * What stands behind a channel of an application: joined as long as it is not left, over every reconnect. Puts together what follows
 * the channel, what is folded from it and what is on its way to it. Called by `client.ts`.
 */
import { ORIGIN, TYPING_TTL_MS } from "@rookery/protocol/wire";
import type { ClientFrame, OkBodyType, OkFrameOf, ServerFrame } from "@rookery/protocol/wire";
import { createFollowing } from "./channel.ts";
import type { JoinReply, Refused } from "./channel.ts";
import { createStateFold } from "./channel-state.ts";
import type { Clock } from "./clock.ts";
import { createEmitter } from "./emitter.ts";
import { errorOf, RookeryError } from "./errors.ts";
import { createFeed } from "./feed.ts";
import type { Feed, FeedItem } from "./feed.ts";
import type { Kept } from "./kept.ts";
import type { Errand, Outbox } from "./outbox.ts";
import { createOwnSends } from "./own-sends.ts";
import { beside, placeOf } from "./positions.ts";
import type { Abortable, Channel, ChannelEvents, ChannelOptions } from "./public-channel.ts";
import type { ChannelPhase, Gap, Message, Person, Position } from "./public-types.ts";
import { isOkOf } from "./questions.ts";
import type { Questions } from "./questions.ts";
import { abortable, ignore, settle } from "./settle.ts";

/** What the client gives a channel. */
export interface ChannelWorld {
  readonly clock: Clock;
  readonly outbox: Outbox;
  ask: Questions["ask"];
  readonly me: () => string | undefined;
  readonly kept: () => Kept | undefined;
  readonly say: (frame: ClientFrame) => void;
  /** Joins by {@link ChannelHandle.wish}. */
  readonly join: () => void;
  /** Whoever asks for it again gets another one. */
  readonly gone: () => void;
}

/** What the client tells a channel. */
export interface ChannelHandle {
  readonly channel: Channel;
  readonly phase: () => ChannelPhase;
  readonly wish: () => { channel: string; after?: Position; password?: string };
  readonly joined: (reply: JoinReply | Refused) => void;
  readonly hear: (frame: ServerFrame) => void;
  /** A session is open. */
  readonly open: () => void;
  readonly lost: () => void;
  /** The client is closed. */
  readonly end: (error: RookeryError) => void;
}

type Unaddressed<F> = F extends { channel: string } ? Omit<F, "channel" | "ref"> : never;
/** What is asked of this channel. */
type Asking = Unaddressed<Exclude<ClientFrame, { type: "join" }>>;

const OLDER_PAGE = 50;
/** The largest pages there are. */
const PAGE = 200;
const MEMBERS_PAGE = 1_000;
/** Half of the time after which it would end by itself. */
const TYPING_AGAIN_MS = TYPING_TTL_MS / 2;

export function createChannelHandle(id: string, options: ChannelOptions, world: ChannelWorld): ChannelHandle {
  const { clock, outbox, me, kept } = world;
  const { resume = false, password } = options;
  const hearers = createEmitter<ChannelEvents>();
  const feeds = new Set<Feed>();
  let caughtUp = settle<void>();
  let outBy: RookeryError | undefined;
  let isToldSoon = false;
  let stopTyping: () => void = ignore;
  let typingToldMs = -Infinity;
  let isNewSession = false;

  const changed = (): void => {
    fold.changed();
    if (isToldSoon) return;
    isToldSoon = true;
    clock.soon(() => {
      isToldSoon = false;
      const cursor = following.cursor();
      if (resume && cursor) kept()?.put(`at/${id}`, cursor);
      hearers.emit("change", fold.state());
    });
  };
  const tell = (item: FeedItem): void => {
    for (const feed of feeds) feed.push(item);
    hearers.emit("event", item);
    changed();
  };
  /** However it ends, whoever waits for something is told by what; a stream, only where there is an error of its own. */
  const finish = (by: RookeryError, ofStreams?: RookeryError): void => {
    outBy = by;
    world.gone();
    following.leave();
    for (const feed of feeds) feed.end(ofStreams);
    caughtUp.promise.catch(ignore);
    caughtUp.reject(by);
    own.lost(by);
    outbox.fail(id, by);
    changed();
  };
  const beIn = (): void => {
    if (outBy) throw outBy;
  };
  const goOut = (error: RookeryError): void => {
    finish(error, error);
    hearers.emit("out", error);
  };
  const seen = (frame: Parameters<typeof fold.next>[0]): void => {
    if (frame.type === "message" && frame.user === me()) outbox.seen(frame);
  };

  const following = createFollowing({
    join: world.join,
    page: (start, answered) => world.ask(() => ({ type: "history", channel: id, after: start, limit: PAGE }), answered),
    next(frame) {
      fold.next(frame);
      seen(frame);
      tell(frame);
    },
    late(frames) {
      frames.forEach(fold.next);
      changed();
    },
    restarted(messages, more) {
      fold.lost();
      fold.page(messages, more);
      messages.forEach(seen);
      outbox.restarted(id);
      changed();
    },
    gap(from, to, lost) {
      if (lost) {
        fold.lost(from, to);
        own.lost(new RookeryError("lost", "taken back unsaved"), from, to);
      }
      tell({ type: "gap", channel: id, from, to, lost });
    },
    live() {
      caughtUp.resolve();
      caughtUp = settle();
      if (isNewSession) own.live();
      isNewSession = false;
      outbox.live();
      changed();
    },
    out: (frame) => goOut(errorOf(frame)),
  });
  const own = createOwnSends({ ...{ channel: id, clock, outbox, kept, changed, beIn } });
  const fold = createStateFold({ me, nowMs: clock.nowMs, phase: following.phase, pending: own.pending });

  const ask = <T extends OkBodyType>(
    asking: Extract<Asking, { type: T }>,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
    isOrdered = false,
  ): Promise<OkFrameOf<T>> => {
    return abortable(signal, (resolve, reject) => {
      beIn();
      const frame = { channel: id, ...asking };
      const done: Errand["done"] = (answer) => {
        if (isOkOf<T>(answer)) resolve(answer);
      };
      return outbox.add({ frame, isOrdered, done, failed: reject });
    });
  };
  const stream = <T extends FeedItem>(
    isWanted: (item: FeedItem) => item is T | Gap,
    { signal }: Abortable = {},
  ): AsyncIterableIterator<T | Gap> => {
    const items = createFeed(feeds, isWanted, signal);
    if (outBy) for (const feed of feeds) feed.end(outBy);
    return items;
  };

  const channel: Channel = {
    id,
    state: fold.state,
    on: hearers.on,
    ready: ({ signal } = {}) =>
      abortable(signal, (resolve, reject) => {
        beIn();
        if (following.phase() === "live") resolve();
        else caughtUp.promise.then(resolve, reject);
        return ignore;
      }),
    messages: (how) => stream((item): item is Message | Gap => item.type === "message" || item.type === "gap", how),
    events: (how) => stream((item): item is FeedItem => "type" in item, how),
    send(body, how) {
      typingToldMs = -Infinity;
      return own.send(body, how);
    },
    forget: own.forget,
    edit: (message, body, how) => ask({ type: "edit", id: message, body }, how, true).then(placeOf),
    delete: (message, how) => ask({ type: "delete", id: message }, how, true).then(placeOf),
    react: (message, emoji, on = true, how) => ask({ type: "react", id: message, emoji, on }, how, true).then(placeOf),
    typing(on = true) {
      const sinceMs = clock.nowMs() - typingToldMs;
      if (following.phase() !== "live" || (on ? sinceMs < TYPING_AGAIN_MS : sinceMs === Infinity)) return;
      typingToldMs = on ? clock.nowMs() : -Infinity;
      world.say({ type: "typing", channel: id, on });
    },
    async read(upTo = following.cursor(), how) {
      if (!upTo) return;
      const { type: _, ref: __, channel: ___, ...told } = await ask({ type: "read", ...placeOf(upTo) }, how);
      fold.tell(told);
      changed();
    },
    async older({ limit = OLDER_PAGE, signal } = {}) {
      const [oldest] = fold.state().messages;
      // Where nothing is shown, everything up to the cursor is older.
      const end = placeOf(oldest ?? beside(following.cursor() ?? ORIGIN));
      const { messages, more } = await ask({ type: "history", limit, before: end }, { signal });
      fold.page(messages, more);
      changed();
      return more;
    },
    history: ({ signal, ...query } = {}) => ask({ type: "history", ...query }, { signal }),
    async members(how) {
      const all: Person[] = [];
      let page: Partial<OkFrameOf<"members">> = {};
      do {
        const { cursor } = page;
        page = await ask({ type: "members", limit: MEMBERS_PAGE, ...(cursor && { cursor }) }, how);
        all.push(...(page.members ?? []));
      } while (page.cursor);
      fold.tell({ online: page.online });
      fold.present(all);
      changed();
      return all;
    },
    leave() {
      if (outBy) return;
      world.say({ type: "leave", channel: id });
      finish(new RookeryError("left", `${id} was left`));
    },
  };

  return {
    channel,
    phase: following.phase,
    end: finish,
    wish() {
      const cursor = following.cursor();
      return { channel: id, ...(cursor && { after: cursor }), ...(password !== undefined && { password }) };
    },
    open() {
      own.keep();
      isNewSession = true;
      const left = resume ? kept()?.get(`at/${id}`) : undefined;
      following.open(options.after ?? (isPosition(left) ? left : undefined));
    },
    lost() {
      following.lost();
      typingToldMs = -Infinity;
      fold.present(undefined);
      changed();
    },
    joined(reply) {
      if (reply.type === "ok") {
        const { type: _, channel: __, epoch, seq, recovered: ___, messages: ____, more: _____, ...told } = reply;
        fold.tell({ ...told, mutedUntil: undefined }, { epoch, seq });
        own.saved(told.saved);
      }
      following.joined(reply);
    },
    hear(frame) {
      const { type } = frame;
      if (type === "message" || type === "edited" || type === "deleted" || type === "reaction" || type === "gap")
        following.hear(frame);
      else if (type === "removed") goOut(new RookeryError(frame.code, frame.reason ?? `removed from ${id}`, frame));
      // What is unread after it, the edge knows; that it is asked for, nobody hears.
      else if (type === "read") channel.read(frame).catch(ignore);
      else {
        if (type === "persisted") {
          own.saved(frame);
          fold.tell({ saved: placeOf(frame) });
        } else fold.hear(frame);
        if (type === "typing") {
          // Whoever types says so again in time, and the edge tells of each end: this is for the one that got lost.
          stopTyping();
          stopTyping = clock.after(frame.ttlMs, changed);
        }
        changed();
      }
    },
  };
}

function isPosition(value: unknown): value is Position {
  const { epoch, seq } = (value ?? {}) as Partial<Position>;
  return [epoch, seq].every((each = -1) => Number.isSafeInteger(each) && each >= 0);
}
