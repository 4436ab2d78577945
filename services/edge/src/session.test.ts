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
  const wire = {
    send: (text: string) => void said.push(JSON.parse(text)),
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    ping: () => undefined,
    end: (code: number, reason: string) => void ends.push(`${code} ${reason}`),
  };
  const rules = {
    limits: DEFAULT_LIMITS,
    commandBurst: 100,
    authFrameBytes: 12_288,
    decode: createDecoder(DEFAULT_LIMITS),
    dispatch: (_session: Session, frame: ClientFrame) => void frames.push(frame),
    refused: () => undefined,
  };
  const session = new Session("s1", wire, rules, 0);
  if (identified) session.identify({ user: "alice", name: "Alice", expiresAtMs: 1e15, refreshAtMs: 1e15 });
  return { session, said, ends, frames };
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

  it("reads at most 12 KiB", () => {
    const { session, said, ends } = open(false);
    session.receive(bytes({ type: "auth", token: "t".repeat(13_000) }), false, 1);
    expect(said).toMatchObject([{ code: "too_large" }]);
    expect(ends).toEqual(["4401 token"]);
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

  it("is closed with 4006 at 500 frames over its rate within ten seconds", () => {
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
