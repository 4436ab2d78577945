import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createOutlet } from "./outlet.ts";
import { sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";

const MIB = 1024 * 1024;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** The loop comes round, while the clock stands. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function rig(beatMs = 0) {
  const did: string[] = [];
  const stopped = new Set<string>();
  let whileTold = (_frame: string): void => undefined;
  const pace = { beatMs };
  const everybody: Session[] = [];
  const told: { write: () => void } = { write: () => undefined };
  const outlet = createOutlet({
    toTopic(topic, frame, except) {
      const text = String(frame);
      did.push(`${topic} ${text.slice(0, 8)}${except === undefined ? "" : ` not ${except.id}`}`);
      whileTold(text);
    },
    writeTold: () => told.write(),
    pace: { beatMs: () => pace.beatMs },
    missed: {
      published: ({ from, to }) => void did.push(`${from.seq} to ${to.seq}`),
      roundOver: () => undefined,
    },
    takeOut: (session) => void did.push(`${session.id} out`),
    everybody: () => everybody,
    mayGo: (topic) => !stopped.has(topic),
  });
  const session = (id: string): Session => sessionOn({ end: (code) => void did.push(`${id} ${code}`) }, id);
  const drops = (at: string, dropped: readonly Session[]): void => {
    whileTold = (frame) => frame === at && dropped.forEach((each) => outlet.dropped(each));
  };
  const publish = (from: number, to: number): void => {
    for (let n = from; n <= to; n += 1) outlet.publish("m/a", `${n}`);
  };
  return { did, stopped, outlet, pace, everybody, session, drops, publish, told };
}

const frames = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `m/a ${from + n}`);

describe("what is published", () => {
  it("goes out at once while everybody keeps up", () => {
    const { did, publish } = rig();
    publish(1, 2);
    expect(did).toEqual(frames(1, 2));
  });

  it("waits behind a dropped frame until all that lost one are taken out, and keeps its order", async () => {
    const { did, outlet, session, drops, publish } = rig();
    drops("2", [session("x"), session("y")]);
    publish(1, 3);
    outlet.publish("m/b", "4", session("z"));
    expect(did).toEqual(frames(1, 2));
    await turn();
    publish(5, 5);
    expect(did.slice(2)).toEqual(["x out", "y out", "m/a 3", "m/b 4 not z", "m/a 5"]);
  });

  it("waits again when what was held is dropped by the next", async () => {
    const { did, session, drops, publish } = rig();
    drops("1", [session("x")]);
    publish(1, 3);
    drops("2", [session("y")]);
    await turn();
    expect(did).toEqual(["m/a 1", "x out", "m/a 2"]);
    await turn();
    expect(did.slice(3)).toEqual(["y out", "m/a 3"]);
  });

  it("waits also when what was told before it was dropped, a moment before it would have gone", async () => {
    const { did, outlet, session, publish, told } = rig();
    told.write = () => {
      told.write = () => undefined;
      outlet.dropped(session("x"));
    };
    publish(1, 1);
    expect(did).toEqual([]);
    await turn();
    expect(did).toEqual(["x out", "m/a 1"]);
  });

  it("counts as published before anybody may drop it, and not while it waits", async () => {
    const { did, outlet, session, drops } = rig();
    const at = (seq: number) => ({ epoch: 7, seq });
    const stand = (from: number, to: number) => ({ channel: "a", from: at(from), to: at(to), isLost: false });
    drops("1", [session("x")]);
    outlet.publish("m/a", "1", undefined, stand(1, 1));
    outlet.publish("m/a", "gap", undefined, stand(2, 4));
    expect(did).toEqual(["1 to 1", "m/a 1"]);
    await turn();
    expect(did.slice(2)).toEqual(["x out", "2 to 4", "m/a gap"]);
  });

  it("is at most 31 frames a turn, so that the layer writes to no socket in the middle of one", async () => {
    const { did, publish } = rig();
    publish(1, 40);
    expect(did).toEqual(frames(1, 31));
    await turn();
    publish(41, 80);
    expect(did).toEqual(frames(1, 62));
    await turn();
    expect(did).toEqual(frames(1, 80));
  });
});

