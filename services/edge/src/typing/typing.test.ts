// Contract of typing: announced once and now and then while it goes on, ended for everybody's own members by time, told of a few
// in a large channel, and bounded whatever is said.
import { encodeTyping, TYPING_TTL_MS } from "@rookery/protocol";
import type { Mode } from "@rookery/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createOwnTypists } from "./own-typists.ts";
import { createTypists } from "./typists.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** What comes due is handed over within a step. */
const STEP_MS = 101;

interface Told {
  readonly on: boolean;
  readonly user: string;
  readonly ttlMs: number;
  readonly exclude: string;
  readonly atMs: number;
}

function read(frame: string | Uint8Array, exclude: string): Told {
  return { ...JSON.parse(Buffer.from(frame).toString()), exclude, atMs: performance.now() };
}

const session = (user: string, id = `session of ${user}`) => ({ id, user, name: user.toUpperCase() });
const brief = (told: readonly Told[]): string[] => told.map(({ user, on }) => `${user} ${on ? "on" : "off"}`);

describe("what an edge announces of its own typists", () => {
  function rig() {
    const announced: Told[] = [];
    const state: { mode: Mode; isFull: boolean } = { mode: "full", isFull: false };
    const own = createOwnTypists({
      modeOf: () => state.mode,
      isFull: () => state.isFull,
      announce: (_channel, exclude, frame) => void announced.push(read(frame, exclude)),
    });
    return { own, announced, state };
  }

  it("is the beginning and the end, with the session that is not told", () => {
    const { own, announced } = rig();
    own.type(session("ann"), "lobby");
    own.stop(session("ann"), "lobby");
    expect(announced).toMatchObject([
      { user: "ann", name: "ANN", on: true, ttlMs: TYPING_TTL_MS, exclude: "session of ann" },
      { user: "ann", on: false, ttlMs: 0, exclude: "session of ann" },
    ]);
  });

  it("is that it goes on, every other second however often it is said, and for as long as was said last", () => {
    const { own, announced } = rig();
    const startMs = performance.now();
    for (let n = 0; n < 50; n += 1) {
      own.type(session("ann"), "lobby");
      vi.advanceTimersByTime(100);
    }
    const lastMs = performance.now() - 100;
    vi.advanceTimersByTime(20_000);
    expect(announced.every(({ on }) => on)).toBe(true);
    expect(announced.length).toBeLessThanOrEqual(4);
    const gaps = announced.slice(1).map(({ atMs }, n) => atMs - (announced[n]?.atMs ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2000);
    const last = announced.at(-1);
    expect(announced[0]?.atMs).toBe(startMs);
    expect(Math.abs((last?.atMs ?? 0) + (last?.ttlMs ?? 0) - lastMs - TYPING_TTL_MS)).toBeLessThan(2);
    expect([own.size(), vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("is nothing when it ends by itself: every edge sees to that", () => {
    const { own, announced } = rig();
    own.type(session("ann"), "lobby");
    vi.advanceTimersByTime(TYPING_TTL_MS + STEP_MS);
    own.stop(session("ann"), "lobby");
    expect([brief(announced), own.size()]).toEqual([["ann on"], 0]);
  });

  it("is nothing more when somebody stops who does not type, or another session of the user does", () => {
    const { own, announced } = rig();
    own.stop(session("ann"), "lobby");
    own.type(session("ann"), "lobby");
    own.stop(session("ann", "another"), "lobby");
    own.stop(session("ann"), "attic");
    expect(brief(announced)).toEqual(["ann on"]);
  });

  it("is two a second of somebody who begins and stops all the time, and true in the end", () => {
    const { own, announced } = rig();
    for (let n = 0; n < 100; n += 1) {
      own.type(session("ann"), "lobby");
      own.stop(session("ann"), "lobby");
      vi.advanceTimersByTime(50);
    }
    own.type(session("ann"), "lobby");
    vi.advanceTimersByTime(1000 + STEP_MS);
    expect(announced.length).toBeLessThanOrEqual(13);
    expect(brief(announced).at(-1)).toBe("ann on");
  });

  it("is nothing in a channel that is only counted, and three users a second in a digested one", () => {
    const { own, announced, state } = rig();
    state.mode = "count";
    own.type(session("ann"), "lobby");
    expect([announced, own.size()]).toEqual([[], 0]);
    state.mode = "digest";
    for (let n = 0; n < 100; n += 1) own.type(session(`user ${n}`), "lobby");
    expect(announced).toHaveLength(3);
    vi.advanceTimersByTime(1000);
    for (let n = 0; n < 100; n += 1) own.type(session(`user ${n}`), "lobby");
    expect(announced).toHaveLength(6);
  });

  it("is said once more, with what is left, to edges that ask: twice a second at most, and only of who types here", () => {
    const { own, announced } = rig();
    own.type(session("ann"), "lobby");
    own.type(session("bob"), "lobby");
    own.stop(session("bob"), "lobby");
    announced.length = 0;
    for (let n = 0; n < 10; n += 1) {
      own.asked("lobby", ["ann", "bob", "of another edge"]);
      own.asked("elsewhere", ["ann"]);
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(500);
    expect(brief(announced)).toEqual(["ann on", "ann on", "ann on"]);
    expect(announced.map(({ atMs, ttlMs }) => Math.round((atMs + ttlMs) / 100))).toEqual(
      announced.map(() => Math.round(((announced[0]?.atMs ?? 0) + (announced[0]?.ttlMs ?? 0)) / 100)),
    );
    vi.advanceTimersByTime(TYPING_TTL_MS);
    own.asked("lobby", ["ann"]);
    vi.advanceTimersByTime(1000);
    expect([announced.length, vi.getTimerCount()]).toEqual([3, 0]);
  });

  it("is nothing new where as many type as are kept", () => {
    const { own, announced, state } = rig();
    own.type(session("ann"), "lobby");
    state.isFull = true;
    own.type(session("bob"), "lobby");
    vi.advanceTimersByTime(2500);
    own.type(session("ann"), "lobby");
    expect(brief(announced)).toEqual(["ann on", "ann on"]);
  });
});

describe("what an edge tells its members", () => {
  function rig() {
    const told: Told[] = [];
    const state: { mode: Mode; isShed: boolean } = { mode: "full", isShed: false };
    const typists = createTypists({
      modeOf: () => state.mode,
      signal: (_channel, frame, exclude) => void told.push(read(frame, exclude)),
      isShed: () => state.isShed,
      told: { n: 0 },
    });
    const hear = (user: string, on: boolean, ttlMs = TYPING_TTL_MS): void => {
      const frame = encodeTyping({ channel: "lobby", user, name: user, on, ttlMs: on ? ttlMs : 0 });
      typists.announced("lobby", { frame: Buffer.from(frame), exclude: `session of ${user}` });
    };
    return { typists, told, state, hear };
  }

  it("is nothing while there is too much to do, and goes on with whoever types on", () => {
    const { told, hear, state } = rig();
    state.isShed = true;
    hear("ann", true);
    expect(told).toEqual([]);
    state.isShed = false;
    hear("ann", true);
    hear("ann", false);
    expect(told).toMatchObject([
      { user: "ann", on: true },
      { user: "ann", on: false },
    ]);
  });

  it("is what was announced, and the end of whoever is heard of no more", () => {
    const { told, hear, typists } = rig();
    hear("ann", true);
    hear("bob", true);
    vi.advanceTimersByTime(5000);
    hear("bob", true);
    hear("cyd", true);
    hear("cyd", false);
    vi.advanceTimersByTime(1000 + STEP_MS);
    expect(brief(told)).toEqual(["ann on", "bob on", "bob on", "cyd on", "cyd off", "ann off"]);
    expect(told.at(-1)).toMatchObject({ exclude: "session of ann", ttlMs: 0 });
    vi.advanceTimersByTime(TYPING_TTL_MS);
    expect([brief(told).at(-1), typists.size(), vi.getTimerCount()]).toEqual(["bob off", 0, 0]);
  });

  it("is nothing of somebody's end who was not told to type", () => {
    const { told, hear } = rig();
    hear("ann", false);
    expect(told).toEqual([]);
  });

  it("is told to whoever joins, for the time that is left, but for themselves", () => {
    const { typists, hear } = rig();
    hear("ann", true);
    hear("bob", true);
    vi.advanceTimersByTime(4000);
    const frames = typists.framesFor("lobby", "bob").map((frame) => read(frame, ""));
    expect(frames).toMatchObject([
      { type: "typing", channel: "lobby", user: "ann", name: "ann", on: true, ttlMs: 2000 },
    ]);
    vi.advanceTimersByTime(2000 + STEP_MS);
    expect(typists.framesFor("lobby", "bob")).toEqual([]);
  });

  it("is three users a second in a digested channel with their ends, and none in a counted one", () => {
    const { typists, told, hear, state } = rig();
    state.mode = "digest";
    for (let n = 0; n < 50; n += 1) hear(`user ${n}`, true);
    expect(brief(told)).toEqual(["user 0 on", "user 1 on", "user 2 on"]);
    expect(typists.framesFor("lobby", "ann")).toHaveLength(3);
    for (let n = 49; n >= 0; n -= 1) hear(`user ${n}`, false);
    expect(brief(told).slice(3)).toEqual(["user 2 off", "user 1 off", "user 0 off"]);
    vi.advanceTimersByTime(1000);
    state.mode = "count";
    hear("ann", true);
    expect([told.length, typists.size()]).toEqual([6, 0]);
  });

  it("is of a hundred at most, however many are announced, and for no longer than the protocol's time", () => {
    const { typists, told, hear } = rig();
    for (let n = 0; n < 1000; n += 1) hear(`user ${n}`, true, 1e9);
    expect([typists.size(), told.length, typists.isFull("lobby"), typists.isFull("attic")]).toEqual([
      100,
      100,
      true,
      false,
    ]);
    vi.advanceTimersByTime(TYPING_TTL_MS + 2 * STEP_MS);
    expect([typists.size(), told.length]).toEqual([0, 200]);
  });

  it("is nothing of a channel that is listened to no more, and nothing of what is no frame", () => {
    const { typists, told, hear } = rig();
    hear("ann", true);
    typists.unheard("lobby");
    typists.announced("lobby", { frame: Buffer.from('{"type":"typing","user":5}'), exclude: "" });
    typists.announced("lobby", { frame: Buffer.from("rubbish"), exclude: "" });
    vi.advanceTimersByTime(TYPING_TTL_MS + STEP_MS);
    expect([brief(told), typists.size()]).toEqual([["ann on"], 0]);
  });
});
