// Contract of what members are told of a crowd: by name while it is small, then once a second, then in numbers; changes of the
// mode at once; and to nobody what they were answered themselves.
import { encodeJoined, encodeLeft } from "@rookery/protocol";
import type { Mode } from "@rookery/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createCrowds } from "./crowds.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** A digest is due after a second, and handed over a step later at the latest. */
const SECOND_MS = 1051;

function rig() {
  const told: { frame: Record<string, unknown>; exclude: string; atMs: number }[] = [];
  const members = new Set(["lobby"]);
  /** Sessions in the lobby here, by user. */
  const own = new Map<string, string[]>();
  const state = { isShed: false };
  const counts = { presence: { n: 0 }, by_name: { n: 0 } };
  const crowds = createCrowds({
    hasMembers: (channel) => members.has(channel),
    signal(_channel, frame, exclude) {
      told.push({ frame: JSON.parse(Buffer.from(frame).toString()), exclude, atMs: performance.now() });
    },
    ownSession(_channel, user, preferred) {
      const sessions = own.get(user) ?? [];
      return sessions.includes(preferred) ? preferred : sessions[0];
    },
    isShed: () => state.isShed,
    counts,
  });
  const announce = (frame: string, online: number, mode: Mode, exclude = ""): void =>
    crowds.announced("lobby", { frame: Buffer.from(frame), online, mode, exclude });
  const comes = (user: string, online: number, mode: Mode, exclude = `session of ${user}`): void =>
    announce(encodeJoined({ channel: "lobby", user, name: user, online }), online, mode, exclude);
  const goes = (user: string, online: number, mode: Mode): void =>
    announce(encodeLeft({ channel: "lobby", user, name: user, online }), online, mode);
  const frames = (): unknown[] => told.map(({ frame }) => frame);
  return { crowds, state, members, own, counts, told, frames, announce, comes, goes };
}

const person = (user: string): { user: string; name: string } => ({ user, name: user });

describe("in full mode", () => {
  it("whoever comes or goes is told at once, in the frame of the script, to all but the session that came", () => {
    const { comes, goes, told, crowds, counts } = rig();
    crowds.answered("lobby", { online: 1, mode: "full" });
    comes("bob", 2, "full");
    goes("bob", 1, "full");
    expect(told).toMatchObject([
      { frame: { type: "joined", ...person("bob"), online: 2 }, exclude: "session of bob" },
      { frame: { type: "left", ...person("bob"), online: 1 }, exclude: "" },
    ]);
    vi.advanceTimersByTime(5000);
    expect([told.length, crowds.waiting(), counts]).toEqual([2, 0, { presence: { n: 0 }, by_name: { n: 2 } }]);
  });

  it("whoever comes while there is too much to do is not told by name, and the number is once there is less", () => {
    const { comes, goes, state, told, crowds, frames } = rig();
    crowds.answered("lobby", { online: 1, mode: "full" });
    state.isShed = true;
    comes("bob", 2, "full");
    comes("eve", 3, "full");
    goes("bob", 2, "full");
    vi.advanceTimersByTime(10_000);
    expect([told.length, crowds.waiting()]).toEqual([0, 1]);
    state.isShed = false;
    vi.advanceTimersByTime(SECOND_MS);
    expect(frames()).toEqual([{ type: "presence", channel: "lobby", online: 2, mode: "full" }]);
    comes("dan", 3, "full");
    expect(frames().at(-1)).toMatchObject({ type: "joined", ...person("dan"), online: 3 });
    vi.advanceTimersByTime(5000);
    expect([told.length, crowds.waiting()]).toEqual([2, 0]);
  });

  it("nobody is told that they left themselves, or came back, and hears the number without a name", () => {
    const { comes, goes, own, told, crowds } = rig();
    crowds.answered("lobby", { online: 3, mode: "full" });
    own.set("bob", ["bob's only"]);
    goes("bob", 2, "full");
    comes("bob", 3, "full", "");
    vi.advanceTimersByTime(5000);
    expect(told).toMatchObject([
      { frame: { type: "left", ...person("bob"), online: 2 }, exclude: "bob's only" },
      { frame: { type: "joined", ...person("bob"), online: 3 }, exclude: "bob's only" },
      { frame: { type: "presence", online: 3, mode: "full" }, exclude: "" },
    ]);
    expect([told.length, crowds.waiting()]).toEqual([3, 0]);
  });

  it("the session that came is the one that is not told, also beside others of the same user, and needs no number", () => {
    const { comes, own, told, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "full" });
    own.set("bob", ["another of bob", "session of bob"]);
    comes("bob", 2, "full");
    vi.advanceTimersByTime(5000);
    expect(told).toMatchObject([{ frame: { type: "joined", ...person("bob") }, exclude: "session of bob" }]);
  });

  it("who came ahead of the answer to a join that does not count them is told by number, a second later", () => {
    const { comes, told, crowds } = rig();
    crowds.answered("lobby", { online: 2, mode: "full" });
    comes("bob", 2, "full");
    comes("cyd", 3, "full");
    crowds.welcomed("lobby", { online: 2, mode: "full" });
    vi.advanceTimersByTime(SECOND_MS);
    expect(told.slice(2)).toMatchObject([{ frame: { type: "presence", online: 3, mode: "full" }, exclude: "" }]);
  });

  it("those who are answered two numbers are both told, even where one of them comes true", () => {
    const { comes, told, crowds } = rig();
    comes("ann", 1, "full");
    crowds.welcomed("lobby", { online: 2, mode: "full" });
    crowds.welcomed("lobby", { online: 3, mode: "full" });
    comes("bob", 2, "full");
    comes("cyd", 3, "full");
    vi.advanceTimersByTime(SECOND_MS);
    expect(told.slice(3)).toMatchObject([{ frame: { type: "presence", online: 3 } }]);
  });

  it("an answer that is ahead of its own announcement is not told again", () => {
    const { comes, told, crowds } = rig();
    comes("ann", 1, "full");
    crowds.welcomed("lobby", { online: 2, mode: "full" });
    comes("bob", 2, "full");
    vi.advanceTimersByTime(SECOND_MS);
    expect([told.length, crowds.waiting()]).toEqual([2, 0]);
  });

  it("nothing is told where nobody is", () => {
    const { comes, members, told } = rig();
    members.clear();
    comes("bob", 2, "full");
    expect(told).toEqual([]);
  });
});

