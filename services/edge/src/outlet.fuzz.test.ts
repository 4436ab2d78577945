// Random schedules of one channel on one edge: frames are written, heard and gathered, while clients join, resume, leave, ask, stop
// reading, read on and lose their connection at any moment of a beat. Relay position, fan-out, membership, outlet, wires and lanes
// are the real ones; the layer below is a model of what uWebSockets.js was seen to do; clients do as the protocol tells them. Nobody
// may miss a frame without being told, what is live must never go back, and no answer may be lost.
import { deepEqual, equal, ok } from "node:assert/strict";
import { createRelayPosition } from "@rookery/broker";
import type { Position } from "@rookery/protocol";
import { ORIGIN } from "@rookery/protocol";
import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { expect, inject, it, onTestFinished, vi } from "vitest";
import { createFanOut } from "./fan-out.ts";
import { createHub } from "./hub.ts";
import { slowReaders } from "./lanes/slow-readers.fixture.ts";
import { createMembership } from "./membership.ts";
import { createOutlet } from "./outlet.ts";
import { ALICE, ALONE, SESSION_RULES } from "./session.fixture.ts";
import { Session } from "./session.ts";
import { SocketWire } from "./socket-wire.ts";
import type { LayerSocket } from "./socket-wire.ts";
import { createTurnWrites } from "./turn-writes.ts";

const EPOCH = 7;
const CHANNEL = "a";
const CLIENTS = 3;
const BEAT_MS = 20;
/** In frames, as the model of the layer counts. */
const SOFT = 4;
const HARD = 10;
/** The layer writes to a socket in the middle of a turn when one more comes. */
const MOST_PENDING = 32;
const RULES = { controlPerSec: 1, controlBurst: 1, lastWordsMs: 1000 };
const at = (seq: number): Position => (seq === 0 ? ORIGIN : { epoch: EPOCH, seq });

interface Data {
  session: Session | undefined;
}

/** One socket of the layer. Frames that its reader has not taken wait in it; the kernel takes none. */
class ModelSocket implements LayerSocket<Data> {
  readonly topics = new Set<string>();
  readonly data: Data = { session: undefined };
  pending: string[] = [];
  buffered: string[] = [];
  isReading = true;
  isOver = false;
  readonly #hear: (frame: string) => void;
  readonly #dropped: () => void;
  readonly #ended: (code: number) => void;
  constructor(hear: (frame: string) => void, dropped: () => void, ended: (code: number) => void) {
    this.#hear = hear;
    this.#dropped = dropped;
    this.#ended = ended;
  }
  getUserData(): Data {
    return this.data;
  }
  getBufferedAmount(): number {
    return this.buffered.length;
  }
  getTopics(): string[] {
    return [...this.topics];
  }
  subscribe(topic: string): boolean {
    return this.topics.add(topic).has(topic);
  }
  unsubscribe(topic: string): boolean {
    return this.topics.delete(topic);
  }
  cork(work: () => void): this {
    work();
    return this;
  }
  /** What was published before goes first; a batch ends with the first frame that is dropped. */
  drainTopics(): void {
    const batch = this.pending;
    this.pending = [];
    for (const frame of batch) if (this.#write(frame) === 2) return;
  }
  send(frame: string): number {
    this.drainTopics();
    return this.#write(frame);
  }
  ping(): number {
    return 1;
  }
  publish(): boolean {
    return false;
  }
  end(code: number): void {
    this.isOver = true;
    this.#ended(code);
  }
  close(): void {
    this.end(1006);
  }
  read(frames: number): void {
    for (const frame of this.buffered.splice(0, frames)) if (!this.isOver) this.#hear(frame);
  }
  #write(frame: string): number {
    if (this.buffered.length > HARD) {
      this.#dropped();
      return 2;
    }
    this.buffered.push(frame);
    if (this.isReading && this.buffered.length === 1) this.read(1);
    return this.buffered.length > 0 ? 0 : 1;
  }
}

