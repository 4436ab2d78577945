import { describe, expect, it } from "vitest";
import { createWaitingFrames } from "./waiting-frames.ts";
import type { WaitingFrame } from "./waiting-frames.ts";

const frame = (topic: string, bytes: WaitingFrame["frame"]): WaitingFrame => ({
  ...{ topic, frame: bytes, except: undefined, stand: undefined },
});

describe("frames that wait", () => {
  it("are taken in their order, also while others come", () => {
    const waiting = createWaitingFrames();
    waiting.add(frame("m/a", "1"));
    waiting.add(frame("s/b", "2"));
    expect(waiting.takeFirst()).toMatchObject({ topic: "m/a", frame: "1" });
    waiting.add(frame("m/a", "3"));
    expect(waiting.count).toBe(2);
    expect(waiting.takeFirst()).toMatchObject({ topic: "s/b", frame: "2" });
    expect(waiting.takeFirst()).toMatchObject({ topic: "m/a", frame: "3" });
    expect(waiting.takeFirst()).toBeUndefined();
    expect(waiting.count).toBe(0);
  });

  it("hold the whole buffer that they are views of, once, until a frame of the next one is taken", () => {
    const waiting = createWaitingFrames();
    const [first, second] = [new Uint8Array(1000), new Uint8Array(500)];
    waiting.add(frame("m/a", first.subarray(0, 10)));
    waiting.add(frame("m/a", first.subarray(10, 20)));
    waiting.add(frame("m/a", second.subarray(0, 10)));
    waiting.add(frame("m/a", "text"));
    expect(waiting.heldBytes).toBe(1504);
    waiting.takeFirst();
    waiting.takeFirst();
    expect(waiting.heldBytes).toBe(1504);
    waiting.takeFirst();
    expect(waiting.heldBytes).toBe(504);
    waiting.takeFirst();
    expect(waiting.heldBytes, "nothing waits").toBe(0);
  });
});
