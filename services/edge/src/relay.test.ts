import { createPartitions } from "@rookery/broker";
import type { ChannelHead, ForwardPage, History, SequencedEnvelope } from "@rookery/broker";
import { ChatError, formatPosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { describe, expect, it, vi } from "vitest";
import { createRelays } from "./relay.ts";

const at = (seq: number): Position => ({ epoch: 7, seq });
const envelope = (seq: number): SequencedEnvelope => ({
  kind: "sequenced",
  position: at(seq),
  prev: at(seq - 1),
  exclude: "",
  frame: new TextEncoder().encode(`f${seq}`),
});
const stored = (seq: number): StoredFrame => ({ position: at(seq), frame: `f${seq}` });

/** Nothing here takes longer than a few turns of the loop. */
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 1 });

/** A channel whose log holds frames 1..head and whose stores answer when they are told to. */
function rig(head: number) {
  const state: { head: number; away: boolean; acknowledged: boolean; fault?: Error; page?: Partial<ForwardPage> } = {
    head,
    away: false,
    acknowledged: true,
  };
  const out: string[] = [];
  const subscribed = new Set<string>();
  const unacknowledged = new Set<string>();
  const faults: unknown[] = [];
  const asked: string[][] = [];
  const readHead = async (): Promise<ChannelHead> => {
    if (state.fault !== undefined) throw state.fault;
    if (state.away) throw new ChatError("unavailable", "away");
    return { position: at(state.head), saved: at(0) };
  };
  const history: Pick<History, "head" | "heads" | "forward"> = {
    head: readHead,
    heads: (channels) => {
      asked.push([...channels]);
      return channels.map(readHead);
    },
    forward: async (_channel, after, limit) => {
      if (state.fault !== undefined) throw state.fault;
      if (state.away) throw new ChatError("unavailable", "away");
      const all = Array.from({ length: state.head - after.seq }, (_, n) => stored(after.seq + 1 + n));
      const frames = all.slice(0, limit);
      return {
        frames,
        more: frames.length < all.length,
        recovered: true,
        head: { position: at(state.head), saved: at(0) },
        ...state.page,
      };
    },
  };
  const counts = {
    delivered: { n: 0 },
    unwanted: { n: 0 },
    hole_found: { n: 0 },
    hole_healed: { n: 0 },
    gap_told: { n: 0 },
  };
  const relays = createRelays({
    partitions: createPartitions(4),
    topics: {
      subscribe: (channel) => {
        subscribed.add(channel);
        return state.acknowledged && !unacknowledged.has(channel) ? Promise.resolve() : new Promise(() => undefined);
      },
      unsubscribe: async (channel) => void subscribed.delete(channel),
    },
    history,
    outlet: {
      publish: (_channel, frame) => void out.push(typeof frame === "string" ? frame : new TextDecoder().decode(frame)),
      gap: (_channel, from, to, lost) =>
        void out.push(`${lost ? "lost" : "gap"} ${formatPosition(from)} ${formatPosition(to)}`),
    },
    startTimeoutMs: 50,
    lingerMs: 10,
    counts,
    fault: (error) => void faults.push(error),
  });
  return { relays, asked, unacknowledged, state, out, subscribed, counts, faults };
}

