// Contract of dispatch: what needs no wait is done in the turn in which its frame came, what follows a token waits for it,
// and the order of a channel stands whatever waits.
import { createHook } from "node:async_hooks";
import { createPartitions } from "@rookery/broker";
import type { Publication, Published } from "@rookery/broker";
import { DEFAULT_LIMITS } from "@rookery/protocol";
import type { ClientFrame } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import { createMetrics } from "@rookery/runtime";
import { describe, expect, it, vi } from "vitest";
import type { EdgeContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { createHub } from "./hub.ts";
import { createMembership } from "./membership.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { ALICE, sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";

const GRANT: Grant = { role: "member", can: ["write"], version: 0 };
const ANSWER = {
  kind: "published",
  position: { epoch: 1, seq: 1 },
  at: 5,
  duplicate: false,
  entry: { epoch: 1, number: 1 },
} as const;
const send = (clientId: string): ClientFrame => ({
  type: "send",
  channel: "lobby",
  clientId,
  body: "x",
  ref: clientId,
});
const notAsked = (): never => {
  throw new Error("nobody asks for this here");
};

/** Nothing here takes longer than a few turns of the loop. */
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 1 });

/** A session in the lobby, on an edge whose rights are known and whose stores answer when they are told to. */
function rig(cached: () => Grant | Promise<Grant> = () => GRANT) {
  const hub = createHub<Session>();
  const relays = {
    ...{ hold: notAsked, holdAll: notAsked, release: () => undefined, feed: notAsked, sawHead: notAsked },
    ...{ positionOf: notAsked, compare: notAsked, channelsOf: notAsked, close: notAsked },
  };
  const published: { clientId: string; answer: () => void }[] = [];
  const tokens: (() => void)[] = [];
  const edge: EdgeContext = {
    ...{ node: () => "edge.test", limits: DEFAULT_LIMITS, heartbeatMs: 25_000, connectionsPerUser: 10 },
    log: { info: notAsked, warn: notAsked, error: notAsked },
    metrics: createEdgeMetrics(createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" })),
    ...{ partitions: createPartitions(4), watch: { hold: notAsked, ready: notAsked, release: notAsked } },
    ...{ hub, unidentified: new Set<Session>(), relays, membership: createMembership({ hub, relays, leavers: [] }) },
    history: {
      ...{ head: notAsked, heads: notAsked, forward: notAsked, backward: notAsked },
      ...{ repliesAfter: notAsked, repliesBefore: notAsked, together: notAsked },
    },
    publisher: {
      publish: ({ id, clientId }: Publication) =>
        new Promise<Published>((resolve) => {
          published.push({ clientId, answer: () => resolve({ id, ...ANSWER }) });
        }),
    },
    rights: { cached, fresh: notAsked, cachedAll: notAsked, doubt: notAsked },
    verifier: {
      verify: () =>
        new Promise((resolve) => {
          tokens.push(() => resolve({ kind: "identity", ...ALICE, issuedAtMs: 0, claims: {} }));
        }),
      trouble: notAsked,
    },
    persisted: { track: notAsked, saved: notAsked, forget: notAsked, waiting: notAsked, waitsIn: notAsked },
  };
  const said: Record<string, unknown>[] = [];
  const session = sessionOn({ send: (text) => void said.push(JSON.parse(text)) });
  session.identify(ALICE);
  hub.register(session);
  edge.membership.enter(session, "lobby");
  const take = (frame: ClientFrame) => ({ looked: dispatch(edge, session, frame, 0) });
  return { take, said, published, tokens, session };
}

describe("a command that needs no wait", () => {
  it("is answered in the turn in which its frame came, without a promise: ping", () => {
    const { take, said } = rig();
    let promises = 0;
    const hook = createHook({ init: (_id, kind) => void (promises += kind === "PROMISE" ? 1 : 0) }).enable();
    take({ type: "ping", ref: "p" });
    hook.disable();
    expect(said).toMatchObject([{ type: "pong", ref: "p" }]);
    expect(promises).toBe(0);
  });

  it("is answered in that turn where nothing is under way in its channel: leave", () => {
    const { take, said, session } = rig();
    take({ type: "leave", channel: "lobby", ref: "l" });
    take({ type: "leave", channel: "lobby", ref: "again" });
    expect(said).toMatchObject([
      { type: "ok", ref: "l" },
      { code: "not_joined", ref: "again" },
    ]);
    expect(session.channels.size).toBe(0);
  });

  it("is refused in that turn", () => {
    const { take, said } = rig();
    take({ type: "leave", channel: "attic", ref: "l" });
    take({ type: "typing", channel: "lobby", on: true, ref: "t" });
    expect(said).toMatchObject([
      { code: "not_joined", ref: "l" },
      { code: "unknown_type", ref: "t" },
    ]);
  });
});

describe("a send", () => {
  it("whose grant is known and whose channel has nothing under way is handed to the publisher in that turn", () => {
    const { take, published } = rig();
    take(send("a"));
    expect(published.map(({ clientId }) => clientId)).toEqual(["a"]);
  });

  it("whose grant has to be read waits for it, and holds back what follows in its channel", async () => {
    let grant = (_grant: Grant): void => undefined;
    const { take, published, said } = rig(() => new Promise((resolve) => (grant = resolve)));
    take(send("a"));
    take({ type: "leave", channel: "lobby", ref: "l" });
    expect([published, said]).toEqual([[], []]);
    grant(GRANT);
    await soon(() => expect(published).toHaveLength(1));
    expect(said).toEqual([]);
    published[0]?.answer();
    await soon(() => expect(said).toMatchObject([{ ref: "a" }, { ref: "l" }]));
  });

  it("behind one whose grant is being read is handed over behind it, before either is answered", async () => {
    const grants: ((grant: Grant) => void)[] = [];
    const { take, published } = rig(() => new Promise((resolve) => grants.push(resolve)));
    take(send("a"));
    take(send("b"));
    expect(grants).toHaveLength(1);
    grants[0]?.(GRANT);
    await soon(() => expect(grants).toHaveLength(2));
    grants[1]?.(GRANT);
    await soon(() => expect(published.map(({ clientId }) => clientId)).toEqual(["a", "b"]));
  });

  it("behind another of its channel is handed over at once, and answered when the publisher answers", async () => {
    const { take, published, said } = rig();
    take(send("a"));
    take(send("b"));
    expect(published.map(({ clientId }) => clientId)).toEqual(["a", "b"]);
    published[1]?.answer();
    await soon(() => expect(said).toMatchObject([{ type: "ok", ref: "b" }]));
    published[0]?.answer();
    await soon(() => expect(said).toMatchObject([{ ref: "b" }, { ref: "a" }]));
  });

  it("is not overtaken by another command of its channel, nor overtakes one", async () => {
    const { take, published, said } = rig();
    take(send("a"));
    take(send("b"));
    take({ type: "leave", channel: "lobby", ref: "l" });
    take(send("c"));
    published[1]?.answer();
    await soon(() => expect(said).toHaveLength(1));
    published[0]?.answer();
    await soon(() => expect(said).toMatchObject([{ ref: "b" }, { ref: "a" }, { ref: "l" }, { code: "not_joined" }]));
    expect(published).toHaveLength(2);
  });
});

it("an auth names what later frames of its session have to wait for", async () => {
  const { take, tokens, said } = rig();
  const { looked } = take({ type: "auth", token: "t", ref: "a" });
  expect(looked).toBeInstanceOf(Promise);
  expect(said).toEqual([]);
  tokens[0]?.();
  await looked;
  expect(said).toMatchObject([{ type: "ok", ref: "a" }]);
});
