// Contract of a session's rates: what a refusal promises is kept, whoever keeps to it is never shown the door, and nobody
// gets more by not keeping to it.
import { DEFAULT_LIMITS, MAX_REFUSALS, TURN_KEPT_MS } from "@rookery/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketRules, SessionRates } from "./rates.ts";

const RULES = { limits: DEFAULT_LIMITS, commandBurst: 100 };

/** A session as clients see it: what is refused and when, and that it was shown the door. */
function rig(rules = RULES) {
  const rates = new SessionRates(bucketRules(rules.limits, rules.commandBurst), 0);
  const seen = { refusals: 0, isClosed: false };
  const refuse = (waitMs: number, nowMs: number): number => {
    if (waitMs > 0) {
      seen.refusals += 1;
      seen.isClosed ||= rates.refused(nowMs);
    }
    return waitMs;
  };
  const command = (nowMs: number): number => refuse(rates.take("commands", nowMs), nowMs);
  const send = (nowMs: number): number => command(nowMs) || refuse(rates.take("sends", nowMs), nowMs);
  return { seen, command, send, rates };
}

type Kind = "command" | "send";

/** Sends each at its moment and again after its own wait until it is let in. Answers when each was, and how often refused. */
function obey(client: ReturnType<typeof rig>, frames: readonly { readonly kind: Kind; readonly atMs: number }[]) {
  const due = frames.map((frame, n) => ({ ...frame, n, refused: 0, order: n }));
  const done: { n: number; atMs: number; refused: number }[] = [];
  let order = due.length;
  while (due.length > 0 && !client.seen.isClosed) {
    due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const next = due.shift();
    if (next === undefined) break;
    const waitMs = client[next.kind](next.atMs);
    if (waitMs === 0) done.push(next);
    else due.push({ ...next, atMs: next.atMs + waitMs, refused: next.refused + 1, order: (order += 1) });
  }
  return done;
}

const atOnce = (count: number, kind: Kind, atMs = 0) => Array.from({ length: count }, () => ({ kind, atMs }));

describe("frames over a rate", () => {
  it("are given turns one behind the other", () => {
    const { command } = rig({ ...RULES, commandBurst: 2 });
    expect([1, 2, 3, 4, 5].map(() => command(0))).toEqual([0, 0, 20, 40, 60]);
    expect(command(10)).toBe(70);
    expect([20, 40, 60, 80].map((nowMs) => command(nowMs))).toEqual([0, 0, 0, 0]);
    expect(command(80)).toBe(20);
  });

  it("each come back once when they wait as told: 200 commands at once", () => {
    const client = rig();
    const done = obey(client, atOnce(200, "command"));
    expect(client.seen).toEqual({ refusals: 100, isClosed: false });
    expect(done.map(({ atMs }) => atMs)).toEqual([
      ...Array(100).fill(0),
      ...Array.from({ length: 100 }, (_, n) => 20 * (n + 1)),
    ]);
  });

  it("are all let in at the rate when they wait as told: 200 sends at once, over both rates", () => {
    const client = rig();
    const done = obey(client, atOnce(200, "send"));
    expect(client.seen.isClosed).toBe(false);
    expect(done).toHaveLength(200);
    // Once by the rate of all frames and once by that of sends, at most.
    expect(Math.max(...done.map(({ refused }) => refused))).toBe(2);
    expect(Math.max(...done.map(({ atMs }) => atMs))).toBe(8000);
    for (let fromMs = 0; fromMs < 8000; fromMs += 1000) {
      const within = done.filter(({ atMs }) => atMs > fromMs && atMs <= fromMs + 1000);
      expect(within).toHaveLength(20);
    }
  });

  it("never end a session that waits as told, whatever it sends and when", () => {
    const frame = fc.record({ kind: fc.constantFrom<Kind>("command", "send"), atMs: fc.nat({ max: 6000 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 400 }), (frames) => {
        const client = rig();
        const done = obey(client, frames);
        expect(client.seen.isClosed).toBe(false);
        expect(done).toHaveLength(frames.length);
      }),
      { numRuns: 60 },
    );
  });

  it("never end a session that is refused without end and waits each time", () => {
    const client = rig({ ...RULES, commandBurst: 1 });
    // Its rate, but always a second's worth at once.
    const frames = Array.from({ length: 20 }, (_, second) => atOnce(50, "command", second * 1000)).flat();
    expect(obey(client, frames)).toHaveLength(frames.length);
    expect(client.seen.isClosed).toBe(false);
    expect(client.seen.refusals).toBeGreaterThan(MAX_REFUSALS);
  });

  it("do not keep out those that come later for longer than those before them wait", () => {
    const { command } = rig();
    for (let n = 0; n < 200; n += 1) command(0);
    expect(command(10)).toBe(2020 - 10);
    expect(command(2020)).toBe(0);
  });

  it("do not keep a ping waiting for the turns of sends", () => {
    const { command, send } = rig();
    for (let n = 0; n < 100; n += 1) send(0);
    expect([20, 40, 60].map((nowMs) => command(nowMs))).toEqual([0, 0, 0]);
  });
});

