// One socket's identity, channels, rates and order: what a client may rely on while it is connected lives here. Intake reads
// for it, commands answer through it, the hub lists it. It knows no frame from another, no Redis, no Postgres and no
// uWebSockets.js: its socket is a `Wire`, and a closed session has none, so nothing can touch a dead socket.
// States: awaiting (no identity yet), open, closing (farewell said: nothing is read any more), closed.
// Every `nowMs` is monotonic (performance.now()): a step of the wall clock ends nobody and delays nothing. Only an
// identity's times are wall clock, as its token wrote them.

import type { FrameBytes } from "@rookery/broker";
import { BAD_FRAMES_WINDOW_MS, CLOSES, encodeError, encodeOk, jsonMembers, MAX_BAD_FRAMES } from "@rookery/protocol";
import type { ChatError, CloseReason } from "@rookery/protocol";
import { ChannelLine } from "./channel-line.ts";
import type { Work } from "./channel-line.ts";
import type { Member } from "./hub.ts";
import type { SlowWire } from "./lanes/slow-wire.ts";
import { SessionRates } from "./rates.ts";
import type { BucketName, BucketRules } from "./rates.ts";
import { WindowCounter } from "./token-bucket.ts";

/**
 * What a session may do to its socket. `send` never drops in silence: what a slow socket cannot take is kept for it, and one that
 * takes nothing is closed.
 */
export interface Wire extends SlowWire {
  send(text: string): void;
  /** The same of something fleeting, which a slow socket is not given. */
  signal(text: string): void;
  /** To every subscriber of the topic but this socket; false when it can do nothing any more, and nobody got it. */
  publish(topic: string, frame: FrameBytes): boolean;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** The answer carries these bytes again. */
  ping(name: string): void;
  end(code: number, reason: string): void;
}

export interface Identity {
  readonly user: string;
  readonly name: string;
  /** Since the Unix epoch, like `refreshAtMs`. */
  readonly expiresAtMs: number;
  readonly refreshAtMs: number;
  /** Of its token, by which that may be revoked: its id, where it has one, and the latest at which it was issued. */
  readonly jti?: string | undefined;
  readonly issuedAtMs: number;
}

export interface SessionRules {
  readonly buckets: BucketRules;
  refused(error: ChatError): void;
  /** A frame goes to this session alone. */
  told(frame: string): void;
}

/** A copy of what the socket brought. */
export interface HeldFrame {
  readonly bytes: Uint8Array;
  readonly isBinary: boolean;
}

export class Session implements Member {
  readonly id: string;
  readonly channels = new Set<string>();
  /** Where it came from, and what the client calls itself: for those who look after connections. */
  address = "";
  client = "";
  /** All whole: a number with a fraction is an object of its own. */
  openedAtMs: number;
  lastSeenMs: number;
  pingedAtMs: number;
  /** How long its answer is waited for counts from here; 0 while no ping is unanswered. */
  unansweredAtMs = 0;
  /** Which ping that is: answers to those before it say nothing of it. */
  #awaitedMs = 0;
  /** Of the sweep's own count, when the clocks have something to say of it at the earliest; 0 for its next look. */
  sweptAgainAt = 0;
  /** Its token was found good: it says who it is, also while its welcome waits for Redis. */
  isProven = false;
  /** Joins under way, so that several at once cannot pass the cap together. */
  joining = 0;
  /** What intake keeps while a token is looked at; let go of with the farewell. */
  held: HeldFrame[] | undefined;

  #identity: Identity | undefined;
  #wire: Wire | undefined;
  #farewellAtMs: number | undefined;
  /** Which channels want `persisted`: every one, or those that asked in `join`. */
  #persisted: "all" | Set<string> | undefined;
  #lines: Map<string, ChannelLine> | undefined;
  readonly #rules: SessionRules;
  readonly #rates: SessionRates;
  #badFrames: WindowCounter | undefined;

  constructor(id: string, wire: Wire, rules: SessionRules, nowMs: number) {
    this.id = id;
    this.#wire = wire;
    this.#rules = rules;
    this.openedAtMs = Math.floor(nowMs);
    this.lastSeenMs = this.openedAtMs;
    this.pingedAtMs = this.openedAtMs;
    this.#rates = new SessionRates(rules.buckets, nowMs);
  }

  get user(): string {
    return this.#identity?.user ?? "";
  }

