// One member of some channels as PROTOCOL.md tells a client to be: resumes from its positions after any loss, repeats what was
// not answered, follows `reconnect`, renews its token; and counts each promise that is broken meanwhile. Called by the scripts.
// States: away (waits before its next connection), connecting, entering (some channel is not live), live, leaving, over.
import { clearInterval, clearTimeout, setInterval, setTimeout } from "k6/timers";
import { watchChannel } from "./channel-watch.ts";
import type { ChannelWatch } from "./channel-watch.ts";
import { createCommands } from "./commands.ts";
import type { Commands } from "./commands.ts";
import { isSequenced } from "./frame.ts";
import type { Command, Frame, Position, Sequenced } from "./frame.ts";
import { openLink } from "./link.ts";
import type { Link } from "./link.ts";
import type { Member, MemberOptions } from "./member-options.ts";
import * as metrics from "./metrics.ts";
import type { Grant } from "./tokens.ts";

const SWEEP_MS = 250;
/** How long a member that leaves waits for answers, and for what the server has and did not tell it. */
const ANSWERS_MS = 10_000;
const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 20_000;
const STAY_AWAY: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009, 1010]);
/** Beyond what a page holds, more is owed than a run of this length can be late. */
const OWED_PAGE = 200;
const BODY = "the quick brown rook hops over the lazy bishop";

/** An executor that begins again whenever somebody is over has its next look after so long. */
const TOO_LATE_MS = 1_000;

/** Resolves once the member is over. */
export async function runMember(options: MemberOptions): Promise<void> {
  if (Date.now() >= options.untilMs) {
    await new Promise<void>((resolve) => void setTimeout(resolve, TOO_LATE_MS));
    return;
  }
  let grant: Grant;
  try {
    grant = await options.tokens.first(options.run.name, options.number);
  } catch (error) {
    metrics.entered.add(false);
    throw error;
  }
  await new Promise<void>((resolve) => startMember(options, grant, resolve));
}

