// The core of `rookery chat`: what is entered and what the edge says go in, what is to be shown and sent comes out. It knows no
// terminal and no clock of its own. Built by commands/chat.ts, shown by terminal.ts or piped.ts.
// States of the connection: away, open (welcomed), joined (the channel's join was answered). What was entered waits in line,
// and each is settled before the next begins; so what comes first is done first, over any number of connections.
import type { FrameLimits, Position, ServerFrame, WelcomeFrame } from "@rookery/protocol";
import { comparePositions } from "@rookery/protocol";
import { createChannelTalk } from "./channel-talk.ts";
import type { ChannelTalk, TalkStep } from "./channel-talk.ts";
import { commandOf } from "./command-of.ts";
import { names } from "./crowd-words.ts";
import { createDeliveries } from "./deliveries.ts";
import type { DeliveryStep } from "./deliveries.ts";
import type { Happening } from "./happening.ts";
import { helpLines, readLine } from "./intents.ts";
import type { Intent } from "./intents.ts";
import { createScrollback } from "./scrollback.ts";
import type { Scrollback } from "./scrollback.ts";
import type { ChatSocket } from "./socket.ts";
import { createSideWords } from "./side-words.ts";
import { visibleLine } from "./visible-text.ts";

export interface ChatOptions {
  readonly channel: string;
  /** How many messages from before the start are shown. */
  readonly last: number;
  /** Whether a person enters the lines and sees what comes of them. */
  readonly isTyped: boolean;
  readonly nowMs: () => number;
  readonly happened: (happening: Happening) => void;
  readonly ended: (outcome: "done" | "failed") => void;
}

type Link = Pick<ChatSocket, "send" | "after">;

export interface Chat {
  /** The welcome of a connection may come before anything else is heard of it. */
  frame(frame: ServerFrame, link: Link): void;
  lost(code: number): void;
  /** A line was entered. */
  line(text: string): void;
  /** What stands in the line that is being entered. */
  writing(text: string): void;
  /** Everything that has happened is on the screen. */
  shown(): void;
  /** No more lines come: ends once everything is settled. */
  finish(): void;
  note(text: string): void;
  /** Lines that were entered and are not settled. */
  backlog(): number;
  /** What has happened so far, in every channel. */
  readonly scrollback: Scrollback;
  talk(): ChannelTalk | undefined;
  connection(): "away" | "open" | "joined";
}

/** Nobody enters so many lines by hand; a pipe is held up by whoever reads it. */
const MOST_WAITING = 1000;
/** What was taken comes back as a frame for everybody; it is not waited for longer than this. */
const ECHO_MS = 1000;

type Waiting = Exclude<Intent, { readonly kind: "help" | "quit" | "mistake" }>;