/** A client of one channel. Its cursor is the last of an unbroken run, told gaps filled; undefined before it first joined. */
function createClient(id: string, edge: ReturnType<typeof createEdge>) {
  let cursor: number | undefined;
  let lastLive = 0;
  let state: "away" | "holding" | "answered" | "following" = "away";
  let held: Record<string, number>[] = [];
  let connection: ReturnType<typeof edge.connect> | undefined;
  let asked = 0;
  let answered = 0;
  const take = ({ seq, from = seq, to = seq }: Record<string, number>): void => {
    if (cursor === undefined || to === undefined || from === undefined || to <= cursor) return;
    ok(from <= cursor + 1, `${id} stands at ${cursor} and hears of ${from} to ${to} next`);
    cursor = to;
  };
  const hear = (text: string): void => {
    const frame: unknown = JSON.parse(text);
    const { type, n, seq, from, to } = Object(frame);
    if (type === "answer") {
      equal(n, (answered += 1), `${id} misses an answer`);
      return;
    }
    if (type === "joined") {
      // The log was read when it was answered: the client goes on from there.
      state = "following";
      cursor = Math.max(cursor ?? 0, Number(seq));
      held.forEach(take);
      held = [];
      return;
    }
    if (type === "message") {
      ok(Number(seq) > lastLive, `${id} goes back`);
      lastLive = Number(seq);
    }
    const stand = type === "gap" ? { from: Object(from).seq, to: Object(to).seq } : { seq: Number(seq) };
    if (state === "following") take(stand);
    else held.push(stand);
  };
  const gone = (): void => {
    connection = undefined;
    state = "away";
    [asked, answered, lastLive] = [0, 0, 0];
    held = [];
  };
  return {
    cursor: () => cursor,
    isFollowing: () => state === "following",
    isEven: () => asked === answered,
    /** The first half of a join: subscribed where it may be, and nothing read yet. */
    subscribe() {
      if (state !== "away") return;
      connection ??= edge.connect(id, hear, gone);
      state = "holding";
      edge.membership.enter(connection.session, CHANNEL);
    },
    /** The second half: the log is read now, and the answer stands among everything else that it is told. */
    answer() {
      if (state !== "holding" || connection === undefined) return;
      state = "answered";
      connection.session.tell(JSON.stringify({ type: "joined", seq: edge.head() }));
    },
    leave() {
      if (connection === undefined || state !== "following") return;
      edge.membership.exit(connection.session, CHANNEL);
      state = "away";
      cursor = undefined;
      held = [];
    },
    ask() {
      if (connection === undefined) return;
      asked += 1;
      connection.session.tell(JSON.stringify({ type: "answer", n: asked }));
    },
    read(frames: number, isReading: boolean) {
      connection?.read(frames, isReading);
    },
    /** Silence of a client whose kernel takes everything. */
    heard(event: "silent" | "answered") {
      if (connection !== undefined) edge.heard(connection.session, event);
    },
    cut() {
      connection?.cut();
    },
  };
}

function createEdge(beatMs: () => number) {
  const sockets = new Set<ModelSocket>();
  const hub = createHub<Session>();
  const slow = slowReaders(hub.sessions, { softBufferBytes: SOFT, hardBufferBytes: HARD, bufferBudgetBytes: 1e9 });
  const { lanes, missed, shed } = slow;
  const membership = createMembership({
    ...{ hub, relays: { release: () => undefined }, entered: ALONE, leavers: [lanes.left] },
  });
  const writes = createTurnWrites();
  let isDrainDue = false;
  const drainTopics = (): void => {
    isDrainDue = false;
    for (const socket of sockets) socket.drainTopics();
  };
  const outlet = createOutlet({
    toTopic(topic, frame) {
      for (const socket of sockets) {
        if (!socket.topics.has(topic)) continue;
        if (socket.pending.length === MOST_PENDING) socket.drainTopics();
        socket.pending.push(String(frame));
      }
      // The layer does so before the loop comes round, and perhaps sooner.
      if (!isDrainDue) setImmediate(drainTopics);
      isDrainDue = true;
    },
    ...{ writeTold: writes.letGo, pace: { beatMs }, missed, takeOut: lanes.takeOut, everybody: () => [] },
  });
  const fanOut = createFanOut({ ...{ hub, missed, shed }, publish: outlet.publish, deliveries: { n: 0 } });
  const relay = createRelayPosition(ORIGIN, { heldEnvelopes: 10, heldBytes: 1000 });
  const shared = {
    ...{ rules: RULES, writes },
    backedUp: ({ session }: Data) => session !== undefined && lanes.look(session),
  };
  let written = 0;
  let heard = 0;
  let drops = 0;
  return {
    ...{ membership, outlet, drainTopics, slow },
    drops: () => drops,
    head: () => written,
    write: () => void (written += 1),
    hear() {
      if (heard === written) return;
      heard += 1;
      const frame = new TextEncoder().encode(JSON.stringify({ type: "message", seq: heard }));
      const envelope = { kind: "sequenced", position: at(heard), prev: at(heard - 1), exclude: "", frame } as const;
      for (const action of relay.feed(envelope)) {
        equal(action.kind, "deliver");
        if (action.kind === "deliver") fanOut.publish(CHANNEL, new TextDecoder().decode(frame), action.position);
      }
    },
    heard: lanes.heard,
    connect(id: string, deliver: (frame: string) => void, gone: () => void) {
      const dropped = (): void => {
        drops += 1;
        lanes.dropped(session);
        outlet.dropped(session);
      };
      const over = (): void => {
        sockets.delete(socket);
        wire.closed();
        session.closed();
        membership.exitAll(session);
        lanes.ended(session);
        gone();
      };
      const socket = new ModelSocket(deliver, dropped, over);
      const wire = new SocketWire<Data>(socket, shared);
      const session = new Session(id, wire, SESSION_RULES, 0);
      socket.data.session = session;
      session.identify(ALICE);
      hub.register(session);
      sockets.add(socket);
      return {
        session,
        read(frames: number, isReading: boolean) {
          socket.isReading = isReading;
          const before = socket.buffered.length;
          socket.read(isReading ? before : frames);
          if (before === 0 || socket.isOver) return;
          wire.drained();
          if (wire.lane !== undefined) lanes.look(session);
        },
        cut: () => wire.cut(),
      };
    },
  };
}

