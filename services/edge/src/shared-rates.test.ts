// Contract of the rates that sessions share: what a refusal promises is kept, nobody else's sessions pay for one user's, and
// nothing is kept of those who are quiet.
import { DEFAULT_LIMITS } from "@rookery/protocol";
import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { bucketRules, SessionRates } from "./rates.ts";
import { createSharedRates } from "./shared-rates.ts";
import type { SharedRates } from "./shared-rates.ts";

const PER_SEC = { user: 100, address: 400, channel: 500 };
const RULES = bucketRules({ ...DEFAULT_LIMITS, sendsPerSec: 1000, sendBurst: 1000, commandsPerSec: 1000 }, 1000);

const sharing = (perSec = PER_SEC, loopbackExempt = false): SharedRates =>
  createSharedRates({ perSec, loopbackExempt });
const session = (user: string, address = user) => ({ user, address, rates: new SessionRates(RULES, 0) });
type Sender = ReturnType<typeof session>;

/** Sends that come at one moment: how many were let in. */
function letIn(rates: SharedRates, who: Sender, channel: string, count: number, nowMs = 0): number {
  const taken = Array.from({ length: count }, () => rates.take(who, channel, "sends", nowMs));
  return taken.filter((heldUp) => heldUp === undefined).length;
}

describe("what is announced", () => {
  it("by one user counts together for all sessions of the user, in whichever channel", () => {
    const rates = sharing();
    const [phone, desk, other] = [session("ann", "a"), session("ann", "b"), session("bob", "c")];
    expect(letIn(rates, phone, "x", 60)).toBe(60);
    expect(letIn(rates, desk, "y", 60)).toBe(40);
    expect(rates.take(desk, "z", "sends", 0)).toEqual({ scope: "user", waitMs: 210 });
    expect(letIn(rates, other, "y", 60)).toBe(60);
  });

  it("from one address counts together, a /64 being one, and loopback is free only where that is said", () => {
    const users = (address: string) => Array.from({ length: 5 }, (_, n) => session(`${address}-${n}`, address));
    const total = (rates: SharedRates, senders: readonly Sender[]) =>
      senders.reduce((sum, who, n) => sum + letIn(rates, who, `c${n}`, 100), 0);
    const sameNet = [...users("2001:db8::1").slice(0, 3), ...users("2001:db8::2").slice(0, 2)];
    expect(total(sharing(), users("192.0.2.1"))).toBe(400);
    expect(total(sharing(), sameNet)).toBe(400);
    expect(total(sharing(), users("127.0.0.1"))).toBe(400);
    expect(total(sharing(PER_SEC, true), users("127.0.0.1"))).toBe(500);
  });

  it("in one channel counts together, and leaves the others alone", () => {
    const rates = sharing();
    const users = Array.from({ length: 5 }, (_, n) => session(`u${n}`));
    expect(users.reduce((sum, who) => sum + letIn(rates, who, "x", 100), 0)).toBe(500);
    expect(rates.take(session("one more"), "x", "sends", 0)).toEqual({ scope: "channel", waitMs: 2 });
    expect(letIn(rates, session("late"), "y", 100)).toBe(100);
  });

  it("is held up without costing the user or the address what the channel refused for good", () => {
    const rates = sharing({ user: 3, address: 100, channel: 1 });
    const who = session("ann");
    // One is let in, one is promised, the third finds a second of debt and is taken from nobody.
    expect(rates.take(who, "x", "sends", 0)).toBeUndefined();
    expect(rates.take(who, "x", "sends", 0)).toEqual({ scope: "channel", waitMs: 1000 });
    expect(rates.take(who, "x", "sends", 0)).toEqual({ scope: "channel", waitMs: 2000 });
    expect(rates.take(who, "y", "sends", 0)).toBeUndefined();
  });
});

