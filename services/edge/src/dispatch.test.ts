// Contract of dispatch: what needs no wait is done in the turn in which its frame came, what follows a token waits for it,
// and the order of a channel stands whatever waits.
import { createHook } from "node:async_hooks";
import { createPartitions } from "@rookery/broker";
import type { Changed, DeleteDraft, EditDraft, Publication, Published, ReactDraft } from "@rookery/broker";
import { ChatError, DEFAULT_LIMITS } from "@rookery/protocol";
import type { ClientFrame } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import { createMetrics } from "@rookery/runtime";
import { describe, expect, it, vi } from "vitest";
import type { EdgeContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { createHub } from "./hub.ts";
import { createMembership } from "./membership.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { ALICE, ALONE, NO_OVERLOAD, NO_SHARED_RATES, NO_SIGNALS, OPEN_CONTROL, sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";

const GRANT: Grant = { role: "member", can: ["write", "react"], version: 0, slowModeMs: 0, mutedUntilMs: undefined };
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
function rig(
  cached: () => Grant | Promise<Grant> = () => GRANT,
  sharedRates: EdgeContext["sharedRates"] = NO_SHARED_RATES,
  overload: EdgeContext["overload"] = NO_OVERLOAD,
) {
  const hub = createHub<Session>();
  const relays = {
    ...{ hold: notAsked, holdAll: notAsked, release: () => undefined, feed: notAsked, sawHead: notAsked },
    corrected: notAsked,
    ...{ positionOf: notAsked, compare: notAsked, channelsOf: notAsked, close: notAsked },
  };
  const published: { clientId: string; answer: () => void }[] = [];
  const tokens: (() => void)[] = [];
  const changed: { draft: EditDraft | DeleteDraft | ReactDraft; answer: (outcome: Changed | ChatError) => void }[] = [];
  const change = (draft: EditDraft | DeleteDraft | ReactDraft): Promise<Changed> =>
    new Promise((resolve, reject) => {
      const answer = (outcome: Changed | ChatError): void =>
        outcome instanceof ChatError ? reject(outcome) : resolve(outcome);
      changed.push({ draft, answer });
    });
  const edge: EdgeContext = {
    ...{ node: () => "edge.test", limits: DEFAULT_LIMITS, heartbeatMs: 25_000, connectionsPerUser: 10 },
    log: { info: notAsked, warn: notAsked, error: notAsked },
    notes: { refused: notAsked },
    metrics: createEdgeMetrics(createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" })),
    ...{
      sharedRates,
      partitions: createPartitions(4),
      watch: { hold: notAsked, ready: notAsked, release: notAsked },
    },
    ...{
      hub,
      unidentified: new Set<Session>(),
      relays,
      membership: createMembership({ hub, relays, entered: ALONE, leavers: [] }),
    },
    history: {
      ...{ head: notAsked, heads: notAsked, forward: notAsked, backward: notAsked },
      ...{ repliesAfter: notAsked, repliesBefore: notAsked, together: notAsked, mine: notAsked },
    },
    publisher: {
      publish: ({ id, clientId }: Publication) =>
        new Promise<Published>((resolve) => {
          published.push({ clientId, answer: () => resolve({ id, ...ANSWER }) });
        }),
    },
    changes: { edit: change, delete: change, react: change },
    rights: {
      ...{ cached, fresh: notAsked, cachedAll: notAsked, apply: notAsked, remembered: notAsked },
      ...{ doubt: notAsked, rules: notAsked },
    },
    verifier: {
      verify: () =>
        new Promise((resolve) => {
          tokens.push(() => resolve({ kind: "identity", ...ALICE, issuedAtMs: 0, claims: {} }));
        }),
      trouble: notAsked,
    },
    ...{ admission: { admit: notAsked }, addressOf: notAsked },
    persisted: { track: notAsked, saved: notAsked, forget: notAsked, waiting: notAsked, waitsIn: notAsked },
    ...{ people: { page: notAsked, crowd: notAsked, isPresent: notAsked }, roles: notAsked, signals: NO_SIGNALS },
    unread: { standing: notAsked, read: notAsked },
    control: OPEN_CONTROL,
    overload,
  };
  const said: Record<string, unknown>[] = [];
  const session = sessionOn({ send: (text) => void said.push(JSON.parse(text)) });
  session.identify(ALICE);
  hub.register(session);
  edge.membership.enter(session, "lobby");
  const take = (frame: ClientFrame) => ({ looked: dispatch(edge, session, frame, 0) });
  return { take, said, published, tokens, changed, session };
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
    take({ type: "typing", channel: "attic", on: true, ref: "t" });
    expect(said).toMatchObject([
      { code: "not_joined", ref: "l" },
      { code: "not_joined", ref: "t" },
    ]);
  });
});

