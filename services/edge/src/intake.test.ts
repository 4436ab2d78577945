// Contract of intake: what is judged before a frame is read, what is read before there is an identity, and what waits while
// a token is being looked at.
import { createDecoder, DEFAULT_LIMITS } from "@rookery/protocol";
import type { ClientFrame } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createIntake } from "./intake.ts";
import { ALICE, sessionOn } from "./session.fixture.ts";

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function open(identified = true) {
  const said: Record<string, unknown>[] = [];
  const ends: string[] = [];
  const frames: ClientFrame[] = [];
  const decode = createDecoder(DEFAULT_LIMITS);
  let decodes = 0;
  const session = sessionOn({
    send: (text) => void said.push(JSON.parse(text)),
    end: (code, reason) => void ends.push(`${code} ${reason}`),
  });
  const intake = createIntake({
    ...{ limits: DEFAULT_LIMITS, authFrameBytes: 12_288 },
    decode(frame) {
      decodes += 1;
      return decode(frame);
    },
    dispatch(_session, frame) {
      frames.push(frame);
      return undefined;
    },
  });
  if (identified) session.identify(ALICE);
  const receive = (frame: Uint8Array, isBinary: boolean, nowMs: number): void =>
    intake.receive(session, frame, isBinary, nowMs);
  /** Holds what follows; what comes back resolves when all of it has been taken again. */
  const hold = (): (() => Promise<void>) => {
    let look = (): void => undefined;
    const looked = new Promise<void>((resolve) => (look = resolve));
    intake.holdUntil(session, looked);
    return async () => {
      look();
      await looked;
    };
  };
  return { session, receive, hold, said, ends, frames, decoded: () => decodes };
}

describe("a session without an identity", () => {
  it("takes auth and nothing else", () => {
    const { receive, frames, said, ends } = open(false);
    receive(bytes({ type: "auth", token: "t" }), false, 1);
    expect(frames.map(({ type }) => type)).toEqual(["auth"]);
    receive(bytes({ type: "ping", ref: "r" }), false, 1);
    expect(said).toMatchObject([{ type: "error", code: "unauthenticated", ref: "r" }]);
    expect(ends).toEqual(["4401 token"]);
  });

  it("answers rubbish with unauthenticated and closes 4401", () => {
    const { receive, said, ends } = open(false);
    receive(bytes("rubbish"), false, 1);
    expect(said).toMatchObject([{ code: "unauthenticated" }]);
    expect(ends).toEqual(["4401 token"]);
  });

  it("reads at most 12 KiB, and answers what is longer by its ref", () => {
    const { receive, said, ends, decoded } = open(false);
    receive(bytes({ type: "auth", token: "t".repeat(13_000), ref: "r" }), false, 1);
    expect(said).toMatchObject([{ code: "too_large", ref: "r" }]);
    expect(ends).toEqual(["4401 token"]);
    expect(decoded()).toBe(0);
  });

  it("reads no more frames than its rate while a token is looked at, and keeps none that is too large", async () => {
    const { session, receive, hold, said, ends, frames } = open(false);
    const resume = hold();
    receive(bytes({ type: "send", ref: "large", body: "x".repeat(17_000) }), false, 0);
    for (let n = 1; n <= 130; n += 1) receive(bytes({ type: "leave", channel: `c${n}`, ref: `r${n}` }), false, 0);
    expect(said[0]).toMatchObject({ code: "too_large", ref: "large" });
    expect(said.slice(1)).toMatchObject(
      Array.from({ length: 31 }, (_, n) => ({ code: "rate_limited", ref: `r${n + 100}`, retryAfterMs: 20 * (n + 1) })),
    );
    session.identify(ALICE);
    await resume();
    expect(frames).toHaveLength(99);
    expect(ends).toEqual([]);
  });

  it("is told that there is too much when its token takes so long that more waits than may be kept", () => {
    const { receive, hold, said, ends } = open(false);
    hold();
    for (let n = 0; n < 129; n += 1) receive(bytes({ type: "leave", channel: "c", ref: `r${n}` }), false, n * 20);
    expect(said).toMatchObject([{ code: "overloaded", retry: "later", ref: "r128" }]);
    expect(ends).toEqual([]);
  });
});

describe("intake", () => {
  it("refuses a binary frame and says so", () => {
    const { receive, said, frames } = open();
    receive(bytes({ type: "ping" }), true, 1);
    expect(said).toMatchObject([{ type: "error", code: "bad_frame" }]);
    expect(frames).toEqual([]);
  });

  it("closes with 4500 at the tenth bad frame within a minute, not at the ninth", () => {
    const { receive, ends } = open();
    for (let n = 0; n < 9; n += 1) receive(bytes("{"), false, n);
    expect(ends).toEqual([]);
    receive(bytes("{"), false, 59_000);
    expect(ends).toEqual(["4500 protocol"]);
  });

  it("answers a frame beyond its rate without decoding it, by the ref that stands at its start or its end", () => {
    const { receive, said, decoded } = open();
    const invalid = bytes({ type: "send", channel: "not a channel", clientId: "c", body: "x" });
    for (let n = 0; n < 100; n += 1) receive(invalid, false, 0);
    expect(decoded()).toBe(100);
    receive(bytes({ type: "send", ref: "first", body: "x".repeat(10_000) }), false, 0);
    receive(bytes({ type: "send", meta: { ref: "no" }, body: "x".repeat(200_000), ref: "last" }), false, 0);
    receive(bytes("rubbish"), true, 0);
    expect(decoded()).toBe(100);
    expect(said.slice(100)).toMatchObject([
      { code: "rate_limited", ref: "first", retryAfterMs: 20 },
      { code: "rate_limited", ref: "last", retryAfterMs: 40 },
      { code: "rate_limited", retryAfterMs: 60 },
    ]);
    expect(said.at(-1)).not.toHaveProperty("ref");
  });

  it("answers rubbish beyond its rate with rate_limited", () => {
    const { receive, said, ends } = open();
    const invalid = bytes({ type: "send", channel: "not a channel", clientId: "c", body: "x" });
    for (let n = 0; n < 101; n += 1) receive(invalid, false, 0);
    expect(said.at(-2)).toMatchObject({ code: "invalid" });
    expect(said.at(-1)).toMatchObject({ code: "rate_limited", retryAfterMs: 20 });
    expect(ends).toEqual([]);
  });

  it("reads nothing after its farewell and nothing after its socket is gone", () => {
    const { session, receive, frames, ends, said } = open();
    session.farewell("draining", 1);
    receive(bytes({ type: "ping" }), false, 2);
    session.farewell("slow", 3);
    session.closed();
    session.tell("{}");
    receive(bytes({ type: "ping" }), false, 4);
    expect([frames, said]).toEqual([[], []]);
    expect(ends).toEqual(["4000 draining"]);
  });

  it("takes frames behind an auth only when the token has been looked at, in their order", async () => {
    const { receive, hold, frames } = open();
    const resume = hold();
    const buffer = bytes({ type: "leave", channel: "a" });
    receive(buffer, false, 1);
    receive(bytes({ type: "leave", channel: "b" }), false, 1);
    // The layer reuses its buffer: what is held must be a copy.
    buffer.fill(32);
    expect(frames).toEqual([]);
    await resume();
    expect(frames).toMatchObject([{ channel: "a" }, { channel: "b" }]);
  });
});
