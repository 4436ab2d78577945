// Contract of attendance: Redis is told of every change with this node's own truth behind it, a user who is back within the grace
// never went, and a node that drains lets nobody go.
import { ChatError } from "@rookery/protocol";
import type { Crowd } from "@rookery/broker";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createHub } from "../hub.ts";
import { sessionOn } from "../session.fixture.ts";
import type { Session } from "../session.ts";
import { createAttendance, tellGone } from "./attendance.ts";
import { createGraces } from "./graces.ts";
import { createLocalTruth } from "./local-truth.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const GRACE_MS = 5000;
const LOBBY_PARTITION = 3;
const RULES = { version: 0, digestAbove: 100, countAbove: 1000 };

function rig({ graceMs = GRACE_MS, answer = (): Promise<Crowd> => Promise.resolve({ online: 1, mode: "full" }) } = {}) {
  const told: string[] = [];
  const heard: Crowd[] = [];
  const hub = createHub<Session>();
  const presence = {
    changed(channel: string, user: string, session?: string) {
      const connections = truth.attendance(channel, user)?.connections ?? 0;
      told.push(`${channel} ${user} ${connections}${session === undefined ? "" : ` by ${session}`}`);
      return answer();
    },
    sessionChanged: (user: string, session: string) =>
      void told.push(`${user} ${session} ${truth.session(user, session) === undefined ? "ended" : "open"}`),
    hold: () => void told.push("held"),
  };
  const graces = createGraces({
    graceMs,
    partitionOf: () => LOBBY_PARTITION,
    over: (channel, user) => tellGone(presence, channel, user),
  });
  const truth = createLocalTruth({
    hub,
    graces,
    channels: () => ["lobby"],
    crowdRules: () => RULES,
    hashAddress: (address) => `hash of ${address}`,
  });
  const attendance = createAttendance({
    ...{ presence, truth, graces, graceMs },
    heard: (_channel, crowd) => void heard.push(crowd),
  });
  const open = (id: string, user: string, name = user): Session => {
    const session = sessionOn({}, id);
    session.identify({ user, name, expiresAtMs: 1e15, refreshAtMs: 1e15, issuedAtMs: 0 });
    hub.register(session);
    return session;
  };
  const enter = (session: Session): Promise<Crowd> => {
    hub.join(session, "lobby");
    return attendance.entered(session, "lobby");
  };
  const exit = (session: Session, how: "left" | "removed" = "left"): void => {
    hub.leave(session, "lobby");
    attendance.exited(session, "lobby", how);
  };
  return { told, heard, graces, truth, attendance, open, enter, exit };
}

describe("a user", () => {
  it("who is removed is gone at once, without a grace, and also when they were away for a moment", async () => {
    const { told, graces, attendance, open, enter, exit } = rig();
    const ann = open("s1", "ann");
    await enter(ann);
    exit(ann, "removed");
    expect(graces.size()).toBe(0);
    const bob = open("s2", "bob");
    await enter(bob);
    exit(bob);
    expect(graces.size()).toBe(1);
    attendance.gone("lobby", "bob");
    attendance.gone("lobby", "nobody");
    expect(graces.size()).toBe(0);
    expect(told).toEqual(["lobby ann 1 by s1", "lobby ann 0", "lobby bob 1 by s2", "lobby bob 0"]);
  });

  it("is told when they come, and to have gone once nobody came back within the grace", async () => {
    const { told, heard, graces, open, enter, exit } = rig();
    const ann = open("s1", "ann");
    expect(await enter(ann)).toEqual({ online: 1, mode: "full" });
    exit(ann);
    expect([graces.size(), graces.isIn(LOBBY_PARTITION)]).toEqual([1, true]);
    vi.advanceTimersByTime(GRACE_MS - 10);
    expect(told).toEqual(["lobby ann 1 by s1"]);
    vi.advanceTimersByTime(200);
    expect(told.slice(1)).toEqual(["lobby ann 0"]);
    expect([heard, graces.size(), graces.isIn(LOBBY_PARTITION)]).toEqual([[{ online: 1, mode: "full" }], 0, false]);
  });

  it("who is back within the grace never went, and one who goes again has it anew", async () => {
    const { told, open, enter, exit } = rig();
    const sessions = ["s1", "s2", "s3"].map((id) => open(id, "ann"));
    for (const session of sessions) {
      await enter(session);
      exit(session);
      vi.advanceTimersByTime(GRACE_MS - 200);
    }
    expect(told).toEqual(["lobby ann 1 by s1", "lobby ann 1 by s2", "lobby ann 1 by s3"]);
    vi.advanceTimersByTime(400);
    expect(told.at(-1)).toBe("lobby ann 0");
  });

  it("whose going somebody else has told is forgotten: neither here any more nor told of again", async () => {
    const { told, graces, truth, open, enter, exit } = rig();
    const ann = open("s1", "ann");
    await enter(ann);
    exit(ann);
    graces.forget();
    expect([truth.attendance("lobby", "ann"), graces.size(), graces.isIn(LOBBY_PARTITION)]).toEqual([
      undefined,
      0,
      false,
    ]);
    vi.advanceTimersByTime(2 * GRACE_MS);
    expect(told).toEqual(["lobby ann 1 by s1"]);
  });

  it("with two connections is counted by both, and only the last one has a grace", async () => {
    const { told, graces, open, enter, exit } = rig();
    const [phone, desk] = [open("s1", "ann"), open("s2", "ann")];
    await enter(phone);
    await enter(desk);
    exit(phone);
    expect(told).toEqual(["lobby ann 1 by s1", "lobby ann 2 by s2", "lobby ann 1"]);
    exit(desk);
    expect([told.length, graces.size()]).toEqual([3, 1]);
  });

  it("is told to have gone at once where there is no grace", async () => {
    const { told, graces, open, enter, exit } = rig({ graceMs: 0 });
    const ann = open("s1", "ann");
    await enter(ann);
    exit(ann);
    expect([told.at(-1), graces.size()]).toEqual(["lobby ann 0", 0]);
  });

  it("whom Redis cannot be told of is refused, and nothing else comes of it", async () => {
    const { heard, open, enter, exit } = rig({ answer: () => Promise.reject(new ChatError("unavailable", "away")) });
    const ann = open("s1", "ann");
    await expect(enter(ann)).rejects.toMatchObject({ code: "unavailable" });
    exit(ann);
    await vi.advanceTimersByTimeAsync(GRACE_MS + 200);
    expect(heard).toEqual([]);
  });
});

