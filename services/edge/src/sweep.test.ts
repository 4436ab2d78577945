// Contract of the sweep: whom the clocks close and whom they leave alone, whatever the wall clock does meanwhile.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHub } from "./hub.ts";
import { sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";
import { ANSWER_WITHIN_MS, createSweep, verdict } from "./sweep.ts";

const TIMES = {
  everyMs: 1000,
  heartbeatMs: 25_000,
  idleMs: 45_000,
  lifetimeMs: 0,
  authTimeoutMs: 5000,
  tokenGraceMs: 25_000,
};
const WALL_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const ALICE = { user: "alice", name: "Alice", refreshAtMs: WALL_MS, issuedAtMs: 0 };

function rig() {
  const hub = createHub<Session>();
  const unidentified = new Set<Session>();
  const toldOf = new Map<Session, string[]>();
  const slow = new Set<Session>();
  const unanswered = (session: Session): void => {
    if (!slow.has(session)) toldOf.get(session)?.push("slow");
    slow.add(session);
  };
  const answered = (session: Session): void => {
    session.unansweredAtMs = 0;
    slow.delete(session);
  };
  const sweep = createSweep({ hub, unidentified }, TIMES, unanswered);
  const open = (expiresAtMs?: number) => {
    const told: string[] = [];
    const wire = {
      ping: () => void told.push("ping"),
      end: (code: number, reason: string) => void told.push(`${code} ${reason}`),
    };
    const session = sessionOn(wire, `s${hub.counts().sessions}`);
    if (expiresAtMs === undefined) unidentified.add(session);
    else {
      session.identify({ ...ALICE, expiresAtMs });
      hub.register(session);
    }
    toldOf.set(session, told);
    return { session, told };
  };
  /** Looks every second from one moment to another, as the timer does; the wall clock runs `offMs` beside it. */
  const run = (fromMs: number, toMs: number, offMs = 0): void => {
    for (let nowMs = fromMs; nowMs <= toMs; nowMs += TIMES.everyMs) sweep({ nowMs, wallMs: WALL_MS + nowMs + offMs });
  };
  return { sweep, open, run, unanswered, answered };
}

describe("the sweep", () => {
  it("pings every 25 s and closes with 4002 at 45 s of silence", () => {
    const { open, run } = rig();
    const { told } = open(WALL_MS + HOUR_MS);
    run(1000, 39_000);
    expect(told).toEqual(["ping"]);
    run(40_000, 44_000);
    expect(told).toEqual(["ping", "slow"]);
    run(45_000, 45_000);
    expect(told).toEqual(["ping", "slow", "4002 idle"]);
  });

  it("tells of a ping that is unanswered for 15 s, whatever else is heard, and no more of it once it is answered", () => {
    const { open, run, answered } = rig();
    const { session, told } = open(WALL_MS + HOUR_MS);
    run(1000, 39_000);
    session.heard(39_000);
    expect(told).toEqual(["ping"]);
    run(40_000, 55_000);
    expect(told, "and the age is that of the first that is unanswered").toEqual(["ping", "slow", "ping"]);
    answered(session);
    session.heard(55_000);
    run(56_000, 74_000);
    expect(told).toHaveLength(3);
    run(75_000, 90_000);
    expect(told).toEqual(["ping", "slow", "ping", "ping", "slow"]);
  });

  it("takes nobody for nameless whose token was found good and whose welcome waits", () => {
    const { open, run } = rig();
    const { session, told } = open();
    session.isProven = true;
    run(1000, 30_000);
    expect(told).toEqual(["ping"]);
  });

  it("leaves a session alone that was heard", () => {
    const { open, run } = rig();
    const { session, told } = open(WALL_MS + HOUR_MS);
    run(1000, 30_000);
    session.heard(30_000);
    run(31_000, 74_000);
    expect(told).toEqual(["ping", "slow", "ping"]);
  });

  it("closes with 4408 who has not authenticated within 5 s", () => {
    const { open, run } = rig();
    const { told } = open();
    run(1000, 4000);
    expect(told).toEqual([]);
    run(5000, 5000);
    expect(told).toEqual(["4408 auth_timeout"]);
  });

  it("closes with 4401 when the wall clock has passed the token's end and its grace", () => {
    const { open, run } = rig();
    const { told } = open(WALL_MS + 4000);
    run(1000, 28_000);
    expect(told).toEqual(["ping"]);
    run(29_000, 29_000);
    expect(told).toEqual(["ping", "4401 token"]);
  });

  it("does not hold against a client that the edge itself stood still", () => {
    const { sweep, open, run } = rig();
    const quiet = open(WALL_MS + HOUR_MS);
    const unknown = open();
    const expired = open(WALL_MS + 3000);
    run(1000, 2000);
    // Stopped for a minute: longer than idleness, than the wait for a token, and than an expired token may be renewed.
    const backMs = 62_000;
    sweep({ nowMs: backMs, wallMs: WALL_MS + backMs });
    expect([quiet.told, unknown.told, expired.told]).toEqual([["ping"], ["ping"], ["ping"]]);
    // What lay in the sockets is read now: a pong, and a new token.
    quiet.session.heard(backMs + 10);
    expired.session.heard(backMs + 10);
    expired.session.identify({ ...ALICE, expiresAtMs: WALL_MS + HOUR_MS });
    run(backMs + 1000, backMs + 1000);
    expect([quiet.told, unknown.told, expired.told]).toEqual([["ping"], ["ping"], ["ping"]]);
  });

  it("closes after standing still as before it, when the client stays silent", () => {
    const { sweep, open, run } = rig();
    const quiet = open(WALL_MS + HOUR_MS);
    const unknown = open();
    run(1000, 2000);
    sweep({ nowMs: 62_000, wallMs: WALL_MS + 62_000 });
    // 3 s of it were the client's, counted to the first look that did not come.
    run(63_000, 63_000);
    expect(unknown.told).toEqual(["ping"]);
    run(64_000, 64_000);
    expect(unknown.told).toEqual(["ping", "4408 auth_timeout"]);
    run(65_000, 103_000);
    expect(quiet.told).toEqual(["ping", "slow", "ping"]);
    run(104_000, 104_000);
    expect(quiet.told).toEqual(["ping", "slow", "ping", "4002 idle"]);
  });

  it("takes a look that comes a little late for no standstill", () => {
    const { sweep, open, run } = rig();
    const { told } = open();
    run(1000, 3000);
    sweep({ nowMs: 5000, wallMs: WALL_MS + 5000 });
    expect(told).toEqual(["4408 auth_timeout"]);
  });

  it.each([
    ["two minutes on", 120_000],
    ["an hour back", -HOUR_MS],
  ])("closes, pings and waits as ever when the wall clock steps %s", (_, stepMs) => {
    const { open, run } = rig();
    const quiet = open(WALL_MS + 2 * HOUR_MS);
    const unknown = open();
    run(1000, 3000);
    run(4000, 4000, stepMs);
    expect([quiet.told, unknown.told]).toEqual([[], []]);
    run(5000, 44_000, stepMs);
    expect([quiet.told, unknown.told]).toEqual([["ping", "slow"], ["4408 auth_timeout"]]);
    run(45_000, 45_000, stepMs);
    expect(quiet.told).toEqual(["ping", "slow", "4002 idle"]);
  });

  it("judges by a token that ends sooner than the one before, and by a wall clock that steps beyond its end", () => {
    const { open, run } = rig();
    const renewed = open(WALL_MS + HOUR_MS);
    const expiring = open(WALL_MS + 60_000);
    run(1000, 2000);
    renewed.session.identify({ ...ALICE, expiresAtMs: WALL_MS });
    for (const { session } of [renewed, expiring]) session.heard(2000);
    run(3000, 24_000);
    expect([renewed.told, expiring.told]).toEqual([[], []]);
    run(25_000, 25_000);
    expect([renewed.told, expiring.told]).toEqual([["4401 token"], ["ping"]]);
    run(26_000, 26_000, 60_000);
    expect(expiring.told).toEqual(["ping", "4401 token"]);
  });
});

/** What the sweep is held to: every socket judged at every look. */
function judgeAll(
  sessions: readonly Session[],
  now: { nowMs: number; wallMs: number },
  lagMs: number,
  unanswered: (session: Session) => void,
): void {
  for (const session of sessions) {
    if (lagMs > 0) session.excuse(lagMs, now.nowMs);
    const reason = lagMs > 0 ? undefined : verdict(session, now, TIMES);
    if (reason !== undefined) {
      session.farewell(reason, now.nowMs);
      continue;
    }
    const { unansweredAtMs } = session;
    if (lagMs === 0 && unansweredAtMs > 0 && now.nowMs - unansweredAtMs >= ANSWER_WITHIN_MS) unanswered(session);
    if (now.nowMs - session.pingedAtMs >= TIMES.heartbeatMs) session.ping(now.nowMs);
  }
}

it("says the same of every socket at the same look as if each were judged at each, whatever happens meanwhile", () => {
  const step = fc.record({
    afterMs: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 900, max: 1100 }) },
      { arbitrary: fc.integer({ min: 2100, max: 40_000 }), weight: 1 },
    ),
    wallStepMs: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -90_000, max: 90_000 }) },
    ),
    heard: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
    answered: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 1 }),
    renewed: fc.option(
      fc.record({ who: fc.integer({ min: 0, max: 3 }), forMs: fc.integer({ min: -20_000, max: 90_000 }) }),
    ),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 90 }), (steps) => {
      const swept = rig();
      const judged = rig();
      const [a, b] = [swept, judged].map(({ open }) => [
        open(),
        ...[5000, 60_000, HOUR_MS].map((ms) => open(WALL_MS + ms)),
      ]);
      let nowMs = 0;
      let offMs = 0;
      let before: number | undefined;
      for (const { afterMs, wallStepMs, heard, answered, renewed } of steps) {
        for (const who of answered) {
          for (const [rigged, side] of [[swept, a] as const, [judged, b] as const]) {
            const session = side?.[who]?.session;
            if (session !== undefined) rigged.answered(session);
          }
        }
        for (const who of heard) for (const side of [a, b]) side?.[who]?.session.heard(nowMs);
        for (const side of [a, b]) {
          const session = renewed === null || renewed.who === 0 ? undefined : side?.[renewed.who]?.session;
          session?.identify({ ...ALICE, expiresAtMs: WALL_MS + nowMs + offMs + (renewed?.forMs ?? 0) });
        }
        nowMs += afterMs;
        offMs += wallStepMs;
        const now = { nowMs, wallMs: WALL_MS + nowMs + offMs };
        const lateMs = before === undefined ? 0 : nowMs - before - TIMES.everyMs;
        before = nowMs;
        swept.sweep(now);
        judgeAll(
          (b ?? []).map(({ session }) => session),
          now,
          lateMs > TIMES.everyMs ? lateMs : 0,
          judged.unanswered,
        );
        expect(a?.map(({ told }) => told)).toEqual(b?.map(({ told }) => told));
      }
    }),
    { numRuns: 50 },
  );
});