const STEPS = [
  ...["write", "write", "hear", "hear", "burst", "burst", "subscribe", "answer", "leave", "ask"],
  ...["stop", "stop", "read", "read", "go", "cut", "silent", "pong", "drain", "race", "race", "round", "wait", "look"],
] as const;

it("a join, a leave, a stop, a read or a cut at any moment of a beat loses nothing untold and takes nobody back", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate"] });
  onTestFinished(() => void vi.useRealTimers());
  const steps = array(record({ step: constantFrom(...STEPS), n: nat(59) }), { maxLength: 120, size: "max" });
  const seen = { drops: 0, gaps: 0, closes: 0, behind: 0 };
  const run = property(steps, (schedule) => {
    let beatMs = 0;
    const edge = createEdge(() => beatMs);
    const clients = Array.from({ length: CLIENTS }, (_, n) => createClient(`c${n}`, edge));
    type Client = (typeof clients)[number] | undefined;
    const act: Readonly<Record<string, (n: number, client: Client) => void>> = {
      write: edge.write,
      hear: () => edge.hear(),
      burst(n) {
        for (let k = 0; k < n; k += 1) {
          edge.write();
          edge.hear();
        }
      },
      subscribe: (_n, client) => client?.subscribe(),
      answer: (_n, client) => client?.answer(),
      leave: (_n, client) => client?.leave(),
      ask: (_n, client) => client?.ask(),
      stop: (_n, client) => client?.read(0, false),
      read: (n, client) => client?.read(n % 7, false),
      go: (_n, client) => client?.read(0, true),
      cut: (_n, client) => client?.cut(),
      silent: (_n, client) => client?.heard("silent"),
      pong: (_n, client) => client?.heard("answered"),
      drain: () => edge.drainTopics(),
      /** Something is read between what the layer drops and the end of the turn, and more is published. */
      race(n, client) {
        edge.drainTopics();
        client?.read(n % 20, false);
        edge.write();
        edge.hear();
        edge.drainTopics();
      },
      round: () => void vi.advanceTimersByTime(0),
      wait(n) {
        beatMs = n % 3 === 0 ? 0 : BEAT_MS;
        vi.advanceTimersByTime(n % BEAT_MS);
      },
      look: () => edge.slow.lanes.tick(0),
    };
    for (const { step, n } of schedule) act[step]?.(n, clients[n % CLIENTS]);
    seen.behind += edge.slow.lanes.sizes().byLane.behind;
    vi.advanceTimersByTime(0);
    for (const client of clients) client.answer();
    for (let n = edge.head(); n > 0; n -= 1) edge.hear();
    for (let n = 0; n < 10; n += 1) {
      vi.advanceTimersByTime(BEAT_MS);
      for (const client of clients) {
        client.read(0, true);
        client.heard("answered");
      }
    }
    for (const client of clients) {
      if (client.isFollowing()) equal(client.cursor(), edge.head(), "somebody misses the end");
      ok(client.isEven(), "an answer is missing");
    }
    deepEqual(edge.slow.lanes.sizes().byLane, { quiet: 0, behind: 0, catching_up: 0 });
    equal(edge.slow.missed.countIn(CHANNEL), 0);
    equal(edge.slow.shed.countIn(CHANNEL), 0);
    const { entered, gapsTold, closed } = edge.slow.metrics.lanes;
    ok(entered.behind.n >= gapsTold.n);
    seen.drops += edge.drops();
    seen.gaps += gapsTold.n;
    seen.closes += closed.too_often.n;
  });
  assert(run, { numRuns: 100 * inject("fuzzTimes") });
  expect(seen.drops, "batches that were cut").toBeGreaterThan(30);
  expect(seen.gaps, "gaps told").toBeGreaterThan(30);
  expect(seen.behind, "ends with somebody behind").toBeGreaterThan(3);
});
