// From a decoded frame to the function that carries it out: the bucket of its type first (that of all frames was taken before
// it was decoded), then the order of the channel, then membership, then the right, then the command. Called by intake; one
// table names all of it for each frame type. A refusal on the way is answered here, and nothing waits that need not.

import { ChatError } from "@rookery/protocol";
import type { ClientFrame, ClientFrameOf, Right } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import { auth } from "./commands/auth.ts";
import { edit, react, remove } from "./commands/change.ts";
import { history } from "./commands/history.ts";
import { join } from "./commands/join.ts";
import { leave } from "./commands/leave.ts";
import { members } from "./commands/members.ts";
import { ping } from "./commands/ping.ts";
import { read } from "./commands/read.ts";
import { send } from "./commands/send.ts";
import { typing } from "./commands/typing.ts";
import type { EdgeContext } from "./context.ts";
import { untilOpen } from "./control/last-judgement.ts";
import type { Shed } from "./overload/overload.ts";
import type { CommandBucket } from "./rates.ts";
import { refusalOf } from "./refusal.ts";
import type { Session } from "./session.ts";

interface Traits {
  /** A bucket besides the one for all frames. */
  readonly bucket?: CommandBucket;
  /** True: what follows is judged by the token that it brings, and waits for it. */
  readonly holds?: boolean;
  /** True: only for a channel that the session has joined. */
  readonly joined?: boolean;
  /** True: it is announced to everybody in the channel, and counts for its user, address and channel together. */
  readonly announces?: boolean;
  /** What it is to an edge that has too much to do. */
  readonly shed?: Shed;
  /** True: the next of its kind in the channel may begin once this one stands in the publisher's queue. */
  readonly queues?: boolean;
}

/** Waits for nothing that it need not: answers nothing when it is done. */
type Run<F extends ClientFrame, Given extends readonly unknown[]> = (
  edge: EdgeContext,
  session: Session,
  frame: F,
  ...given: Given
) => Promise<void> | undefined;

/** `right`: asked for before `run`, which gets the grant; `join`, of several channels, asks by itself. */
export type Command<F extends ClientFrame> =
  | (Traits & { readonly right?: undefined; readonly run: Run<F, []> })
  | (Traits & { readonly right: Right; readonly run: Run<F, [grant: Grant]> });

/** In one channel of a session: some seconds of the fastest client, and at most so many frames of the largest size. */
const MOST_WAITING = 1000;
const UNANSWERED = "a command was not answered";

type FrameType = ClientFrame["type"];
type Frames = { [T in FrameType]: ClientFrameOf<T> };

export const COMMANDS: { readonly [T in FrameType]: Command<Frames[T]> } = {
  auth: { holds: true, run: auth },
  join: { run: join },
  leave: { joined: true, run: leave },
  send: { bucket: "sends", joined: true, announces: true, queues: true, right: "write", run: send },
  history: { joined: true, shed: "history", right: "history", run: history },
  ping: { run: ping },
  edit: { joined: true, announces: true, right: "write", run: edit },
  delete: { joined: true, announces: true, right: "write", run: remove },
  react: { joined: true, announces: true, right: "react", run: react },
  typing: { bucket: "typing", shed: "typing", joined: true, right: "write", run: typing },
  read: { joined: true, right: "read", run: read },
  members: { joined: true, shed: "history", right: "presence", run: members },
};

/** What comes back, of a command that looks at a token, is what later frames of the session have to wait for. */
export function dispatch(
  edge: EdgeContext,
  session: Session,
  frame: ClientFrame,
  nowMs: number,
): Promise<void> | undefined {
  edge.metrics.framesIn[frame.type].n += 1;
  const channel = channelOf(frame);
  const refusal = admit(edge, session, frame, channel, nowMs);
  if (refusal !== undefined) {
    session.refuse(refusal, frame.ref, nowMs);
    return undefined;
  }
  const { holds = false, queues = false } = COMMANDS[frame.type];
  if (channel !== undefined) {
    session.inOrder(channel, (stand) => perform(edge, session, frame.type, frame, queues ? stand : alone), queues);
    return undefined;
  }
  const answered = perform(edge, session, frame.type, frame, alone);
  return holds ? answered : undefined;
}

