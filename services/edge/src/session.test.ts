import { ChatError, createDecoder, DEFAULT_LIMITS } from "@rookery/protocol";
import type { ClientFrame } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { Session } from "./session.ts";

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function open(identified = true) {
  const said: Record<string, unknown>[] = [];
  const ends: string[] = [];
  const frames: ClientFrame[] = [];
  const decode = createDecoder(DEFAULT_LIMITS);
  let decodes = 0;
  const wire = {
    send: (text: string) => void said.push(JSON.parse(text)),
    publish: () => true,
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    ping: () => undefined,
    end: (code: number, reason: string) => void ends.push(`${code} ${reason}`),
  };
  const rules = {
    limits: DEFAULT_LIMITS,
    commandBurst: 100,
    authFrameBytes: 12_288,
    decode: (frame: Uint8Array) => {
      decodes += 1;
      return decode(frame);
    },
    dispatch: (_session: Session, frame: ClientFrame) => void frames.push(frame),
    refused: () => undefined,
  };
  const session = new Session("s1", wire, rules, 0);
  if (identified) session.identify({ user: "alice", name: "Alice", expiresAtMs: 1e15, refreshAtMs: 1e15 });
  return { session, said, ends, frames, decoded: () => decodes };
}

describe("a session without an identity", () => {
  it("takes auth and nothing else", () => {
    const { session, frames, said, ends } = open(false);
    session.receive(bytes({ type: "auth", token: "t" }), false, 1);
    expect(frames.map(({ type }) => type)).toEqual(["auth"]);
    session.receive(bytes({ type: "ping", ref: "r" }), false, 1);
    expect(said).toMatchObject([{ type: "error", code: "unauthenticated", ref: "r" }]);
    expect(ends).toEqual(["4401 token"]);
  });

  it("answers rubbish with unauthenticated and closes 4401", () => {
    const { session, said, ends } = open(false);
    session.receive(bytes("rubbish"), false, 1);
    expect(said).toMatchObject([{ code: "unauthenticated" }]);
    expect(ends).toEqual(["4401 token"]);
  });

  it("reads at most 12 KiB, and answers what is longer by its ref", () => {
    const { session, said, ends, decoded } = open(false);
    session.receive(bytes({ type: "auth", token: "t".repeat(13_000), ref: "r" }), false, 1);
    expect(said).toMatchObject([{ code: "too_large", ref: "r" }]);
    expect(ends).toEqual(["4401 token"]);
    expect(decoded()).toBe(0);
  });

  it("reads no more frames than its rate while a token is looked at, and keeps none that is too large", () => {
    const { session, said, ends, frames } = open(false);
    session.hold();
    session.receive(bytes({ type: "send", ref: "large", body: "x".repeat(17_000) }), false, 0);
    for (let n = 1; n <= 130; n += 1)
      session.receive(bytes({ type: "leave", channel: `c${n}`, ref: `r${n}` }), false, 0);
    expect(said[0]).toMatchObject({ code: "too_large", ref: "large" });
    expect(said.slice(1)).toMatchObject(
      Array.from({ length: 31 }, (_, n) => ({ code: "rate_limited", ref: `r${n + 100}`, retryAfterMs: 20 * (n + 1) })),
    );
    session.identify({ user: "alice", name: "Alice", expiresAtMs: 1e15, refreshAtMs: 1e15 });
    session.resume(1);
    expect(frames).toHaveLength(99);
    expect(ends).toEqual([]);
  });

  it("is told that there is too much when its token takes so long that more waits than may be kept", () => {
    const { session, said, ends } = open(false);
    session.hold();
    for (let n = 0; n < 129; n += 1)
      session.receive(bytes({ type: "leave", channel: "c", ref: `r${n}` }), false, n * 20);
    expect(said).toMatchObject([{ code: "overloaded", retry: "later", ref: "r128" }]);
    expect(ends).toEqual([]);
  });
});

