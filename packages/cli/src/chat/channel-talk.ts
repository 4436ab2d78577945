// One channel as `chat` follows it: what was said, who is there, who writes, what was read. Fed by the core of `chat` with the
// frames of its channel; says what has happened and what to ask the edge for. It knows no socket.
// States: as of its follower; before the first answer nothing is known of the crowd.
import type { ClientFrame, JoinedFrame, LeftFrame, Position, PresenceFrame } from "@rookery/protocol";
import type { OkFrame, SequencedFrame, ServerFrame } from "@rookery/protocol";
import { crowdAfter, crowdWords } from "./crowd-words.ts";
import type { Crowd } from "./crowd-words.ts";
import { createFollower } from "./follower.ts";
import type { FollowStep } from "./follower.ts";
import type { Happening } from "./happening.ts";
import { createReadMark } from "./read-mark.ts";
import type { ReadMark } from "./read-mark.ts";
import type { Said, Scrollback } from "./scrollback.ts";
import { createTypists } from "./typists.ts";
import type { Typist } from "./typists.ts";
import { speaker, visibleLine } from "./visible-text.ts";

export type TalkStep =
  | Exclude<FollowStep, { readonly kind: "show" | "say" }>
  | { readonly kind: "happened"; readonly happening: Happening }
  /** Commands of this channel may be sent on this connection. */
  | { readonly kind: "joined" };

export interface ChannelTalk {
  readonly channel: string;
  readonly readMark: ReadMark;
  /** What to send first on every connection. */
  open(): ClientFrame;
  /** Of any frame; one of another channel says nothing. */
  feed(frame: ServerFrame): readonly TalkStep[];
  /** Of the last that was told of, not of what was there before. */
  told(this: void): Position | undefined;
  crowd(): Crowd | undefined;
  typists(): readonly Typist[];
  /** The connection is gone, and with it whoever was about to stop writing. */
  lost(): void;
}

export interface TalkOptions {
  readonly channel: string;
  readonly me: string;
  /** How many messages from before the start are shown. */
  readonly last: number;
  /** Unlike that of any channel followed before on this connection. */
  readonly turn: string;
  /** Where what happens is kept. */
  readonly scrollback: Scrollback;
  readonly nowMs: () => number;
}

export function createChannelTalk({ channel, me, last, turn, scrollback, nowMs }: TalkOptions): ChannelTalk {
  const follower = createFollower(channel, last, turn);
  const typists = createTypists();
  const readMark = createReadMark();
  let crowd: Crowd | undefined;
  let told: Position | undefined;
  /** Of what was unread at the start, while the first of it has not been shown. */
  let unread = 0;

  const happened = (happening: Happening): TalkStep => ({ kind: "happened", happening });
  const note = (text: string): TalkStep => {
    scrollback.note(text);
    return happened({ kind: "note", text });
  };

  const say = (frame: SequencedFrame & { type: "message" }): TalkStep[] => {
    typists.tell({ type: "typing", channel, user: frame.user, name: frame.name, on: false, ttlMs: 0 }, nowMs());
    const isFirstUnread = unread > 0 && frame.user !== me && !readMark.covers(frame);
    const marker: TalkStep[] = isFirstUnread ? [happened({ kind: "unread", count: unread })] : [];
    if (isFirstUnread) {
      unread = 0;
      scrollback.markUnread();
    }
    return [...marker, happened({ kind: "said", said: scrollback.add(frame, me) })];
  };

  const change = (frame: SequencedFrame): TalkStep => {
    const who = speaker(frame.user);
    if (frame.type === "edited") {
      const text = `${who} edited ${named(scrollback.edit(frame))}`;
      return happened({ kind: "changed", text, body: frame.body });
    }
    if (frame.type === "deleted") {
      return happened({ kind: "changed", text: `${who} deleted ${named(scrollback.remove(frame))}` });
    }
    if (frame.type !== "reaction") return note("something happened that this version does not know");
    const on = named(scrollback.react(frame, me));
    const did = frame.on ? `put ${visibleLine(frame.emoji)} on` : `took ${visibleLine(frame.emoji)} from`;
    return happened({ kind: "changed", text: `${who} ${did} ${on}` });
  };

  const follow = (steps: readonly FollowStep[]): TalkStep[] =>
    steps.flatMap((step) => {
      if (step.kind === "say") return [note(visibleLine(step.text))];
      if (step.kind !== "show") return [step];
      told = { epoch: step.frame.epoch, seq: step.frame.seq };
      return step.frame.type === "message" ? say(step.frame) : [change(step.frame)];
    });

  const joined = (frame: OkFrame): TalkStep[] => {
    const facts = readFacts(frame);
    if (crowd === undefined) unread = facts.unread;
    ({ crowd } = facts);
    if (facts.read !== undefined) readMark.confirmed(facts.read);
    const steps = follow(follower.feed(frame));
    // What is said from now on is new to everybody, and no mark tells it apart.
    unread = 0;
    return [...steps, { kind: "joined" }];
  };

  const meet = (frame: JoinedFrame | LeftFrame | PresenceFrame): TalkStep[] => {
    const words = crowdWords(frame, crowd);
    crowd = crowdAfter(frame, crowd);
    return words === undefined ? [] : [note(words)];
  };

  return {
    channel,
    readMark,
    open: () => follower.open(),
    told: () => told,
    crowd: () => crowd,
    typists: () => typists.now(nowMs()),
    lost: () => typists.clear(),
    feed(frame) {
      if (frame.type === "ok" || frame.type === "error") {
        const asked = follower.asked(frame.ref);
        if (asked === "join" && frame.type === "ok") return joined(frame);
        return asked === undefined ? [] : follow(follower.feed(frame));
      }
      if (!("channel" in frame) || frame.channel !== channel) return [];
      if (frame.type === "joined" || frame.type === "left" || frame.type === "presence") return meet(frame);
      if (frame.type === "typing" && frame.user !== me) typists.tell(frame, nowMs());
      if (frame.type === "read") readMark.known(frame);
      return follow(follower.feed(frame));
    },
  };
}

interface JoinFacts {
  readonly crowd: Crowd;
  readonly unread: number;
  readonly read: Position | undefined;
}

/** What a join's answer tells of oneself; absent while Postgres is away, and in part with an edge of another version. */
function readFacts(
  frame: OkFrame & Partial<{ online: number; mode: Crowd["mode"]; unread: number; read: Position }>,
): JoinFacts {
  const { online = 0, mode = "full", unread = 0, read } = frame;
  return { crowd: { online, mode }, unread, read };
}

function named(said: Said | undefined): string {
  return said === undefined ? "an older message" : `#${said.number}`;
}