describe.each(["sends", "typing"] as const)("a turn promised by the bucket of %s", (bucket) => {
  it("is one among all frames too, and costs no command when it comes", () => {
    const commands = { perSec: 1, burst: 2 };
    const rates = new SessionRates(
      { ...bucketRules(DEFAULT_LIMITS, 1), commands, [bucket]: { perSec: 5, burst: 1 } },
      0,
    );
    expect([rates.take("commands", 0), rates.take(bucket, 0)]).toEqual([0, 0]);
    expect([rates.take("commands", 0), rates.take(bucket, 0)]).toEqual([0, 200]);
    expect([rates.take("commands", 200), rates.take(bucket, 200)]).toEqual([0, 0]);
    expect(rates.take("commands", 200)).toBe(800);
  });
});

describe("a command that cost more than its frame", () => {
  it("keeps those waiting that are refused after it, and breaks no promise that was given", () => {
    const { command, rates } = rig({ ...RULES, commandBurst: 2 });
    expect([1, 2, 3].map(() => command(0))).toEqual([0, 0, 20]);
    rates.charge(10);
    expect(command(0)).toBe(240);
    expect(command(20)).toBe(0);
    expect(command(240)).toBe(0);
  });

  it("is let in no more often for the turns that many of its kind were promised at once", () => {
    const { command, rates } = rig();
    let paid = 0;
    const join = (nowMs: number): void => {
      if (command(nowMs) === 0 && rates.pay(9, nowMs) === 0) paid += 10;
    };
    for (let n = 0; n < 400; n += 1) join(0);
    expect(paid).toBeLessThanOrEqual(200);
    for (let nowMs = 20; nowMs <= 6_000; nowMs += 20) join(nowMs);
    expect(paid).toBeLessThanOrEqual(200 + 50 * 6);
  });

  it("is paid within the rate in the long run, however often it is repeated", () => {
    const { command, rates } = rig();
    let paid = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 11) {
      if (command(nowMs) > 0) continue;
      rates.charge(9);
      paid += 10;
    }
    expect(paid).toBeLessThanOrEqual(100 + 50 * 60 + 10 * MAX_REFUSALS);
  });
});

describe("frames that do not wait", () => {
  it("end the session at the five hundredth refusal within ten seconds, also when all come at once", () => {
    const { seen, command } = rig();
    for (let n = 0; n < 599; n += 1) command(0);
    expect(seen).toEqual({ refusals: 499, isClosed: false });
    command(0);
    expect(seen).toEqual({ refusals: 500, isClosed: true });
  });

  it("end the session when they go on at four times the rate", () => {
    const { seen, command } = rig();
    for (let nowMs = 0; nowMs < 10_000 && !seen.isClosed; nowMs += 5) command(nowMs);
    expect(seen.isClosed).toBe(true);
  });

  it("are let in no more often than the rate in the long run", () => {
    const { command, seen } = rig();
    let taken = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 11) if (command(nowMs) === 0) taken += 1;
    expect(taken).toBeLessThanOrEqual(100 + 50 * 60);
    expect(seen.refusals).toBeGreaterThan(0);
  });

  it("save up nothing by leaving their turns", () => {
    const { command } = rig();
    for (let n = 0; n < 400; n += 1) command(0);
    // The last turn was for 6 s; all of them lapse, and the bucket has filled since.
    const laterMs = 6000 + TURN_KEPT_MS + 1;
    let taken = 0;
    while (command(laterMs) === 0) taken += 1;
    expect(taken).toBe(100);
  });
});