describe("a frame that is announced", () => {
  const alwaysOver: EdgeContext["sharedRates"] = { take: () => ({ scope: "user", waitMs: 7 }), size: () => 0 };

  it("is refused until its turn where too many were, and nothing of it is done", () => {
    const { take, said, published, changed } = rig(() => GRANT, alwaysOver);
    take(send("s"));
    take({ type: "delete", channel: "lobby", id: "m", ref: "d" });
    take({ type: "react", channel: "lobby", id: "m", emoji: "+", on: true, ref: "r" });
    const error = { type: "error", code: "rate_limited", retry: "later", retryAfterMs: 7, channel: "lobby" };
    expect(said).toEqual(
      ["s", "d", "r"].map((ref) => ({ ...error, ref, message: expect.stringContaining("of one user") })),
    );
    expect([published, changed]).toEqual([[], []]);
  });

  it("counts only in a channel that its session is in, and others never do", () => {
    const { take, said } = rig(() => GRANT, { ...alwaysOver, take: notAsked });
    take({ type: "react", channel: "attic", id: "m", emoji: "+", on: true });
    take({ type: "typing", channel: "attic", on: true, ref: "t" });
    take({ type: "leave", channel: "lobby", ref: "l" });
    expect(said.map(({ code, type }) => code ?? type)).toEqual(["not_joined", "not_joined", "ok"]);
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

describe("a change", () => {
  const id = "V1StGXR8_Z5jdHi6B-myT";
  const told = { ...{ channel: "lobby", id, user: "alice", rightsVersion: 0 }, freshRights: expect.any(Function) };
  const stands: Changed = { position: { epoch: 7, seq: 3 }, isNew: true };

  it.each<[ClientFrame & { type: "edit" | "delete" | "react" }, object]>([
    [{ type: "edit", channel: "lobby", id, body: "y", ref: "c" }, { body: "y" }],
    [{ type: "delete", channel: "lobby", id, ref: "c" }, { moderates: false }],
    [
      { type: "react", channel: "lobby", id, emoji: "👍", on: true, ref: "c" },
      { emoji: "👍", on: true },
    ],
  ])("is handed over with its user and what fences it, and answered where it stands: %o", async (frame, more) => {
    const { take, changed, said } = rig();
    take(frame);
    expect(changed.map(({ draft }) => draft)).toEqual([{ ...told, ...more }]);
    expect(said).toEqual([]);
    changed[0]?.answer(stands);
    await soon(() => expect(said).toEqual([{ type: "ok", ref: "c", channel: "lobby", id, epoch: 7, seq: 3 }]));
  });

  it("that is refused is answered so, and one without a ref only then", async () => {
    const { take, changed, said } = rig();
    take({ type: "delete", channel: "lobby", id });
    changed[0]?.answer(stands);
    await soon(() => take({ type: "delete", channel: "lobby", id }));
    await soon(() => expect(changed).toHaveLength(2));
    changed[1]?.answer(new ChatError("not_found", "no such message"));
    await soon(() => expect(said).toMatchObject([{ type: "error", code: "not_found" }]));
  });

  it("of a moderator may delete what others wrote", () => {
    const { take, changed } = rig(() => ({ ...GRANT, role: "moderator", can: [...GRANT.can, "moderate"] }));
    take({ type: "delete", channel: "lobby", id });
    expect(changed[0]?.draft).toMatchObject({ moderates: true });
  });

  it("waits for the sends before it, and is waited for by what comes after it", async () => {
    const { take, published, changed, said } = rig();
    take(send("a"));
    take({ type: "edit", channel: "lobby", id, body: "y", ref: "e" });
    take(send("b"));
    expect([published.length, changed.length]).toEqual([1, 0]);
    published[0]?.answer();
    await soon(() => expect(changed).toHaveLength(1));
    expect(published).toHaveLength(1);
    changed[0]?.answer(stands);
    await soon(() => expect(published).toHaveLength(2));
    expect(said).toMatchObject([{ ref: "a" }, { ref: "e" }]);
  });

  it("asks for a joined channel", () => {
    const { take, changed, said } = rig();
    take({ type: "edit", channel: "attic", id, body: "y" });
    take({ type: "delete", channel: "attic", id });
    take({ type: "react", channel: "attic", id, emoji: "👍", on: false });
    expect(said).toMatchObject(Array.from({ length: 3 }, () => ({ code: "not_joined", channel: "attic" })));
    expect(changed).toEqual([]);
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

describe("with too much to do", () => {
  const shedding = (...classes: string[]): EdgeContext["overload"] => ({
    shedMs: (what) => (classes.includes(what) ? 1234 : 0),
  });
  const shed: readonly (ClientFrame & { ref: string })[] = [
    { type: "typing", ref: "typing", channel: "lobby", on: true },
    { type: "history", ref: "history", channel: "lobby" },
    { type: "members", ref: "members", channel: "lobby" },
  ];

  it("signals and reads of the past are refused by class before anything is done, with a time to come back", () => {
    const { take, said } = rig(undefined, undefined, shedding("typing", "history"));
    for (const frame of shed) take(frame);
    expect(said).toEqual(
      shed.map(({ ref }) => ({
        ...{ type: "error", ref, code: "overloaded", message: expect.any(String), retry: "later" },
        ...{ retryAfterMs: 1234, channel: "lobby" },
      })),
    );
  });

  it("a send, a change and whatever else was begun are served as ever", async () => {
    const { take, said, published, changed } = rig(
      undefined,
      undefined,
      shedding("connection", "typing", "presence", "history"),
    );
    take(send("one"));
    take({ type: "delete", ref: "gone", channel: "lobby", id: "m".repeat(21) });
    take({ type: "ping", ref: "there" });
    await soon(() => expect(published).toHaveLength(1));
    published[0]?.answer();
    await soon(() => expect(changed).toHaveLength(1));
    expect(said.filter(({ type }) => type === "error")).toEqual([]);
    await soon(() => expect(said.map(({ ref }) => ref)).toEqual(["there", "one"]));
  });
});