  get name(): string {
    return this.#identity?.name ?? "";
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** The socket, as long as there is one: undefined from the moment it closed. */
  get wire(): Wire | undefined {
    return this.#wire;
  }

  /** False from its farewell on: nothing that the client sends is read any more. */
  get isLive(): boolean {
    return this.#wire !== undefined && this.#farewellAtMs === undefined;
  }

  get farewellAtMs(): number | undefined {
    return this.#farewellAtMs;
  }

  /** A sign of life: a frame, a ping or the answer to one. */
  heard(nowMs: number): void {
    this.lastSeenMs = Math.floor(nowMs);
  }

  /** First authentication, and every later refresh of the same user. */
  identify(identity: Identity): void {
    this.#identity = identity;
    // A new token may end sooner than the one before.
    this.sweptAgainAt = 0;
  }

  /** The edge itself was not there for so long: what it did not hear or do meanwhile is not held against a client. */
  excuse(lagMs: number, nowMs: number): void {
    this.openedAtMs = Math.floor(Math.min(nowMs, this.openedAtMs + lagMs));
    this.lastSeenMs = Math.floor(Math.min(nowMs, this.lastSeenMs + lagMs));
    if (this.unansweredAtMs > 0) this.unansweredAtMs = Math.floor(Math.min(nowMs, this.unansweredAtMs + lagMs));
  }

  ping(nowMs: number): void {
    this.pingedAtMs = Math.floor(nowMs);
    if (this.unansweredAtMs === 0) this.#await(this.pingedAtMs);
    // It may be due sooner than its next ping.
    this.sweptAgainAt = 0;
    this.#wire?.ping(String(this.pingedAtMs));
  }

  /** How long it takes to answer is counted anew, whatever is unanswered. */
  pingAnew(nowMs: number): void {
    this.unansweredAtMs = 0;
    this.ping(nowMs);
  }

  /**
   * A pong has come, which names a ping by its bytes; one that names none, as a simple client's may, answers the last. False
   * when it is not the one that was waited for: who reads late answers each ping late, and often.
   */
  answered(name: string): boolean {
    const atMs = Number(name) || this.pingedAtMs;
    if (this.unansweredAtMs === 0 || atMs < this.#awaitedMs) return false;
    this.#await(atMs < this.pingedAtMs ? this.pingedAtMs : 0);
    return true;
  }

  #await(pingMs: number): void {
    this.unansweredAtMs = pingMs;
    this.#awaitedMs = pingMs;
  }

  /** For those rates that it shares with others. */
  get rates(): SessionRates {
    return this.#rates;
  }

  /** 0 when a frame is let in by this bucket; otherwise the milliseconds after which it is. */
  take(bucket: BucketName, nowMs: number): number {
    return this.#rates.take(bucket, nowMs);
  }

  /** 0 when what a command is going to cost beyond its frame is paid; otherwise the milliseconds until it can be. */
  pay(tokens: number, nowMs: number): number {
    return this.#rates.pay(tokens, nowMs);
  }

  /** What a command cost beyond its frame. The ones that follow wait for it. */
  charge(tokens: number): void {
    this.#rates.charge(tokens);
  }

  /**
   * Runs `work` when the session's order in this channel allows it, at once where nothing is under way there. Other
   * channels do not wait.
   */
  inOrder(channel: string, work: Work, isSend: boolean): void {
    const lines = (this.#lines ??= new Map<string, ChannelLine>());
    let line = lines.get(channel);
    if (line === undefined) {
      line = new ChannelLine(() => {
        lines.delete(channel);
        // Thousands of idle sessions need no empty map each.
        if (lines.size === 0 && this.#lines === lines) this.#lines = undefined;
      });
      lines.set(channel, line);
    }
    line.take(work, isSend);
  }

  /** How many commands wait for their turn in this channel. */
  waitingIn(channel: string): number {
    return this.#lines?.get(channel)?.waiting ?? 0;
  }

  /** Resolves when every command taken so far has been answered. */
  async idle(): Promise<void> {
    await Promise.all([...(this.#lines?.values() ?? [])].map((line) => line.idle()));
  }

  tell(text: string): void {
    if (this.#wire === undefined) return;
    this.#rules.told(text);
    this.#wire.send(text);
  }

  /** Something that is no longer true soon. */
  tellSignal(text: string): void {
    if (this.#wire === undefined) return;
    this.#rules.told(text);
    this.#wire.signal(text);
  }

  /** `ok` for a frame that asked for an answer. */
  answer(ref: string | undefined, fields: Readonly<Record<string, unknown>>): void {
    if (ref !== undefined) this.tell(encodeOk(ref, jsonMembers(fields)));
  }

  /** Answers a refusal, and ends a session that will not keep to its rates or does not speak the language. */
  refuse(error: ChatError, ref: string | undefined, nowMs: number): void {
    this.#rules.refused(error);
    this.tell(encodeError(error, ref));
    if (error.code === "rate_limited" && this.#rates.refused(nowMs)) this.farewell("too_fast", nowMs);
    if (error.code === "bad_frame") {
      this.#badFrames ??= new WindowCounter();
      if (this.#badFrames.add(BAD_FRAMES_WINDOW_MS, nowMs) >= MAX_BAD_FRAMES) this.farewell("protocol", nowMs);
    }
  }

  /** Says why and closes; nothing the client sends after it is read. */
  farewell(reason: CloseReason, nowMs: number): void {
    this.dismiss(CLOSES[reason].code, reason, nowMs);
  }

  /** The same with a code that somebody else has chosen. */
  dismiss(code: number, reason: string, nowMs: number): void {
    if (this.#wire === undefined || this.#farewellAtMs !== undefined) return;
    this.#farewellAtMs = nowMs;
    this.held = undefined;
    this.#wire.end(code, reason);
  }

  /** The socket is gone. */
  closed(): void {
    this.#wire = undefined;
    this.held = undefined;
  }

  /** Asks for `persisted` in one channel, or in all, now and later, when none is named. */
  wantPersisted(channel?: string): void {
    if (channel === undefined) this.#persisted = "all";
    else if (this.#persisted !== "all") this.#persisted = (this.#persisted ?? new Set()).add(channel);
  }

  /** A wish for all channels stays. */
  unwantPersisted(channel: string): void {
    if (this.#persisted !== "all") this.#persisted?.delete(channel);
  }

  wantsPersisted(channel: string): boolean {
    return this.#persisted === "all" || this.#persisted?.has(channel) === true;
  }
}