export function createChat({ channel, last, isTyped, nowMs, happened, ended }: ChatOptions): Chat {
  const deliveries = createDeliveries();
  const scrollback = createScrollback();
  const waiting: Waiting[] = [{ kind: "join", channel }];
  let link: Link | undefined;
  let welcome: { readonly user: string; readonly limits: FrameLimits } | undefined;
  let talk: ChannelTalk | undefined;
  let isJoined = false;
  let isEntering = false;
  let isEnding = false;
  let hasEnded = false;
  let hasFailed = false;
  let lastSent: { readonly id: string; readonly position: Position } | undefined;
  /** Where the last of what was taken stands, until it is shown, or is no longer waited for. */
  let unshown: Position | undefined;
  let turns = 0;
  let isEchoAwaited = false;

  const note = (text: string): void => {
    scrollback.note(text);
    happened({ kind: "note", text });
  };
  const fail = (text: string): void => {
    hasFailed = true;
    note(visibleLine(text));
  };
  /** On this connection only: on the next one everything begins anew by itself. */
  const after = (ms: number, act: () => void): void => link?.after(ms, act);
  const sideWords = createSideWords({
    ...{ nowMs, after, note },
    send: (frame) => link?.send(frame),
    joined: () => (isJoined ? talk : undefined),
  });

  const leaveTalk = (): void => {
    talk = undefined;
    // Numbers of another channel mean nothing in the next.
    scrollback.forget();
    isJoined = false;
    isEntering = false;
    lastSent = undefined;
    unshown = undefined;
    sideWords.entered();
  };

  const enter = (next: string, { user }: { readonly user: string }): void => {
    if (talk !== undefined) {
      link?.send({ type: "leave", channel: talk.channel });
      note(`on to ${next}`);
    }
    leaveTalk();
    isEntering = true;
    turns += 1;
    talk = createChannelTalk({ channel: next, me: user, last, turn: `.${turns}`, scrollback, nowMs });
    link?.send(talk.open());
  };

  const follow = (steps: readonly TalkStep[]): void => {
    for (const step of steps) {
      if (step.kind === "happened") happened(step.happening);
      else if (step.kind === "ask") link?.send(step.frame);
      else if (step.kind === "wait") waitToOpen(step.ms, step.text);
      else if (step.kind === "joined") arrived();
      else closed(step.text);
    }
  };

  const waitToOpen = (ms: number, text: string): void => {
    const refused = talk;
    note(visibleLine(text));
    after(ms, () => {
      if (talk !== undefined && talk === refused) link?.send(talk.open());
    });
  };

  const arrived = (): void => {
    isJoined = true;
    isEntering = false;
    if (welcome !== undefined) deliver(deliveries.opened(welcome.limits));
  };

  /** The edge lets this user in no more, or never did. */
  const closed = (text: string): void => {
    const from = talk?.channel ?? "";
    leaveTalk();
    deliver(deliveries.giveUp(`not done: no longer in ${from}`));
    fail(text);
    if (isTyped) note("you are in no channel; /join one");
    else finished("failed");
  };

  const deliver = (steps: readonly DeliveryStep[]): void => {
    for (const step of steps) {
      if (step.kind === "ask") link?.send(step.frame);
      else if (step.kind === "wait") after(step.ms, () => deliver(deliveries.again()));
      else if (step.kind === "say") note(visibleLine(step.text));
      else if (step.kind === "refused") fail(step.text);
      else taken(step);
    }
  };

  const taken = ({ frame, reply }: Extract<DeliveryStep, { readonly kind: "taken" }>): void => {
    if (isPlaced(reply)) unshown = reply;
    if (frame.type === "send" && isPlaced(reply)) lastSent = { id: reply.id, position: reply };
    if (frame.type === "delete" && frame.id === lastSent?.id) lastSent = undefined;
    if (frame.type === "members") note(membersWords(reply));
    if (frame.type !== "leave") return;
    note(`you left ${frame.channel}; /join another one`);
    leaveTalk();
  };

  /** The next in line, if it is its turn. */
  const begin = (intent: Waiting): void => {
    if (welcome === undefined) return;
    if (intent.kind === "join") return enter(intent.channel, welcome);
    if (talk === undefined) return fail("you are in no channel; /join one");
    turns += 1;
    const around = { channel: talk.channel, me: welcome.user, scrollback, lastSent, ref: `c${turns}` };
    const command = commandOf(intent, around);
    if (typeof command === "string") fail(command);
    else deliver(deliveries.begin(command, welcome.limits));
  };

  const isNextsTurn = (): boolean => welcome !== undefined && deliveries.isIdle() && !isEntering;
  const isReady = ({ kind }: Waiting): boolean => {
    if (kind === "join" || talk === undefined) return true;
    // What is done to a message is judged by what is shown, so the last thing that was done comes first.
    return isJoined && (kind === "send" || kind === "who" || kind === "leave" || isShown());
  };

  const goOn = (): void => {
    for (let next = waiting[0]; next !== undefined && isNextsTurn() && isReady(next); next = waiting[0]) {
      if (hasEnded) return;
      waiting.shift();
      begin(next);
    }
    if (!isEnding || waiting.length > 0 || !isNextsTurn()) return;
    if (isShown()) finished(hasFailed ? "failed" : "done");
  };

  const finished = (outcome: "done" | "failed"): void => {
    if (hasEnded) return;
    hasEnded = true;
    ended(outcome);
  };

  /** A person wants to go now; what came through a pipe before is still done. */
  const quit = (): void => {
    if (isTyped) finished("done");
    isEnding = true;
  };

  /** Whether all that was taken from here has come back; if not, what waits for that goes on when it has, or after a while. */
  const isShown = (): boolean => {
    const told = talk?.told();
    if (unshown === undefined || (told !== undefined && comparePositions(told, unshown) >= 0)) return true;
    if (isEchoAwaited) return false;
    isEchoAwaited = true;
    after(ECHO_MS, () => {
      isEchoAwaited = false;
      unshown = undefined;
      goOn();
    });
    return false;
  };

  const welcomed = ({ user, limits }: WelcomeFrame): void => {
    welcome = { user, limits };
    if (talk !== undefined) link?.send(talk.open());
  };

  return {
    note,
    scrollback,
    talk: () => talk,
    backlog: () => waiting.length + (deliveries.isIdle() ? 0 : 1),
    connection: () => (isJoined ? "joined" : welcome === undefined ? "away" : "open"),
    lost(code) {
      link = undefined;
      welcome = undefined;
      isJoined = false;
      isEchoAwaited = false;
      sideWords.lost();
      talk?.lost();
      deliver(deliveries.lost(code));
    },
    frame(frame, from) {
      link = from;
      if (frame.type === "welcome") welcomed(frame);
      else if (!sideWords.concerns(frame)) {
        const isAnswer = frame.type === "ok" || frame.type === "error";
        if (frame.type === "error" && frame.ref === undefined) note(visibleLine(`${frame.code}: ${frame.message}`));
        if (frame.type === "notice") note(`notice: ${visibleLine(frame.body)}`);
        follow(talk?.feed(frame) ?? []);
        if (isAnswer) deliver(deliveries.answer(frame));
      }
      goOn();
    },
    line(text) {
      const intent = readLine(text, isTyped);
      if (intent === undefined) return;
      sideWords.entered();
      if (intent.kind === "help") helpLines().forEach(note);
      else if (intent.kind === "mistake") fail(intent.text);
      else if (intent.kind === "quit") quit();
      else if (isTyped && waiting.length >= MOST_WAITING) fail("too much waits to be sent: this was not taken");
      else waiting.push(intent);
      goOn();
    },
    writing(text) {
      if (talk !== undefined && isJoined) sideWords.writing(talk, text);
    },
    shown() {
      if (talk !== undefined) sideWords.shown(talk);
    },
    finish() {
      isEnding = true;
      goOn();
    },
  };
}

function isPlaced(reply: object): reply is Position & { readonly id: string } {
  return "id" in reply && "epoch" in reply && "seq" in reply;
}

interface Members {
  readonly online: number;
  readonly members: readonly { readonly user: string; readonly name: string }[];
}

function membersWords(reply: object & Partial<Members>): string {
  const { online = 0, members = [] } = reply;
  const more = online > members.length ? `, and ${online - members.length} more` : "";
  return `${online} here: ${names(members)}${more}`;
}