describe("in digest mode", () => {
  it("those of a second are told together, and who came and went within it is not", () => {
    const { comes, goes, frames, crowds } = rig();
    crowds.answered("lobby", { online: 3, mode: "digest" });
    comes("bob", 4, "digest");
    comes("cyd", 5, "digest");
    goes("bob", 4, "digest");
    goes("ann", 3, "digest");
    comes("ann", 4, "digest");
    goes("dan", 3, "digest");
    expect(frames()).toEqual([]);
    vi.advanceTimersByTime(SECOND_MS);
    const lists = { joined: [person("cyd")], left: [person("dan")] };
    expect(frames()).toEqual([{ type: "presence", channel: "lobby", online: 3, mode: "digest", ...lists }]);
  });

  it("a second in which everything came to nothing is not told", () => {
    const { comes, goes, frames, crowds } = rig();
    crowds.answered("lobby", { online: 3, mode: "digest" });
    comes("bob", 4, "digest");
    goes("bob", 3, "digest");
    vi.advanceTimersByTime(SECOND_MS);
    expect(frames()).toEqual([]);
  });

  it("ten thousand who come in a second are one frame with fifty names and the right number", () => {
    const { comes, frames, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "digest" });
    for (let n = 0; n < 10_000; n += 1) comes(`user ${n}`, 2 + n, "digest");
    vi.advanceTimersByTime(10_000);
    expect(frames()).toEqual([expect.objectContaining({ online: 10_001, left: [] })]);
    expect(frames()).toEqual([
      expect.objectContaining({ joined: Array.from({ length: 50 }, (_, n) => person(`user ${n}`)) }),
    ]);
  });

  it("frames of a channel are at least a second apart, however long people come", () => {
    const { comes, told, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "digest" });
    for (let n = 0; n < 100; n += 1) {
      comes(`user ${n}`, 2 + n, "digest");
      vi.advanceTimersByTime(70);
    }
    vi.advanceTimersByTime(SECOND_MS);
    const gaps = told.slice(1).map(({ atMs }, n) => atMs - (told[n]?.atMs ?? 0));
    expect(told.length).toBeGreaterThan(5);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000);
  });

  it("whoever came alone is told nothing of it, whoever came with others may be", () => {
    const { comes, told, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "digest" });
    comes("bob", 2, "digest");
    vi.advanceTimersByTime(SECOND_MS);
    comes("cyd", 3, "digest");
    comes("dan", 4, "digest");
    vi.advanceTimersByTime(SECOND_MS);
    expect(told.map(({ exclude }) => exclude)).toEqual(["session of bob", ""]);
  });

  it("what is no frame that can be read is counted and not named", () => {
    const { announce, frames, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "digest" });
    announce('{"type":"joined"', 2, "digest");
    vi.advanceTimersByTime(SECOND_MS);
    expect(frames()).toEqual([expect.objectContaining({ online: 2, joined: [], left: [] })]);
  });
});