describe("a frame that is held up", () => {
  it("is let in at its time, whoever floods meanwhile, and is not counted by its session again", () => {
    const rates = sharing();
    const [ann, bob] = [session("ann"), session("bob")];
    expect(letIn(rates, ann, "x", 100)).toBe(100);
    const heldUp = rates.take(ann, "x", "sends", 0);
    expect(heldUp).toEqual({ scope: "user", waitMs: 10 });
    letIn(rates, bob, "x", 100, 5);
    for (let n = 0; n < 200; n += 1) ann.rates.take("sends", 5);
    expect(ann.rates.take("commands", 10)).toBe(0);
    expect(ann.rates.take("sends", 10)).toBe(0);
    expect(rates.take(ann, "x", "sends", 10)).toBeUndefined();
    expect(rates.take(ann, "x", "sends", 10)?.scope).toBe("user");
  });

  it("has a turn in its own channel only", () => {
    const rates = sharing({ ...PER_SEC, user: 1000, address: 1000, channel: 1 });
    const who = session("ann");
    letIn(rates, who, "x", 2);
    letIn(rates, who, "y", 1);
    expect(rates.take(who, "y", "sends", 1000)).toBeUndefined();
    expect(rates.take(who, "y", "sends", 1000)?.scope).toBe("channel");
    expect(rates.take(who, "x", "sends", 1000), "the promise").toBeUndefined();
  });

  it("never waits for more than a second's worth of promises to others", () => {
    const rates = sharing();
    const crowd = Array.from({ length: 50 }, (_, n) => session(`u${n}`));
    for (const who of crowd) letIn(rates, who, "x", 90);
    expect(rates.take(session("honest"), "x", "sends", 0)?.waitMs).toBeLessThanOrEqual(1002);
    expect(rates.take(session("honest"), "x", "sends", 1010)).toBeUndefined();
  });

  it("never ends a session that waits as told, and nobody gets more than the rate", () => {
    const frame = fc.record({ user: fc.nat({ max: 3 }), channel: fc.nat({ max: 2 }), atMs: fc.nat({ max: 2000 }) });
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 150 }), (frames) => {
        const rates = sharing({ user: 20, address: 60, channel: 30 });
        const users = Array.from({ length: 4 }, (_, n) => session(`u${n}`, "192.0.2.1"));
        const due = frames.map((each) => ({ ...each, tries: 0 }));
        const done: typeof due = [];
        let isClosed = false;
        for (let next = due.shift(); next !== undefined && !isClosed; next = due.shift()) {
          const who = users[next.user] ?? session("nobody");
          const heldUp = rates.take(who, `c${next.channel}`, "sends", next.atMs);
          if (heldUp === undefined) done.push(next);
          else {
            isClosed = who.rates.refused(next.atMs);
            due.push({ ...next, atMs: next.atMs + heldUp.waitMs, tries: next.tries + 1 });
          }
          due.sort((a, b) => a.atMs - b.atMs);
        }
        expect(isClosed).toBe(false);
        expect(done).toHaveLength(frames.length);
        const inAnySecond = (fromMs: number) =>
          done.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 1000).length;
        // What was saved up, and a second's worth; a turn may be kept by a millisecond or two.
        for (const { atMs } of done) expect(inAnySecond(atMs)).toBeLessThanOrEqual(2 * 60 + 2);
      }),
      { numRuns: 50 * inject("fuzzTimes") },
    );
  });
});

describe("what is kept", () => {
  it("ends with those who announce", () => {
    const rates = sharing();
    for (let n = 0; n < 1000; n += 1) rates.take(session(`u${n}`), `c${n}`, "sends", 0);
    expect(rates.size()).toBe(3000);
    const last = session("last");
    rates.take(last, "c", "sends", 2000);
    expect(rates.size()).toBe(3003);
    rates.take(last, "c", "sends", 4000);
    expect(rates.size()).toBeLessThanOrEqual(6);
    rates.take(last, "c", "sends", 60_000);
    expect(rates.size()).toBe(3);
  });

  it("is not forgotten before it would be full again", () => {
    const rates = sharing({ ...PER_SEC, user: 2 });
    const who = session("ann");
    expect(letIn(rates, who, "x", 2, 1999)).toBe(2);
    expect(letIn(rates, who, "x", 1, 2000)).toBe(0);
  });
});
