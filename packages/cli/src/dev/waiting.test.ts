import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NotYet, waitFor } from "./waiting.ts";

interface Scene {
  readonly said: string[];
  readonly outcome: () => string;
  readonly stop: () => void;
}

type Reply = string | Error;
const SILENCE = "";

/** Each question takes the next reply, the last one for ever. */
const scene = (withinMs: number, ...replies: readonly Reply[]): Scene => {
  const said: string[] = [];
  const stopping = new AbortController();
  let asked = 0;
  const ask = async (): Promise<string> => {
    const reply = replies[Math.min(asked, replies.length - 1)] ?? SILENCE;
    asked += 1;
    if (reply === SILENCE) return new Promise(() => undefined);
    if (reply instanceof Error) throw reply;
    return reply;
  };
  let outcome = "waits";
  waitFor({ what: "redis at r", ask, say: (line) => said.push(line), until: stopping.signal, withinMs }).then(
    (answer) => (outcome = answer),
    (error: unknown) => (outcome = String(error)),
  );
  return { said, outcome: () => outcome, stop: () => stopping.abort() };
};

const REFUSED = new NotYet("connect ECONNREFUSED");
const LOADING = new NotYet("LOADING");

describe("waiting for a server of somebody else", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("says nothing when it answers", async () => {
    const { said, outcome } = scene(60_000, "PONG");
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome()).toBe("PONG");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said).toEqual([]);
  });

  it("tells each reason at once and once, and goes on until there is an answer", async () => {
    const { said, outcome } = scene(60_000, REFUSED, REFUSED, LOADING, REFUSED, "PONG");
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual(["waiting up to 60 s for redis at r: connect ECONNREFUSED"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(said.slice(1)).toEqual(["waiting up to 60 s for redis at r: LOADING"]);
    expect(outcome()).toBe("PONG");
  });

  it("gives up when its time is over, with the last reason", async () => {
    const { outcome } = scene(3000, REFUSED);
    await vi.advanceTimersByTimeAsync(2900);
    expect(outcome()).toBe("waits");
    await vi.advanceTimersByTimeAsync(1000);
    expect(outcome()).toBe("Error: redis at r, after 3 s: connect ECONNREFUSED");
  });

  it("does not wait for what waiting does not mend", async () => {
    const { said, outcome } = scene(60_000, new Error("applied migrations were changed since: 0001"));
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome()).toBe("Error: redis at r: applied migrations were changed since: 0001");
    expect(said).toEqual([]);
  });

  it("says of a server that keeps silent that it does", async () => {
    const { said } = scene(60_000, SILENCE);
    await vi.advanceTimersByTimeAsync(2000);
    expect(said).toEqual(["waiting up to 60 s for redis at r: no answer yet"]);
  });

  it("ends when starting is given up, without another word", async () => {
    const { said, outcome, stop } = scene(60_000, REFUSED, LOADING);
    await vi.advanceTimersByTimeAsync(0);
    stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome()).toBe("Error: stopped while starting");
    expect(said).toHaveLength(1);
  });
});
