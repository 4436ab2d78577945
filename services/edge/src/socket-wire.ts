// A live socket as its session sees it: what is sent, how it ends, and how many control frames it may still send. The
// listener makes one a socket and tells it of drains and of frames; the session lets go of it in `close`, after which
// uWebSockets.js would throw. It must never be touched inside the layer's `dropped`. What it sends leaves with the turn, unless
// the socket is slow and its lane keeps it.
// States: open; leaving (the last words wait for the buffer to empty, nothing else is sent and nothing is read any more);
// gone (the close frame went out, or the socket was cut).

import type { FrameBytes } from "@rookery/broker";
import { CLOSES } from "@rookery/protocol";
import type { WebSocket } from "uWebSockets.js";
import type { SlowLane } from "./lanes/slow-wire.ts";
import type { Wire } from "./session.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { TurnWrites, Writer } from "./turn-writes.ts";

export interface WireRules {
  /** Pings and pongs of a client, which the layer takes and answers before anybody is asked. */
  readonly controlPerSec: number;
  readonly controlBurst: number;
  /** How long a client may take to read what is buffered before it, so that it hears why it is closed. */
  readonly lastWordsMs: number;
}

/** What is used of a socket of the layer. */
export type LayerSocket<UserData> = Pick<
  WebSocket<UserData>,
  | "send"
  | "publish"
  | "subscribe"
  | "unsubscribe"
  | "getTopics"
  | "getUserData"
  | "getBufferedAmount"
  | "ping"
  | "end"
  | "close"
> & { cork(work: () => void): unknown };

/** What all wires of a listener share. */
export interface WireSurroundings<UserData> {
  readonly rules: WireRules;
  readonly writes: TurnWrites;
  /** Something that was sent waits in the layer: the kernel takes no more for now. */
  backedUp(this: void, of: UserData): void;
}

interface LastWords {
  /** Answers that were kept for it, which stand before. */
  readonly held: string[];
  readonly code: number;
  readonly reason: string;
  readonly timer: NodeJS.Timeout | undefined;
}

/** What the layer's `send` says of a frame. */
const BACKED_UP = 0;
const DROPPED = 2;
/** Ends after which a client comes back and goes on: whatever it was to be told is said before. */
const SAYS_ALL: ReadonlySet<number> = new Set([CLOSES.draining.code, CLOSES.lifetime.code]);

export class SocketWire<UserData> implements Wire, Writer {
  lane: SlowLane | undefined;
  readonly #socket: LayerSocket<UserData>;
  readonly #shared: WireSurroundings<UserData>;
  /** Sent, and not yet written: mostly one frame a turn. */
  #unwritten: string | string[] | undefined;
  #state: "open" | "leaving" | "gone" = "open";
  #lastWords: LastWords | undefined;
  #control: TokenBucket | undefined;

  constructor(socket: LayerSocket<UserData>, shared: WireSurroundings<UserData>) {
    this.#socket = socket;
    this.#shared = shared;
  }

  get isLeaving(): boolean {
    return this.#state === "leaving";
  }

  /** The close code that was meant, also where the client did not read it. */
  get farewellCode(): number | undefined {
    return this.#lastWords?.code;
  }

  send(text: string): void {
    if (this.#state !== "open") return;
    if (this.#unwritten === undefined) {
      this.#unwritten = text;
      this.#shared.writes.add(this);
    } else if (typeof this.#unwritten === "string") this.#unwritten = [this.#unwritten, text];
    else this.#unwritten.push(text);
  }

  write(): void {
    const frames = this.#unwritten;
    this.#unwritten = undefined;
    if (frames === undefined || this.#state !== "open") return;
    if (typeof frames === "string") {
      this.#writeOrKeep(frames);
      return;
    }
    this.#socket.cork(() => {
      for (const frame of frames) this.#writeOrKeep(frame);
    });
    if (this.bufferedBytes() > 0) this.#shared.backedUp(this.#socket.getUserData());
  }

  #writeOrKeep(frame: string): void {
    if (this.lane?.isHolding === true) this.lane.hold(frame);
    else this.writeNow(frame);
  }

  /** A frame that the layer drops has been told of to `dropped` before it says so here: the lane keeps it then. */
  writeNow(frame: string): void {
    if (this.#state !== "open") return;
    const sent = this.#socket.send(frame);
    if (sent === DROPPED) this.lane?.hold(frame);
    else if (sent === BACKED_UP) this.#shared.backedUp(this.#socket.getUserData());
  }

  signal(text: string): void {
    if (this.lane?.sheds(text) !== true) this.send(text);
  }

  bufferedBytes(): number {
    return this.#state === "gone" ? 0 : this.#socket.getBufferedAmount();
  }

  publish(topic: string, frame: FrameBytes): boolean {
    if (this.#state !== "open") return false;
    this.#socket.publish(topic, frame);
    return true;
  }

  subscribe(topic: string): void {
    if (this.#state === "open" && this.lane?.keepsFrom(topic) !== true) this.#socket.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (this.#state === "open") this.#socket.unsubscribe(topic);
  }

  ping(name: string): void {
    if (this.#state === "open") this.#socket.ping(name);
  }

  /**
   * Ends at once when nothing is buffered. Otherwise the layer would drop the close frame of a full buffer, or forget a
   * socket whose buffer nobody reads: so the frame waits until the client has read what stands before it, and the socket
   * is counted as open until then. What was kept for it goes before, unless it is closed for what it keeps, or may hear no more.
   */
  end(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.write();
    const kept = this.lane?.takeHeld() ?? [];
    const held = SAYS_ALL.has(code) ? kept : [];
    if (this.#socket.getBufferedAmount() === 0 && held.length === 0) {
      this.#leave({ code, reason, held, timer: undefined });
      return;
    }
    for (const topic of this.#socket.getTopics()) this.#socket.unsubscribe(topic);
    this.#state = "leaving";
    this.#lastWords = { code, reason, held, timer: setTimeout(() => this.cut(), this.#shared.rules.lastWordsMs) };
    this.drained();
  }

  /** The layer has written some of the buffer. */
  drained(): void {
    const words = this.#lastWords;
    if (this.#state !== "leaving" || words === undefined) return;
    while (this.#socket.getBufferedAmount() === 0) {
      const text = words.held.shift();
      if (text === undefined) {
        this.#leave(words);
        return;
      }
      this.#socket.send(text);
    }
  }

  #leave(words: LastWords): void {
    clearTimeout(words.timer);
    this.#state = "gone";
    this.#lastWords = words;
    this.#socket.end(words.code, words.reason);
  }

  /** Ends the connection without another word, unless its close frame is already on its way. */
  cut(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    clearTimeout(this.#lastWords?.timer);
    this.#socket.close();
  }

  /** The layer says that the socket is closed. */
  closed(): void {
    this.#state = "gone";
    clearTimeout(this.#lastWords?.timer);
  }

  /** Counts a frame that no session answers for; false when there were too many. */
  takeControl(nowMs: number): boolean {
    const { controlPerSec, controlBurst } = this.#shared.rules;
    this.#control ??= new TokenBucket(controlBurst, nowMs);
    return this.#control.take(controlPerSec, controlBurst, nowMs) === 0;
  }
}