describe("a relay", () => {
  it("delivers what follows its head and nothing twice", async () => {
    const { relays, out } = rig(3);
    await relays.hold("lobby");
    for (const seq of [3, 4, 4, 5]) relays.feed("lobby", envelope(seq));
    expect(out).toEqual(["f4", "f5"]);
  });

  it("that is live is held at once, and tells up to where it has followed the channel", async () => {
    const { relays, out } = rig(3);
    const starting = relays.hold("lobby");
    expect([starting, relays.positionOf("lobby")]).toEqual([expect.any(Promise), undefined]);
    await starting;
    expect([relays.hold("lobby"), relays.positionOf("lobby")]).toEqual([undefined, at(3)]);
    relays.feed("lobby", envelope(4));
    expect(relays.positionOf("lobby")).toEqual(at(4));
    relays.release("lobby");
    relays.feed("lobby", envelope(5));
    expect([out, relays.positionOf("attic")]).toEqual([["f4", "f5"], undefined]);
  });

  it("keeps what arrives between the acknowledgement and the head", async () => {
    const { relays, out, state } = rig(3);
    const held = relays.hold("lobby");
    relays.feed("lobby", envelope(3));
    relays.feed("lobby", envelope(4));
    await held;
    expect(out).toEqual(["f4"]);
    state.head = 4;
  });

  it("reads a hole back and goes on in order", async () => {
    const { relays, out, state, counts } = rig(3);
    await relays.hold("lobby");
    state.head = 8;
    relays.feed("lobby", envelope(8));
    await soon(() => expect(out).toEqual(["f4", "f5", "f6", "f7", "f8"]));
    expect(counts).toMatchObject({ hole_found: { n: 1 }, hole_healed: { n: 1 }, gap_told: { n: 0 } });
  });

  it("outlives an answer of a store that nobody expects, says so once, and heals when it is gone", async () => {
    const { relays, out, state, faults } = rig(3);
    await relays.hold("lobby");
    state.head = 6;
    const unexpected = new Error("permission denied for table messages");
    state.fault = unexpected;
    relays.feed("lobby", envelope(6));
    relays.compare(["lobby"]);
    await soon(() => expect(faults).toEqual([unexpected, unexpected]));
    delete state.fault;
    await soon(() => expect(out).toEqual(["f4", "f5", "f6"]));
    expect(faults).toHaveLength(2);
  });

  it("waits for a store that is away instead of telling a gap, and heals when it is back", async () => {
    const { relays, out, state, counts } = rig(3);
    await relays.hold("lobby");
    Object.assign(state, { head: 6, away: true });
    relays.feed("lobby", envelope(6));
    await soon(() => expect(counts.hole_found.n).toBe(1));
    expect(out).toEqual([]);
    state.away = false;
    await soon(() => expect(out).toEqual(["f4", "f5", "f6"]));
  });

  it("finds a lost last message by the head that somebody saw", async () => {
    const { relays, out, state, counts } = rig(3);
    await relays.hold("lobby");
    state.head = 4;
    relays.sawHead("lobby", at(4));
    await soon(() => expect(out).toEqual(["f4"]));
    relays.sawHead("lobby", at(4));
    expect(counts.hole_found.n).toBe(1);
  });

  it("tells what a failover took back and what lies before the newest page, apart", async () => {
    const { relays, out, state } = rig(5);
    await relays.hold("lobby");
    const later = (seq: number): Position => ({ epoch: 8, seq });
    const newest = [{ position: later(9), frame: "f8-9" }];
    state.page = {
      frames: newest,
      more: false,
      recovered: false,
      stepsBackTo: at(3),
      head: { position: later(9), saved: at(3) },
    };
    relays.sawHead("lobby", later(9));
    await soon(() => expect(out).toEqual(["lost 7-4 7-5", "gap 7-4 8-8", "f8-9"]));
  });

  it("refuses a join whose topic is not acknowledged in time, and keeps nothing of it", async () => {
    const { relays, state, subscribed } = rig(3);
    state.acknowledged = false;
    await expect(relays.hold("lobby")).rejects.toMatchObject({ code: "unavailable" });
    expect([...subscribed]).toEqual([]);
    state.acknowledged = true;
    await relays.hold("lobby");
    expect([...subscribed]).toEqual(["lobby"]);
  });

  it("is started with others by one question for their heads, and each starts or fails by itself", async () => {
    const { relays, asked, state, unacknowledged } = rig(3);
    unacknowledged.add("mute");
    const held = await Promise.allSettled(relays.holdAll(["lobby", "mute", "attic"]));
    expect(held.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(asked).toEqual([["lobby", "attic"]]);
    await Promise.all(relays.holdAll(["attic", "lobby"]));
    expect(asked).toHaveLength(1);
    state.away = true;
    const refused = await Promise.allSettled(relays.holdAll(["cellar", "lobby"]));
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  it("of thousands are compared with their heads some hundred at a time, and what a store refused again", async () => {
    const { relays, asked, state, out } = rig(3);
    const channels = Array.from({ length: 1_201 }, (_, n) => `c${n}`);
    await Promise.all(relays.holdAll(channels));
    asked.length = 0;
    Object.assign(state, { head: 4, away: true });
    relays.compare(channels);
    await soon(() => expect(asked.length).toBeGreaterThan(3));
    state.away = false;
    await soon(() => expect(out).toHaveLength(channels.length));
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(500);
  });

  it("gives its topic back some time after the last hold, unless somebody comes again", async () => {
    const { relays, subscribed } = rig(3);
    await relays.hold("lobby");
    await relays.hold("lobby");
    relays.release("lobby");
    relays.release("lobby");
    await relays.hold("lobby");
    expect([...subscribed]).toEqual(["lobby"]);
    relays.release("lobby");
    await soon(() => expect([...subscribed]).toEqual([]));
    const partition = createPartitions(4).of("lobby");
    expect(relays.channelsOf(partition).size).toBe(0);
  });
});