function startMember(options: MemberOptions, first: Grant, over: () => void): void {
  const { channels, edges, number: memberNumber } = options;
  const watches = new Map<string, ChannelWatch>(channels.map((id) => [id, watchChannel(reportFault)]));
  const timers = new Set<number>();
  const joinedAtMs = new Map<string, number>();
  const session = `${memberNumber}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  let grant = first;
  let link: Link | undefined;
  let state: "away" | "connecting" | "entering" | "live" = "away";
  let isLeaving = false;
  let isOver = false;
  let hasBegun = false;
  let connections = 0;
  let losses = 0;
  let turns = 0;
  let beganMs = 0;
  let awayMs: number | undefined;
  /** When what is done now was meant to be done: a loop that is late hides no wait. */
  let dueMs: number | undefined;

  const say = (command: Command): boolean => link?.say(command) ?? false;
  const commands: Commands = createCommands({
    say,
    accepted: (ms, wasRepeated) => {
      (wasRepeated ? metrics.repeatOkMs : metrics.okMs).add(ms);
      if (!wasRepeated) options.accepted?.(ms);
    },
    placed: ({ channel = "", epoch = 0, seq = 0 }, turn) => watches.get(channel)?.answered(turn, { epoch, seq }),
    renew: () => renew(),
  });

  const member: Member = {
    isLive: () => state === "live" && !isLeaving,
    speak(channel, more = {}, onOk) {
      const turn = (turns += 1);
      const meta = { at: dueMs ?? Date.now() };
      const command = { type: "send", channel, clientId: `${session}-${turn}`, body: BODY, meta, ...more };
      metrics.sent.add(1);
      commands.ask({ command, turn, meantMs: meta.at, ...(onOk === undefined ? {} : { onOk }) });
    },
    ask: (command, mayBe = []) => commands.ask({ command, mayBe }),
    drop(waitMs) {
      awayMs = waitMs;
      // Nothing more is said on a connection that ends.
      if (state === "live") state = "away";
      link?.close();
    },
    every(waitMs, deed) {
      const again = (meantMs: number): void =>
        later(Math.max(0, meantMs - Date.now()), () => {
          if (isLeaving) return;
          dueMs = meantMs;
          if (state === "live") deed();
          dueMs = undefined;
          again(meantMs + waitMs());
        });
      again(Date.now() + waitMs());
    },
  };

  function later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  }

  function renew(): void {
    options.tokens.next(options.run.name, memberNumber, grant).then(
      (next) => {
        grant = next;
        say({ type: "auth", token: next.token });
      },
      // It goes on with what it has, until the server says otherwise.
      () => metrics.faults.refused.add(1, { code: "token" }),
    );
  }

  function connect(): void {
    if (isOver) return;
    const url = edges[(memberNumber + connections) % edges.length] ?? "";
    connections += 1;
    state = "connecting";
    beganMs = Date.now();
    for (const watch of watches.values()) watch.hold();
    const current = openLink(url, grant.token, {
      frame: (frame) => {
        if (link === current && !isOver) hear(frame);
      },
      ended: (code) => {
        if (link === current) ended(code);
      },
    });
    link = current;
  }

  function ended(code: number): void {
    if (isOver) return;
    if (state === "connecting") metrics.turnedAway.add(1, { code: String(code) });
    state = "away";
    losses += 1;
    if (code >= 4500 || STAY_AWAY.has(code)) {
      metrics.faults.sentAway.add(1, { code: String(code) });
      end();
      return;
    }
    const mostMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(losses, 7));
    const waitMs = awayMs ?? Math.random() * mostMs;
    awayMs = undefined;
    if (code >= 4400) {
      options.tokens.next(options.run.name, memberNumber, grant).then(
        (next) => {
          grant = next;
          later(waitMs, connect);
        },
        () => later(waitMs, connect),
      );
    } else later(waitMs, connect);
  }

  function welcome({ refreshAt }: Frame): void {
    metrics.connectMs.add(Date.now() - beganMs);
    state = "entering";
    for (const id of channels) join(id);
    const inMs = (refreshAt ?? Infinity) - Date.now();
    if (refreshAt !== undefined && refreshAt < options.untilMs) later(Math.max(0, inMs), renew);
  }

  function join(channel: string): void {
    joinedAtMs.set(channel, Date.now());
    const after = watches.get(channel)?.cursor();
    say({ type: "join", ref: `join ${channel}`, channel, ...(after === undefined ? {} : { after }) });
  }

  function readOn(channel: string, after: Position | undefined): void {
    if (after !== undefined) {
      say({ type: "history", ref: `page ${channel}`, channel, after, limit: OWED_PAGE });
      return;
    }
    commands.repeat(channel);
    const isAllLive = [...watches.values()].every((watch) => watch.isLive());
    if (!isAllLive || state !== "entering") return;
    state = "live";
    losses = 0;
    if (hasBegun) {
      metrics.returns.add(1);
      metrics.resumeMs.add(Date.now() - beganMs);
      return;
    }
    hasBegun = true;
    options.begin?.(member);
  }

  /** `join`, `page` and `owed` stand in front of their channel in `ref`. */
  function hearReply(frame: Frame): void {
    const [what = "", channel = ""] = (frame.ref ?? "").split(" ");
    const watch = watches.get(channel);
    if (watch === undefined) return;
    if (frame.type === "error") {
      refusedReply(frame, what, channel, watch);
      return;
    }
    if (what === "join") {
      metrics.joinMs.add(Date.now() - (joinedAtMs.get(channel) ?? beganMs));
      readOn(channel, watch.entered(frame));
    } else if (what === "page") readOn(channel, watch.page(frame));
    else watch.owe(frame.messages ?? []);
  }

  function refusedReply(frame: Frame, what: string, channel: string, watch: ChannelWatch): void {
    if (frame.retry === "never") {
      metrics.faults.refused.add(1, { code: String(frame.code) });
      end();
      return;
    }
    const current = link;
    metrics.putOff.add(1, { code: String(frame.code) });
    later(frame.retryAfterMs ?? BACKOFF_MIN_MS, () => {
      if (link !== current) return;
      if (what === "join") join(channel);
      else if (what === "page") readOn(channel, watch.cursor());
      else askForOwed(channel, watch);
    });
  }

  function askForOwed(channel: string, watch: ChannelWatch): void {
    const after = watch.cursor();
    if (after !== undefined) say({ type: "history", ref: `owed ${channel}`, channel, after, limit: OWED_PAGE });
  }

  function hear(frame: Frame): void {
    const watch = watches.get(frame.channel ?? "");
    if (frame.type === "welcome") welcome(frame);
    else if (frame.type === "ok" || frame.type === "error") {
      if (!commands.hear(frame)) hearReply(frame);
    } else if (isSequenced(frame)) {
      if (frame.type === "message") noteDelivery(frame);
      watch?.live(frame, Date.now());
      options.watch?.(frame);
    } else if (frame.type === "gap" && frame.from !== undefined && frame.to !== undefined) {
      metrics.gaps.add(1);
      const { from, to, lost = false } = frame;
      if (watch?.gap({ from, to, lost }) === true) readOn(frame.channel ?? "", watch.cursor());
    } else if (frame.type === "reconnect") {
      const current = link;
      later(frame.afterMs ?? 0, () => {
        if (link === current) member.drop(0);
      });
    }
  }

  /** Answers first, then what the server has and did not tell: when both are there, or were waited for, it is over. */
  function leave(): void {
    isLeaving = true;
    const giveUpMs = Date.now() + ANSWERS_MS;
    let hasAsked = false;
    const look = setInterval(() => {
      const isLate = Date.now() > giveUpMs;
      const isAnswered = commands.waiting() === 0 && state === "live";
      if (isAnswered && !hasAsked) {
        hasAsked = true;
        for (const [id, watch] of watches) askForOwed(id, watch);
        return;
      }
      const isSettled = isAnswered && [...watches.values()].every((watch) => watch.isSettled());
      if (isOver || isLate || isSettled) {
        clearInterval(look);
        end();
      }
    }, SWEEP_MS / 5);
  }

  function end(): void {
    if (isOver) return;
    isOver = true;
    clearInterval(sweeper);
    for (const timer of timers) clearTimeout(timer);
    commands.end();
    for (const watch of watches.values()) watch.giveUp();
    metrics.entered.add(hasBegun);
    link?.close();
    // Whoever was told to stay away is not followed by another at once.
    setTimeout(over, isLeaving ? 0 : Math.max(0, options.untilMs - Date.now()));
  }

  const sweeper = setInterval(() => {
    for (const watch of watches.values()) watch.sweep(Date.now());
  }, SWEEP_MS);
  later(Math.max(0, options.untilMs - Date.now()), leave);
  connect();
}

function noteDelivery({ meta }: Sequenced): void {
  metrics.heard.add(1);
  const saidAtMs = meta?.["at"];
  if (typeof saidAtMs === "number") metrics.deliveryMs.add(Date.now() - saidAtMs);
}

function reportFault(fault: "lost" | "repeated" | "disordered" | "unrecovered", count: number): void {
  metrics.faults[fault].add(count);
}
