// A live socket as its session sees it: what is sent, how it ends, and how many control frames it may still send. The
// listener makes one a socket and tells it of drains and of frames; the session lets go of it in `close`, after which
// uWebSockets.js would throw. It must never be touched inside the layer's `dropped`. What it sends leaves with the turn.
// States: open; leaving (the last words wait for the buffer to empty, nothing else is sent and nothing is read any more);
// gone (the close frame went out, or the socket was cut).

import type { FrameBytes } from "@rookery/broker";
import type { WebSocket } from "uWebSockets.js";
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

interface LastWords {
  readonly code: number;
  readonly reason: string;
  readonly timer: NodeJS.Timeout | undefined;
}

export class SocketWire<UserData> implements Wire, Writer {
  readonly #socket: WebSocket<UserData>;
  readonly #rules: WireRules;
  readonly #writes: TurnWrites;
  /** Sent, and not yet written: mostly one frame a turn. */
  #unwritten: string | string[] | undefined;
  #state: "open" | "leaving" | "gone" = "open";
  #lastWords: LastWords | undefined;
  #control: TokenBucket | undefined;

  constructor(socket: WebSocket<UserData>, rules: WireRules, writes: TurnWrites) {
    this.#socket = socket;
    this.#rules = rules;
    this.#writes = writes;
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
      this.#writes.add(this);
    } else if (typeof this.#unwritten === "string") this.#unwritten = [this.#unwritten, text];
    else this.#unwritten.push(text);
  }

  write(): void {
    const frames = this.#unwritten;
    this.#unwritten = undefined;
    if (frames === undefined || this.#state !== "open") return;
    // 2: over the hard limit and dropped. The `dropped` callback, which follows, closes the socket with `slow`.
    if (typeof frames === "string") this.#socket.send(frames);
    else
      this.#socket.cork(() => {
        for (const frame of frames) this.#socket.send(frame);
      });
  }

  publish(topic: string, frame: FrameBytes): boolean {
    if (this.#state !== "open") return false;
    this.#socket.publish(topic, frame);
    return true;
  }

  subscribe(topic: string): void {
    if (this.#state === "open") this.#socket.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (this.#state === "open") this.#socket.unsubscribe(topic);
  }

  ping(): void {
    if (this.#state === "open") this.#socket.ping();
  }

  /**
   * Ends at once when nothing is buffered. Otherwise the layer would drop the close frame of a full buffer, or forget a
   * socket whose buffer nobody reads: so the frame waits until the client has read what stands before it, and the socket
   * is counted as open until then.
   */
  end(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.write();
    if (this.#socket.getBufferedAmount() === 0) {
      this.#leave({ code, reason, timer: undefined });
      return;
    }
    for (const topic of this.#socket.getTopics()) this.#socket.unsubscribe(topic);
    this.#state = "leaving";
    this.#lastWords = { code, reason, timer: setTimeout(() => this.cut(), this.#rules.lastWordsMs) };
  }

  /** The layer has written some of the buffer. */
  drained(): void {
    if (this.#state === "leaving" && this.#lastWords !== undefined && this.#socket.getBufferedAmount() === 0) {
      this.#leave(this.#lastWords);
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
    const { controlPerSec, controlBurst } = this.#rules;
    this.#control ??= new TokenBucket(controlBurst, nowMs);
    return this.#control.take(controlPerSec, controlBurst, nowMs) === 0;
  }
}
