/**
 * The whole client without a socket: one connection, its channels, what is on its way. Hands each frame to whom it concerns.
 * `connect.ts` gives it sockets, timers, tokens and a storage.
 */
import { JOINS_PER_FRAME } from "@rookery/protocol/wire";
import type { ClientFrame, ServerFrame, ServerFrameOf } from "@rookery/protocol/wire";
import { createChannelHandle } from "./channel-handle.ts";
import type { ChannelHandle } from "./channel-handle.ts";
import { createConnection } from "./connection.ts";
import type { Connection, ConnectionWorld } from "./connection.ts";
import { createEmitter } from "./emitter.ts";
import { errorOf, RookeryError } from "./errors.ts";
import { createKept } from "./kept.ts";
import type { Kept } from "./kept.ts";
import { createOutbox } from "./outbox.ts";
import type { ChannelOptions } from "./public-channel.ts";
import type { Client, ClientEvents } from "./public-client.ts";
import type { Person, Storage } from "./public-types.ts";
import { createQuestions } from "./questions.ts";

export interface ClientOptions {
  readonly urls: readonly string[];
  readonly token: string | undefined;
  readonly storage: Storage | undefined;
  readonly world: ConnectionWorld;
}

/** What `connect.ts` feeds. */
export interface WholeClient {
  readonly client: Client;
  readonly connection: Connection;
  readonly fault: (error: unknown) => void;
}

export function createClient({ urls, token, storage, world }: ClientOptions): WholeClient {
  const { clock } = world;
  const hearers = createEmitter<ClientEvents>();
  const channels = new Map<string, ChannelHandle>();
  let me: Person | undefined;
  let kept: Kept | undefined;
  let toJoin: ChannelHandle[] = [];
  let closedBy: RookeryError | undefined;

  const fault = (error: unknown): void => hearers.emit("error", error);
  const say = (frame: ClientFrame): void => {
    if (connection.state() === "open") world.say(frame);
  };
  const questions = createQuestions({ clock, say, renew: () => connection.renew() });
  const outbox = createOutbox({
    ...{ ask: questions.ask, timeMs: clock.timeMs },
    isLive: (id) => channels.get(id)?.phase() === "live",
  });

  /** All that wish to join at once, in as few frames as there may be. */
  const joinSoon = (handle: ChannelHandle): void => {
    toJoin.push(handle);
    if (toJoin.length > 1) return;
    clock.soon(() => {
      for (let from = 0; from < toJoin.length; from += JOINS_PER_FRAME)
        joinAll(toJoin.slice(from, from + JOINS_PER_FRAME));
      toJoin = [];
    });
  };
  const joinAll = (handles: readonly ChannelHandle[]): void => {
    let joining = handles;
    questions.ask<"joins">(
      () => {
        // Some may be left by the time that it is said, or said again.
        joining = handles.filter(({ phase }) => phase() === "joining");
        return joining.length === 0 ? undefined : { type: "join", joins: joining.map((handle) => handle.wish()) };
      },
      (answer) =>
        joining.forEach((handle, n) => {
          const alone = (): void => joinAll([handle]);
          // One that cannot be asked for is not to keep the others out.
          if (answer.type === "ok") {
            const result = answer.results[n];
            if (result && !questions.passes(result, alone)) handle.joined(result);
          } else if (joining.length > 1) alone();
          else handle.joined(answer);
        }),
    );
  };

  const welcome = ({ user, name, limits }: ServerFrameOf<"welcome">): void => {
    if (me && me.user !== user) close("the token is another user's");
    else {
      me = { user, name };
      kept ??= createKept(storage, user, fault);
      outbox.limits(limits.frameBytes);
      for (const handle of channels.values()) handle.open();
    }
  };
  const lost = (code: number): void => {
    questions.end();
    toJoin = [];
    for (const handle of channels.values()) handle.lost();
    outbox.lost(code);
  };
  const hear = (frame: ServerFrame): void => {
    if (frame.type === "ok" || frame.type === "error") {
      if (!questions.answer(frame) && frame.type === "error") fault(errorOf(frame));
    } else if (frame.type === "notice") hearers.emit("notice", frame);
    else if ("channel" in frame) channels.get(frame.channel)?.hear(frame);
  };

  const [connection, close] = createConnection({
    ...{ urls, token, world },
    events: {
      ...{ welcome, lost, frame: hear },
      changed(state, reason) {
        if (state === "closed") end(reason);
        hearers.emit("state", { state, reason });
      },
    },
  });
  const end = (reason: string): void => {
    closedBy = new RookeryError("closed", reason);
    questions.end();
    for (const handle of channels.values()) handle.end(closedBy);
  };

  const open = (id: string, options: ChannelOptions): ChannelHandle => {
    const handle: ChannelHandle = createChannelHandle(id, options, {
      ...{ clock, outbox, say, ask: questions.ask },
      me: () => me?.user,
      kept: () => kept,
      join: () => joinSoon(handle),
      gone: () => void channels.delete(id),
    });
    channels.set(id, handle);
    if (closedBy) handle.end(closedBy);
    else if (connection.state() === "open") handle.open();
    return handle;
  };

  return {
    connection,
    fault,
    client: {
      state: connection.state,
      me: () => me,
      on: hearers.on,
      close: () => close("closed"),
      channel(id, options = {}) {
        return (channels.get(id) ?? open(id, options)).channel;
      },
    },
  };
}