describe("in count mode", () => {
  it("only numbers are told, once a second, and only new ones", () => {
    const { comes, goes, frames, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "count" });
    for (let n = 0; n < 100; n += 1) comes(`user ${n}`, 2 + n, "count");
    vi.advanceTimersByTime(SECOND_MS);
    comes("bob", 102, "count");
    goes("bob", 101, "count");
    vi.advanceTimersByTime(SECOND_MS);
    expect(frames()).toEqual([{ type: "presence", channel: "lobby", online: 101, mode: "count" }]);
  });

  it("numbers are told that were announced without anybody's name, as Redis does", () => {
    const { announce, frames, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "count" });
    for (let n = 0; n < 100; n += 1) announce("", 2 + n, "count");
    vi.advanceTimersByTime(SECOND_MS);
    announce("", 102, "count");
    announce("", 101, "count");
    vi.advanceTimersByTime(SECOND_MS);
    expect(frames()).toEqual([{ type: "presence", channel: "lobby", online: 101, mode: "count" }]);
  });
});

describe("another mode", () => {
  it("is told at once with whoever brought it, and by name again once it is full", () => {
    const { comes, goes, frames, crowds } = rig();
    crowds.answered("lobby", { online: 2, mode: "full" });
    comes("bob", 3, "digest");
    expect(frames()).toEqual([
      { type: "presence", channel: "lobby", online: 3, mode: "digest", joined: [person("bob")], left: [] },
    ]);
    vi.advanceTimersByTime(SECOND_MS);
    goes("bob", 2, "full");
    expect(frames().slice(1)).toMatchObject([
      { type: "presence", online: 2, mode: "full" },
      { type: "left", ...person("bob"), online: 2 },
    ]);
  });

  it("costs one frame a second, however often it changes", () => {
    const { comes, frames, crowds } = rig();
    crowds.answered("lobby", { online: 1, mode: "digest" });
    for (let n = 0; n < 1000; n += 1) comes(`user ${n}`, 2 + n, n < 500 ? "digest" : "count");
    expect(frames()).toMatchObject([{ type: "presence", mode: "count", online: 502 }]);
    vi.advanceTimersByTime(SECOND_MS);
    expect(frames().slice(1)).toEqual([{ type: "presence", channel: "lobby", mode: "count", online: 1001 }]);
  });

  it("is told without anybody who came, when its rules alone have changed", () => {
    const { announce, frames, crowds } = rig();
    crowds.answered("lobby", { online: 7, mode: "full" });
    announce("", 7, "count");
    expect(frames()).toEqual([{ type: "presence", channel: "lobby", online: 7, mode: "count" }]);
    expect(crowds.modeOf("lobby")).toBe("count");
  });

  it("is told to whoever came alone in the same second, when rules change it", () => {
    const { announce, comes, told, crowds } = rig();
    comes("bob", 2, "digest");
    crowds.answered("lobby", { online: 2, mode: "digest" });
    announce("", 2, "full");
    vi.advanceTimersByTime(SECOND_MS);
    expect(told).toMatchObject([{ frame: { mode: "full", online: 2 }, exclude: "" }]);
  });

  it("that was announced before it was answered is told to whoever was answered the former one", () => {
    const { comes, told, crowds } = rig();
    comes("ann", 1, "digest");
    vi.advanceTimersByTime(SECOND_MS);
    crowds.answered("lobby", { online: 1, mode: "full" });
    vi.advanceTimersByTime(SECOND_MS);
    expect(told.at(-1)).toMatchObject({ frame: { mode: "digest", online: 1 }, exclude: "" });
  });
});

describe("what is compared after a loss", () => {
  it("is told where it differs from what was told last, and nowhere else", () => {
    const { crowds, comes, told } = rig();
    crowds.answered("lobby", { online: 1, mode: "full" });
    comes("bob", 2, "full");
    crowds.compared("lobby", { online: 2, mode: "full" });
    vi.advanceTimersByTime(SECOND_MS);
    expect(told).toHaveLength(1);
    crowds.compared("lobby", { online: 5, mode: "full" });
    crowds.compared("attic", { online: 5, mode: "full" });
    vi.advanceTimersByTime(SECOND_MS);
    expect(told.slice(1)).toMatchObject([{ frame: { type: "presence", online: 5, mode: "full" }, exclude: "" }]);
  });
});

it("a channel that nobody is in any more is forgotten with what was to be told", () => {
  const { crowds, comes, frames, members } = rig();
  crowds.answered("lobby", { online: 1, mode: "digest" });
  comes("bob", 2, "digest");
  members.clear();
  crowds.forget("lobby");
  vi.advanceTimersByTime(SECOND_MS);
  expect([frames(), crowds.waiting(), crowds.modeOf("lobby")]).toEqual([[], 0, "full"]);
});
