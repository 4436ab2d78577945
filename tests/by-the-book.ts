// A client of one channel that knows PROTOCOL.md and nothing else: no table, no limit and no function of this repository. Called
// by the test that shows that the document is enough. Its steps are those of "A client, step by step".
// States: connecting; entering (waits for the reply to its join, or for a page of what it missed: live frames are held); live;
// ended (told to stay away, or closed by the test).
import { WebSocket } from "ws";

interface Position {
  readonly epoch: number;
  readonly seq: number;
}

type Json = Readonly<Record<string, unknown>>;
type Sequenced = Json & Position & { readonly type: string; readonly id: string };

/** A message as a user would see it. */
export interface Seen {
  readonly user: unknown;
  body: unknown;
  deleted: boolean;
  edited: boolean;
  readonly replyTo: unknown;
  /** Emoji to those who put it. */
  readonly reactions: Map<string, Set<unknown>>;
}

export interface BookClient {
  /** What stands now, by message id, in order. */
  readonly seen: ReadonlyMap<string, Seen>;
  /** Sends it until it is answered for good; rejects with the code it was refused by. */
  ask(frame: { readonly type: string } & Json): Promise<Json>;
  /** Loses the connection as a network does. */
  cut(): void;
  /** How often it came in. */
  entries(): number;
  close(this: void): void;
}

const STAY_AWAY = new Set([1000, 1002, 1003, 1007, 1009, 1010]);
const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 20_000;
const LATER_MS = 500;
const SIGN_OF_LIFE_MS = 25_000;

export function openBookClient(urls: readonly string[], channel: string, tokenNow: () => string): BookClient {
  const seen = new Map<string, Seen>();
  const unanswered = new Map<string, { frame: Json; resolve: (ok: Json) => void; reject: (why: Error) => void }>();
  let cursor: Position = { epoch: 0, seq: 0 };
  let held: Sequenced[] | undefined = [];
  let socket: WebSocket | undefined;
  let losses = 0;
  let entries = 0;
  let refs = 0;
  let hasEnded = false;

  const say = (frame: object): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  };

  function apply(frame: Sequenced): void {
    if (!isAfter(frame, cursor)) return;
    cursor = { epoch: frame.epoch, seq: frame.seq };
    APPLY[frame.type]?.(seen, frame);
  }

  function askForPage(): void {
    held ??= [];
    say({ type: "history", ref: "page", channel, after: cursor, limit: 7 });
  }

  function hearPage({ messages, more, recovered, epoch, seq }: Json): void {
    const page = Array.isArray(messages) ? messages.filter(isSequenced) : [];
    // Nobody has what is missing: what the reply holds is what there is, and its head is where one stands.
    if (recovered === false) seen.clear();
    page.forEach(apply);
    if (recovered === false) cursor = { epoch: Number(epoch), seq: Number(seq) };
    if (more === true && recovered !== false) {
      askForPage();
      return;
    }
    const overtaken = held ?? [];
    held = undefined;
    overtaken.forEach(apply);
    for (const { frame } of unanswered.values()) say(frame);
  }

  function hearAnswer(frame: Json): void {
    const ref = String(frame["ref"]);
    const asked = unanswered.get(ref);
    if (asked === undefined) return;
    if (frame["type"] === "error" && frame["retry"] === "later") {
      const waitMs = typeof frame["retryAfterMs"] === "number" ? frame["retryAfterMs"] : LATER_MS;
      setTimeout(() => unanswered.has(ref) && say(asked.frame), waitMs);
      return;
    }
    unanswered.delete(ref);
    if (frame["type"] === "ok") asked.resolve(frame);
    else asked.reject(new Error(String(frame["code"])));
  }

  function hear(frame: Json): void {
    const { type, ref } = frame;
    if (type === "welcome") {
      held = [];
      say({ type: "join", ref: "page", channel, after: cursor, limit: 7 });
      entries += 1;
    } else if (type === "ok" && ref === "page") hearPage(frame);
    else if (type === "error" && ref === "page") socket?.close();
    else if (type === "ok" || type === "error") hearAnswer(frame);
    else if (type === "gap" && frame["channel"] === channel) askForPage();
    else if (type === "reconnect") setTimeout(() => socket?.close(), Number(frame["afterMs"]));
    else if (isSequenced(frame) && frame["channel"] === channel) {
      if (held === undefined) apply(frame);
      else held.push(frame);
    }
  }

  function connect(): void {
    const bearer = Buffer.from(tokenNow()).toString("base64url");
    const current = new WebSocket(urls[losses % urls.length] ?? "", ["rookery.v1", `bearer.${bearer}`]);
    socket = current;
    // `close` follows, and says what to do.
    current.on("error", () => undefined);
    current.on("message", (data) => {
      const frame: unknown = JSON.parse(Buffer.isBuffer(data) ? data.toString("utf8") : "null");
      if (current === socket && isObject(frame)) hear(frame);
    });
    current.on("close", (code) => {
      if (current !== socket || hasEnded) return;
      held = [];
      losses += 1;
      if (code >= 4500 || STAY_AWAY.has(code)) return;
      const mostMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(losses, 7));
      setTimeout(() => hasEnded || connect(), Math.random() * mostMs);
    });
  }

  const signs = setInterval(() => say({ type: "ping" }), SIGN_OF_LIFE_MS);
  connect();
  return {
    seen,
    ask: (frame) =>
      new Promise((resolve, reject) => {
        const ref = `ask-${(refs += 1)}`;
        const whole = { ...frame, ref, channel };
        unanswered.set(ref, { frame: whole, resolve, reject });
        if (held === undefined) say(whole);
      }),
    cut: () => socket?.terminate(),
    entries: () => entries,
    close() {
      hasEnded = true;
      clearInterval(signs);
      socket?.close();
    },
  };
}

/** What each sequenced frame does to what one has, however often it is applied. */
const APPLY: Readonly<Record<string, (seen: Map<string, Seen>, frame: Sequenced) => void>> = {
  message(seen, { id, user, body, deleted, replyTo, editedAt }) {
    const edited = editedAt !== undefined;
    seen.set(id, { user, body, deleted: deleted === true, edited, replyTo, reactions: new Map() });
  },
  edited(seen, { id, body }) {
    const message = seen.get(id);
    if (message === undefined || message.deleted || body === undefined) return;
    message.body = body;
    message.edited = true;
  },
  deleted(seen, { id }) {
    const message = seen.get(id);
    if (message !== undefined) Object.assign(message, { deleted: true, body: undefined });
  },
  reaction(seen, { id, user, emoji, on }) {
    const { reactions } = seen.get(id) ?? {};
    const by = reactions?.get(String(emoji)) ?? new Set();
    if (on === true) by.add(user);
    else by.delete(user);
    reactions?.set(String(emoji), by);
  },
};

function isAfter(a: Position, b: Position): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

function isSequenced(value: unknown): value is Sequenced {
  return isObject(value) && typeof value["epoch"] === "number" && typeof value["id"] === "string";
}
