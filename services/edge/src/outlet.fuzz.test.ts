// Random schedules of one channel on one edge: frames are written, heard and gathered, while clients join, resume, leave, are
// dropped and come back at any moment of a beat. Relay position, fan-out, membership and outlet are the real ones; clients do
// as the protocol tells them. Nobody may miss a frame, and what is live must never go back.
import { equal, ok } from "node:assert/strict";
import { createRelayPosition } from "@rookery/broker";
import type { Position } from "@rookery/protocol";
import { ORIGIN } from "@rookery/protocol";
import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { expect, inject, it, onTestFinished, vi } from "vitest";
import { createFanOut, sequencedTopic } from "./fan-out.ts";
import { createHub } from "./hub.ts";
import { createMembership } from "./membership.ts";
import { createOutlet } from "./outlet.ts";
import { ALICE, sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";

const EPOCH = 7;
const CHANNEL = "a";
const CLIENTS = 3;
const BEAT_MS = 20;
const at = (seq: number): Position => (seq === 0 ? ORIGIN : { epoch: EPOCH, seq });

type Deliver = (seq: number) => void;

/** A client of one channel. Its cursor is the last of an unbroken run; undefined before it first joined. */
function createClient(id: string, edge: ReturnType<typeof createEdge>) {
  let cursor: number | undefined;
  let lastLive = 0;
  let state: "away" | "holding" | "following" = "away";
  let held: number[] = [];
  let session: Session | undefined;
  let hasLost = false;
  const take = (seq: number): void => {
    if (cursor === undefined || seq <= cursor) return;
    equal(seq, cursor + 1, `${id} has a hole`);
    cursor = seq;
  };
  const hear: Deliver = (seq) => {
    ok(!hasLost, `${id} gets a frame behind one that was dropped`);
    ok(seq > lastLive, `${id} goes back`);
    lastLive = seq;
    if (state === "following") take(seq);
    else held.push(seq);
  };
  const connect = (): Session => {
    lastLive = 0;
    hasLost = false;
    return edge.connect(id, hear, () => {
      session = undefined;
      state = "away";
    });
  };
  return {
    cursor: () => cursor,
    isFollowing: () => state === "following",
    /** The first half of a join: subscribed, and nothing read yet. */
    subscribe() {
      if (state !== "away") return;
      session ??= connect();
      state = "holding";
      held = [];
      edge.membership.enter(session, CHANNEL);
    },
    /** The second half: the log is read now, and the answer reaches the client before anything else does. */
    answer() {
      if (state !== "holding") return;
      state = "following";
      cursor = edge.head();
      held.forEach(take);
    },
    leave() {
      if (session !== undefined) edge.membership.exit(session, CHANNEL);
      state = "away";
    },
    drop() {
      if (session === undefined || state === "away") return;
      hasLost = true;
      edge.outlet.dropped(session);
    },
  };
}

function createEdge(beatMs: () => number) {
  const topic = new Set<Deliver>();
  const hub = createHub<Session>();
  const membership = createMembership({ hub, relays: { release: () => undefined }, leavers: [] });
  const outlet = createOutlet(
    (_topic, frame) => [...topic].forEach((deliver) => deliver(Number(frame))),
    { beatMs },
    () => [],
  );
  const fanOut = createFanOut({ hub, publish: outlet.publish, deliveries: { n: 0 } });
  const relay = createRelayPosition(ORIGIN, { heldEnvelopes: 10, heldBytes: 1000 });
  let written = 0;
  let heard = 0;
  return {
    membership,
    outlet,
    head: () => written,
    write: () => void (written += 1),
    hear() {
      if (heard === written) return;
      heard += 1;
      const frame = new TextEncoder().encode(`${heard}`);
      const envelope = { kind: "sequenced", position: at(heard), prev: at(heard - 1), exclude: "", frame } as const;
      for (const action of relay.feed(envelope)) {
        equal(action.kind, "deliver");
        if (action.kind === "deliver") fanOut.publish(CHANNEL, new TextDecoder().decode(frame));
      }
    },
    connect(id: string, deliver: Deliver, gone: () => void): Session {
      const isSequenced = (name: string): boolean => name === sequencedTopic(CHANNEL);
      const session = sessionOn(
        {
          subscribe: (name) => void (isSequenced(name) && topic.add(deliver)),
          unsubscribe: (name) => void (isSequenced(name) && topic.delete(deliver)),
          end() {
            membership.exitAll(session);
            gone();
          },
        },
        id,
      );
      session.identify(ALICE);
      hub.register(session);
      return session;
    },
  };
}

const STEPS = [
  "write",
  "write",
  "hear",
  "hear",
  "burst",
  "subscribe",
  "answer",
  "leave",
  "drop",
  "round",
  "wait",
] as const;

it("a join, a resume, a leave and a drop at any moment of a beat lose nothing and take nobody back", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate"] });
  onTestFinished(() => void vi.useRealTimers());
  const steps = array(record({ step: constantFrom(...STEPS), n: nat(59) }), { maxLength: 80, size: "max" });
  let waited = 0;
  const run = property(steps, (schedule) => {
    let beatMs = 0;
    const edge = createEdge(() => beatMs);
    const clients = Array.from({ length: CLIENTS }, (_, n) => createClient(`c${n}`, edge));
    const act: Record<(typeof STEPS)[number], (n: number, client: (typeof clients)[number] | undefined) => void> = {
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
      drop: (_n, client) => client?.drop(),
      round: () => void vi.advanceTimersByTime(0),
      wait(n) {
        beatMs = n % 3 === 0 ? 0 : BEAT_MS;
        vi.advanceTimersByTime(n % BEAT_MS);
      },
    };
    for (const { step, n } of schedule) {
      act[step](n, clients[n % CLIENTS]);
      for (const client of clients) if (client.isFollowing() && (client.cursor() ?? 0) < edge.head()) waited += 1;
    }
    vi.advanceTimersByTime(0);
    for (const client of clients) client.answer();
    for (let n = edge.head(); n > 0; n -= 1) edge.hear();
    vi.advanceTimersByTime(10 * BEAT_MS);
    for (const client of clients)
      if (client.isFollowing()) equal(client.cursor(), edge.head(), "somebody misses the end");
  });
  assert(run, { numRuns: 200 * inject("fuzzTimes") });
  expect(waited, "beats during which somebody waits").toBeGreaterThan(100);
});