describe("the truth", () => {
  it("names those in grace and those who are here, by the name of the connection that came last", async () => {
    const { truth, open, enter, exit } = rig();
    const [phone, desk, bob] = [open("s1", "ann", "Ann"), open("s2", "ann", "Ann II"), open("s3", "bob", "Bob")];
    for (const session of [phone, desk, bob]) await enter(session);
    exit(bob);
    expect([...truth.channels()]).toEqual(["lobby", "lobby"]);
    expect(new Set(truth.usersIn("lobby"))).toEqual(new Set(["ann", "bob"]));
    expect(truth.attendance("lobby", "ann")).toEqual({ connections: 2, name: "Ann II", rules: RULES });
    expect(truth.attendance("lobby", "bob")).toEqual({ connections: 1, name: "Bob", rules: RULES });
    expect(truth.attendance("lobby", "cyd")).toBeUndefined();
    expect(truth.attendance("attic", "ann")).toBeUndefined();
  });

  it("tells of a connection while it is open, with the address as a hash", () => {
    const { truth, told, attendance, open } = rig();
    const session = open("s1", "ann", "Ann");
    Object.assign(session, { address: "192.0.2.1", client: "curl" });
    attendance.opened(session);
    expect(truth.session("ann", "s1")).toMatchObject({ address: "hash of 192.0.2.1", client: "curl", name: "Ann" });
    expect(Math.abs((truth.session("ann", "s1")?.since ?? 0) - performance.timeOrigin)).toBeLessThan(1000);
    expect(truth.session("bob", "s1")).toBeUndefined();
    expect([...truth.sessions()]).toEqual([["ann", "s1"]]);
    expect(told).toEqual(["ann s1 open"]);
  });
});

describe("a node that drains", () => {
  it("lets nobody go: neither those in grace nor those who close now", async () => {
    const { told, truth, attendance, open, enter, exit } = rig();
    const [ann, bob, twice, again] = [open("s1", "ann"), open("s2", "bob"), open("s3", "cyd"), open("s4", "cyd")];
    for (const session of [ann, bob, twice, again]) await enter(session);
    exit(ann);
    const before = told.length;
    attendance.hold();
    for (const session of [bob, twice, again]) exit(session);
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(told.slice(before)).toEqual(["held"]);
    for (const user of ["ann", "bob", "cyd"]) expect(truth.attendance("lobby", user)?.connections).toBe(1);
  });

  it("holds them also where there is no grace", async () => {
    const { told, truth, attendance, open, enter, exit } = rig({ graceMs: 0 });
    const ann = open("s1", "ann");
    await enter(ann);
    attendance.hold();
    exit(ann);
    expect([told.at(-1), truth.attendance("lobby", "ann")?.connections]).toEqual(["held", 1]);
  });
});