/** Of a command that lets nothing pass. */
const alone = (): void => undefined;

function admit(
  edge: Pick<EdgeContext, "overload">,
  session: Session,
  frame: ClientFrame,
  channel: string | undefined,
  nowMs: number,
): ChatError | undefined {
  if (channel !== undefined && session.waitingIn(channel) >= MOST_WAITING) {
    return new ChatError("overloaded", "too many commands wait in this channel", { channel });
  }
  const expiresAtMs = session.identity?.expiresAtMs;
  // The one judgement here by the wall clock, by which a token's end is written; all else counts elapsed time.
  if (expiresAtMs !== undefined && Date.now() >= expiresAtMs && frame.type !== "auth") {
    return new ChatError("token_expired", "the token has expired: send auth with a new one");
  }
  const { bucket, shed } = COMMANDS[frame.type];
  const waitMs = bucket === undefined ? 0 : session.take(bucket, nowMs);
  if (waitMs > 0) return new ChatError("rate_limited", `too many ${frame.type} frames`, { retryAfterMs: waitMs });
  const retryAfterMs = shed === undefined ? 0 : edge.overload.shedMs(shed);
  if (retryAfterMs === 0) return undefined;
  const about = channel === undefined ? {} : { channel };
  return new ChatError("overloaded", "this node has too much to do", { ...about, retryAfterMs });
}

/**
 * Waits for nothing unless the grant or the command itself has to: a command that needs neither is done when this returns.
 * What comes back settles when the command is answered, and never rejects.
 */
function perform<T extends FrameType>(
  edge: EdgeContext,
  session: Session,
  type: T,
  frame: Frames[T],
  stand: () => void,
): Promise<void> | undefined {
  const command = COMMANDS[type];
  const channel = channelOf(frame);
  const refuse = (error: unknown): void => {
    try {
      session.refuse(refusalOf(edge, session, error), frame.ref, performance.now());
    } catch (err) {
      edge.log.error({ err, session: session.id }, UNANSWERED);
    }
  };
  try {
    if (command.joined === true && (channel === undefined || !session.channels.has(channel))) {
      throw new ChatError("not_joined", `${type}: join the channel first`, channel === undefined ? {} : { channel });
    }
    // What needs a right is judged by rights that may be relied upon. Whoever leaves needs none, and a join waits by itself.
    const opening = command.right !== undefined && channel !== undefined ? untilOpen(edge, channel) : undefined;
    if (opening !== undefined) return opening.then(() => perform(edge, session, type, frame, stand)).catch(refuse);
    if (command.announces === true && channel !== undefined) holdUp(edge, session, type, channel);
    if (command.right === undefined) return command.run(edge, session, frame)?.catch(refuse);
    const runBy = (grant: Grant): Promise<void> | undefined => {
      const answered = command.run(edge, session, frame, grant);
      stand();
      return answered;
    };
    const grant = edge.rights.cached({ user: session.user, channel: channel ?? "", right: command.right });
    return (grant instanceof Promise ? grant.then(runBy) : runBy(grant))?.catch(refuse);
  } catch (error) {
    refuse(error);
    return undefined;
  }
}

/** Asked only of those who are in the channel: others could name any. */
function holdUp({ sharedRates, metrics }: EdgeContext, session: Session, type: FrameType, channel: string): void {
  const heldUp = sharedRates.take(session, channel, COMMANDS[type].bucket, performance.now());
  if (heldUp === undefined) return;
  const { scope, waitMs: retryAfterMs } = heldUp;
  metrics.rateLimited[scope].n += 1;
  throw new ChatError("rate_limited", `too many ${type} frames of one ${scope}`, { channel, retryAfterMs });
}

function channelOf(frame: ClientFrame): string | undefined {
  return "channel" in frame ? frame.channel : undefined;
}
