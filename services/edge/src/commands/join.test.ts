// Contract of a join's beginning: nothing is believed of a channel before its partition is watched.
import { createPartitions } from "@rookery/broker";
import { ChatError, DEFAULT_LIMITS } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import { createMetrics } from "@rookery/runtime";
import { describe, expect, it } from "vitest";
import type { EdgeContext } from "../context.ts";
import { createHub } from "../hub.ts";
import { createMembership } from "../membership.ts";
import { createEdgeMetrics } from "../metrics.ts";
import { ALICE, ALONE, NO_OVERLOAD, NO_SHARED_RATES, NO_SIGNALS, OPEN_CONTROL, sessionOn } from "../session.fixture.ts";
import type { Session } from "../session.ts";
import { join } from "./join.ts";

type JoinFrame = ClientFrameOf<"join">;

const partitions = createPartitions(4);
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const refused = new ChatError("forbidden", "no");
const notAsked = (): never => {
  throw new Error("nobody asks for this here");
};

/** Counts holds: a channel's partition is first looked at by `first`, the user's by `known`. */
function countedWatch(order: string[], first: Promise<void> | undefined, known: Promise<void> | undefined) {
  const held = new Map<number, number>();
  const add = (partition: number, holds: number): void => void held.set(partition, (held.get(partition) ?? 0) + holds);
  const watch: EdgeContext["watch"] = {
    hold(partition) {
      order.push(`hold ${partition}`);
      add(partition, 1);
      return first;
    },
    ready: () => known,
    release: (partition) => add(partition, -1),
  };
  return { watch, holds: (): number => [...held.values()].reduce((sum, each) => sum + each, 0) };
}

/** An edge on which every right is refused: what is of interest here comes before. */
function rig(first: Promise<void> | undefined, known?: Promise<void>) {
  const order: string[] = [];
  const { watch, holds } = countedWatch(order, first, known);
  const hub = createHub<Session>();
  const relays = {
    ...{
      hold: notAsked,
      release: notAsked,
      feed: notAsked,
      ...{ sawHead: notAsked, corrected: notAsked },
      compare: notAsked,
      channelsOf: notAsked,
      positionOf: notAsked,
    },
    ...{ holdAll: (channels: readonly string[]) => channels.map(() => Promise.resolve()), close: notAsked },
  };
  const edge: EdgeContext = {
    ...{ node: () => "edge.test", limits: DEFAULT_LIMITS, heartbeatMs: 25_000, connectionsPerUser: 10 },
    log: { info: notAsked, warn: notAsked, error: notAsked },
    notes: { refused: notAsked },
    metrics: createEdgeMetrics(createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" })),
    ...{ hub, unidentified: new Set<Session>(), relays, partitions, watch, sharedRates: NO_SHARED_RATES },
    membership: createMembership({ hub, relays, entered: ALONE, leavers: [] }),
    history: {
      ...{ head: notAsked, heads: notAsked, forward: notAsked, backward: notAsked },
      ...{ repliesAfter: notAsked, repliesBefore: notAsked, together: () => [], mine: notAsked },
    },
    publisher: { publish: notAsked },
    changes: { edit: notAsked, delete: notAsked, react: notAsked },
    rights: {
      cached({ channel }) {
        order.push(`asked ${channel}`);
        return Promise.reject(refused);
      },
      async cachedAll(_seeker, channels) {
        order.push(`asked ${channels.join(" ")}`);
        return channels.map(() => refused);
      },
      ...{ fresh: notAsked, apply: notAsked, remembered: notAsked, doubt: notAsked, rules: notAsked },
    },
    verifier: { verify: notAsked, trouble: notAsked },
    ...{ admission: { admit: notAsked }, addressOf: notAsked },
    persisted: { track: notAsked, saved: notAsked, forget: notAsked, waiting: notAsked, waitsIn: notAsked },
    ...{ people: { page: notAsked, crowd: notAsked, isPresent: notAsked }, roles: notAsked, signals: NO_SIGNALS },
    unread: { standing: notAsked, read: notAsked },
    control: OPEN_CONTROL,
    overload: NO_OVERLOAD,
  };
  const said: Record<string, unknown>[] = [];
  const session = sessionOn({ send: (text) => void said.push(JSON.parse(text)) });
  session.identify(ALICE);
  return { ask: (frame: JoinFrame) => join(edge, session, frame), order, holds, said, session };
}

const away = (): Promise<never> => Promise.reject(new ChatError("unavailable", "away"));

describe.each<[string, JoinFrame]>([
  ["one channel", { type: "join", ref: "r", channel: "lobby" }],
  ["several", { type: "join", ref: "r", joins: [{ channel: "lobby" }, { channel: "attic" }] }],
])("a join of %s", (_, frame) => {
  it("asks for the right once the partition is watched, and holds it no longer than that", async () => {
    let watched = (): void => undefined;
    const { ask, order, holds } = rig(new Promise((resolve) => (watched = resolve)));
    const asked = ask(frame).catch(() => undefined);
    await soon();
    expect(order.filter((step) => step.startsWith("asked"))).toEqual([]);
    expect(holds()).toBeGreaterThan(0);
    watched();
    await asked;
    expect(order.at(-1)).toMatch(/^asked lobby/);
    expect(holds()).toBe(0);
  });

  it.each([
    ["the channel's", () => rig(away())],
    ["the user's", () => rig(undefined, away())],
  ])("is refused when %s partition cannot be looked at, and asks for nothing", async (_whose, make) => {
    const { ask, order, holds, said, session } = make();
    const outcome = await ask(frame).catch((error: unknown) => error);
    const codes = outcome instanceof ChatError ? [outcome.code] : JSON.stringify(said).match(/unavailable/g);
    expect(new Set(codes)).toEqual(new Set(["unavailable"]));
    expect(order.filter((step) => step !== "asked " && step.startsWith("asked"))).toEqual([]);
    expect([holds(), session.joining]).toEqual([0, 0]);
  });
});
