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
  let whileTold = (_frame: string): void => undefined;
  const pace = { beatMs };
  const everybody: Session[] = [];
  const outlet = createOutlet(
    (topic, frame, except) => {
      const text = String(frame);
      did.push(`${topic} ${text.slice(0, 8)}${except === undefined ? "" : ` not ${except.id}`}`);
      whileTold(text);
    },
    { beatMs: () => pace.beatMs },
    () => everybody,
  );
  const session = (id: string): Session => sessionOn({ end: (code) => void did.push(`${id} ${code}`) }, id);
  const drops = (at: string, dropped: readonly Session[]): void => {
    whileTold = (frame) => frame === at && dropped.forEach((each) => outlet.dropped(each));
  };
  const publish = (from: number, to: number): void => {
    for (let n = from; n <= to; n += 1) outlet.publish("m/a", `${n}`);
  };
  return { did, outlet, pace, everybody, session, drops, publish };
}

const frames = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `m/a ${from + n}`);

describe("what is published", () => {
  it("goes out at once while everybody keeps up", () => {
    const { did, publish } = rig();
    publish(1, 2);
    expect(did).toEqual(frames(1, 2));
  });

  it("waits behind a dropped frame until all that lost one are sent away, and keeps its order", async () => {
    const { did, outlet, session, drops, publish } = rig();
    drops("2", [session("x"), session("y")]);
    publish(1, 3);
    outlet.publish("m/b", "4", session("z"));
    expect(did).toEqual(frames(1, 2));
    await turn();
    publish(5, 5);
    expect(did.slice(2)).toEqual(["x 4001", "y 4001", "m/a 3", "m/b 4 not z", "m/a 5"]);
  });

  it("waits again when what was held is dropped by the next", async () => {
    const { did, session, drops, publish } = rig();
    drops("1", [session("x")]);
    publish(1, 3);
    drops("2", [session("y")]);
    await turn();
    expect(did).toEqual(["m/a 1", "x 4001", "m/a 2"]);
    await turn();
    expect(did.slice(3)).toEqual(["y 4001", "m/a 3"]);
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
    expect(did).toEqual(["x 4001", ...frames(1, 31)]);
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