describe("in a beat", () => {
  it("frames of all topics wait for its end, counted from the first of them, and go in their order", () => {
    const { did, outlet, publish } = rig(25);
    publish(1, 1);
    vi.advanceTimersByTime(24);
    outlet.publish("s/b", "2");
    publish(3, 3);
    expect(did).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(did).toEqual(["m/a 1", "s/b 2", "m/a 3"]);
    publish(4, 4);
    vi.advanceTimersByTime(24);
    expect(did).toHaveLength(3);
    vi.advanceTimersByTime(1);
    expect(did).toHaveLength(4);
  });

  it("nothing waits longer once as many frames wait as may go in one turn", async () => {
    const { did, publish } = rig(25);
    publish(1, 30);
    expect(did).toEqual([]);
    publish(31, 33);
    expect(did).toEqual(frames(1, 31));
    vi.advanceTimersByTime(24);
    expect(did, "those behind them begin a beat of their own").toEqual(frames(1, 31));
    await turn();
    vi.advanceTimersByTime(1);
    expect(did).toEqual(frames(1, 33));
  });

  it("a frame that comes once the edge is calm does not overtake what waits", () => {
    const { did, pace, publish } = rig(25);
    publish(1, 1);
    pace.beatMs = 0;
    publish(2, 2);
    expect(did).toEqual([]);
    vi.advanceTimersByTime(25);
    publish(3, 3);
    expect(did).toEqual(frames(1, 3));
  });

  it("nothing goes between a dropped frame and the turn in which its socket is taken out, whatever is due", async () => {
    const { did, outlet, session, publish } = rig(25);
    outlet.dropped(session("x"));
    publish(1, 31);
    expect(did).toEqual([]);
    await turn();
    expect(did).toEqual(["x out", ...frames(1, 31)]);
  });

  it("nothing more is gathered once it is hurried", () => {
    const { did, outlet, publish } = rig(25);
    publish(1, 2);
    outlet.hurry();
    publish(3, 3);
    expect(did).toEqual(frames(1, 3));
    vi.advanceTimersByTime(100);
    expect(did).toHaveLength(3);
  });

  it("nobody misses one and stays, when more waits than may: what waits is given up and everybody is sent away", async () => {
    const { did, everybody, outlet, session, publish } = rig(25);
    everybody.push(session("x"), session("y"));
    const buffer = new Uint8Array(20 * MIB);
    outlet.publish("m/a", buffer.subarray(0, 4));
    outlet.publish("m/a", buffer.subarray(4, 8));
    vi.advanceTimersByTime(0);
    expect(did, "views of one buffer hold it once").toEqual([]);
    outlet.publish("m/a", new Uint8Array(20 * MIB).subarray(0, 4));
    publish(1, 2);
    expect(did).toEqual([]);
    await turn();
    expect(did.slice(0, 2)).toEqual(["x 4001", "y 4001"]);
    vi.advanceTimersByTime(25);
    expect(did.slice(2), "what came after goes on").toEqual(frames(1, 2));
  });
});

describe("a topic whose frames may not go", () => {
  it("keeps them, in order, and no other topic waits for it", async () => {
    const { did, stopped, outlet, publish } = rig();
    stopped.add("m/a");
    publish(1, 2);
    outlet.publish("m/b", "3");
    expect(did).toEqual(["m/b 3"]);
    stopped.delete("m/a");
    outlet.resume();
    publish(4, 4);
    expect(did).toEqual(["m/b 3", ...frames(1, 2), ...frames(4, 4)]);
    await turn();
  });

  it("keeps what a beat had gathered before, ahead of what came after it", async () => {
    const { did, stopped, outlet, pace, publish } = rig(20);
    publish(1, 1);
    stopped.add("m/a");
    outlet.publish("m/b", "2");
    publish(3, 3);
    vi.advanceTimersByTime(20);
    expect(did).toEqual(["m/b 2"]);
    publish(4, 4);
    pace.beatMs = 0;
    stopped.delete("m/a");
    outlet.resume();
    await turn();
    expect(did).toEqual(["m/b 2", ...frames(1, 1), ...frames(3, 4)]);
  });

  it("sends everybody away when it keeps more than may be kept, as when others wait for too much", async () => {
    const { did, stopped, outlet, everybody, session } = rig();
    everybody.push(session("x"));
    stopped.add("m/a");
    for (let n = 0; n <= 32; n += 1) outlet.publish("m/a", new Uint8Array(MIB));
    await turn();
    expect(did).toEqual(["x 4001"]);
  });
});