describe("a session", () => {
  it("refuses a binary frame and says so", () => {
    const { session, said, frames } = open();
    session.receive(bytes({ type: "ping" }), true, 1);
    expect(said).toMatchObject([{ type: "error", code: "bad_frame" }]);
    expect(frames).toEqual([]);
  });

  it("is closed with 4500 at the tenth bad frame within a minute, not at the ninth", () => {
    const { session, ends } = open();
    for (let n = 0; n < 9; n += 1) session.receive(bytes("{"), false, n);
    expect(ends).toEqual([]);
    session.receive(bytes("{"), false, 59_000);
    expect(ends).toEqual(["4500 protocol"]);
  });

  it("is closed with 4006 at 500 refusals over its rate within ten seconds", () => {
    const { session, ends } = open();
    const limited = new ChatError("rate_limited", "too many");
    for (let n = 0; n < 499; n += 1) session.refuse(limited, undefined, n);
    expect(ends).toEqual([]);
    session.refuse(limited, undefined, 9_999);
    expect(ends).toEqual(["4006 too_fast"]);
  });

  it("is not closed for refusals that are the server's own trouble", () => {
    const { session, ends } = open();
    const away = new ChatError("unavailable", "away");
    for (let n = 0; n < 600; n += 1) session.refuse(away, undefined, n);
    expect(ends).toEqual([]);
  });

  it("answers a frame beyond its rate without decoding it, by the ref that stands at its start or its end", () => {
    const { session, said, decoded } = open();
    const invalid = bytes({ type: "send", channel: "not a channel", clientId: "c", body: "x" });
    for (let n = 0; n < 100; n += 1) session.receive(invalid, false, 0);
    expect(decoded()).toBe(100);
    session.receive(bytes({ type: "send", ref: "first", body: "x".repeat(10_000) }), false, 0);
    session.receive(bytes({ type: "send", meta: { ref: "no" }, body: "x".repeat(200_000), ref: "last" }), false, 0);
    session.receive(bytes("rubbish"), true, 0);
    expect(decoded()).toBe(100);
    expect(said.slice(100)).toMatchObject([
      { code: "rate_limited", ref: "first", retryAfterMs: 20 },
      { code: "rate_limited", ref: "last", retryAfterMs: 40 },
      { code: "rate_limited", retryAfterMs: 60 },
    ]);
    expect(said.at(-1)).not.toHaveProperty("ref");
  });

  it("answers rubbish beyond its rate with rate_limited", () => {
    const { session, said, ends } = open();
    const invalid = bytes({ type: "send", channel: "not a channel", clientId: "c", body: "x" });
    for (let n = 0; n < 101; n += 1) session.receive(invalid, false, 0);
    expect(said.at(-2)).toMatchObject({ code: "invalid" });
    expect(said.at(-1)).toMatchObject({ code: "rate_limited", retryAfterMs: 20 });
    expect(ends).toEqual([]);
  });

  it("reads nothing after its farewell and nothing after its socket is gone", () => {
    const { session, frames, ends, said } = open();
    session.farewell("draining", 1);
    session.receive(bytes({ type: "ping" }), false, 2);
    session.farewell("slow", 3);
    session.closed();
    session.tell("{}");
    session.receive(bytes({ type: "ping" }), false, 4);
    expect([frames, said]).toEqual([[], []]);
    expect(ends).toEqual(["4000 draining"]);
  });

  it("takes frames behind an auth only when the token has been looked at, in their order", () => {
    const { session, frames } = open();
    session.hold();
    const buffer = bytes({ type: "leave", channel: "a" });
    session.receive(buffer, false, 1);
    session.receive(bytes({ type: "leave", channel: "b" }), false, 1);
    // The layer reuses its buffer: what is held must be a copy.
    buffer.fill(32);
    expect(frames).toEqual([]);
    session.resume(2);
    expect(frames).toMatchObject([{ channel: "a" }, { channel: "b" }]);
  });

  it("runs what it is told in one channel in order, and lets other channels pass", async () => {
    const { session } = open();
    const done: string[] = [];
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const step = (name: string, after?: Promise<void>) => async (): Promise<void> => {
      await after;
      done.push(name);
    };
    const first = session.inOrder("a", step("a1", slow));
    const second = session.inOrder("a", step("a2"));
    await session.inOrder("b", step("b1"));
    expect(done).toEqual(["b1"]);
    finish();
    await Promise.all([first, second, session.idle()]);
    expect(done).toEqual(["b1", "a1", "a2"]);
  });
});
