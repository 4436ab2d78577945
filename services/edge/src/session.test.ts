import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { sessionOn } from "./session.fixture.ts";

function open() {
  const ends: string[] = [];
  return { session: sessionOn({ end: (code, reason) => void ends.push(`${code} ${reason}`) }), ends };
}

describe("a session", () => {
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

  it("counts how long a ping is unanswered whatever older ones are answered, so that who is always late is seen to be", () => {
    const { session } = open();
    for (const atMs of [1000, 2000, 3000]) session.ping(atMs);
    expect(session.unansweredAtMs).toBe(1000);
    expect(session.answered("1000")).toBe(true);
    expect(session.unansweredAtMs, "the newest is waited for next").toBe(3000);
    expect(session.answered("2000")).toBe(false);
    session.ping(4000);
    expect(session.unansweredAtMs).toBe(3000);
    session.excuse(500, 4500);
    expect(session.answered("3000"), "also when the edge itself stood still meanwhile").toBe(true);
    expect(session.unansweredAtMs).toBe(4000);
    session.pingAnew(5000);
    expect(session.answered("4000")).toBe(false);
    expect(session.answered("5000")).toBe(true);
    expect(session.unansweredAtMs).toBe(0);
    session.ping(6000);
    expect(session.answered(""), "one that names no ping answers all").toBe(true);
    expect(session.unansweredAtMs).toBe(0);
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
    session.inOrder("a", step("a1", slow), false);
    session.inOrder("a", step("a2"), false);
    session.inOrder("b", step("b1"), false);
    await Promise.resolve();
    expect(done).toEqual(["b1"]);
    finish();
    await session.idle();
    expect(done).toEqual(["b1", "a1", "a2"]);
  });

  it("runs at once where nothing is under way in the channel", async () => {
    const { session } = open();
    const done: string[] = [];
    const step = (name: string) => (): undefined => void done.push(name);
    session.inOrder("a", step("a1"), false);
    expect(done).toEqual(["a1"]);
    session.inOrder("a", () => Promise.resolve(), false);
    session.inOrder("a", step("a2"), false);
    session.inOrder("b", step("b1"), false);
    expect(done).toEqual(["a1", "b1"]);
    await session.idle();
    expect(done).toEqual(["a1", "b1", "a2"]);
    session.inOrder("a", step("a3"), false);
    expect(done).toEqual(["a1", "b1", "a2", "a3"]);
  });
});
