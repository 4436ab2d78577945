// Contract of explanations: what each kind of evidence leads to, and that nothing is claimed without any.
import type { NotedRecord, StandingToday } from "@rookery/store";
import { expect, it } from "vitest";
import { explain } from "./explain.ts";
import type { Case, Explanation } from "./explain.ts";

const AT = 1000;
const message = { channel: "lobby", epoch: 7, seq: 3, author: "ann", at: AT, deletedAt: null };
const today: StandingToday = {
  ...{ kind: "public", role: null, since: null, banAt: null, banUntil: null },
  ...{ outAt: null, outUntil: null, outLifted: null },
};
let made = 0;

function noted(at: number, kind: string, more: Partial<NotedRecord> = {}): NotedRecord {
  made += 1;
  const bare = { subject: null, channel: null, node: null, reason: null, data: null };
  return { ...bare, id: `${made}`, at, kind, actor: "bob", ...more };
}
const connect = (at: number, session: string, node = "edge-1"): NotedRecord =>
  noted(at, "connect", { node, data: { session } });
const join = (at: number, session: string, node = "edge-1"): NotedRecord =>
  noted(at, "join", { channel: "lobby", node, data: { session } });
const leave = (at: number, session: string): NotedRecord =>
  noted(at, "leave", { channel: "lobby", node: "edge-1", data: { session } });
const disconnect = (at: number, session: string, code = 1000): NotedRecord =>
  noted(at, "disconnect", { node: "edge-1", data: { session, code } });
const act = (at: number, kind: string, data: NotedRecord["data"] = null): NotedRecord =>
  noted(at, kind, { actor: "mod", subject: "bob", channel: kind.endsWith("everywhere") ? null : "lobby", data });

function about(records: readonly NotedRecord[], more: Partial<Case> = {}): Explanation {
  return explain({ user: "bob", message, isCommitted: true, standing: today, records, sessions: [], ...more });
}

const INSIDE = [connect(10, "s1"), join(20, "s1")];

it("tells the way of the message with where it is known from", () => {
  expect(about([]).steps.slice(0, 3)).toEqual([
    { at: AT, what: "taken from ann and numbered 7-3 in lobby", ok: true, evidence: "messages" },
    { at: AT, what: expect.stringMatching(/^announced/), ok: true, evidence: "messages" },
    { at: null, what: "committed in Postgres", ok: true, evidence: "messages" },
  ]);
  const waiting = about([], { isCommitted: false }).steps[2];
  expect(waiting).toMatchObject({ ok: false, evidence: "log", what: expect.stringMatching(/^not in Postgres yet/) });
  const deleted = about([], { message: { ...message, deletedAt: 1500 } }).steps;
  expect(deleted).toContainEqual({
    at: 1500,
    what: expect.stringMatching(/^deleted/),
    ok: false,
    evidence: "messages",
  });
});

it("says that it was handed to one who was in the channel, also when they left or came back later", () => {
  const verdict = "It was handed to bob: the user was in the channel, on edge-1.";
  expect(about(INSIDE).verdict).toBe(verdict);
  expect(about([...INSIDE, leave(AT + 600, "s1")]).verdict).toBe(verdict);
  expect(about([...INSIDE, disconnect(AT + 600, "s1")]).verdict).toBe(verdict);
  const twice = [connect(10, "s1"), connect(11, "s2", "edge-2"), join(20, "s1"), join(21, "s2", "edge-2")];
  expect(about(twice).verdict).toContain("on edge-1 and edge-2");
  expect(about([...twice, disconnect(30, "s1")]).verdict).toContain("on edge-2");
});

it("says that it may not have arrived where every connection was cut soon after, and where it was resumed", () => {
  const cut = [...INSIDE, disconnect(AT + 9000, "s1", 1006)];
  const back = [...cut, connect(AT + 9500, "s2", "edge-2"), join(AT + 9600, "s2", "edge-2")];
  expect(about(cut).verdict).toMatch(
    /^It may not have reached bob: .* cut soon after; no join after it is recorded\.$/,
  );
  const { steps, verdict } = about(back);
  expect(verdict).toMatch(/; they joined again later, and can read it since\.$/);
  expect(steps.at(-1)).toMatchObject({ at: AT + 9600, ok: true, what: expect.stringMatching(/^joined on edge-2/) });
  // One that was cut an hour later had long been handed it.
  expect(about([...INSIDE, disconnect(AT + 3_600_000, "s1", 1006)]).verdict).toMatch(/^It was handed/);
  const other = [...INSIDE, connect(30, "s2"), join(40, "s2"), disconnect(AT + 900, "s1", 1006)];
  expect(about(other).verdict).toMatch(/^It was handed/);
});

it("does not pretend to know of one who came or went at that very moment, since that is noted a little later", () => {
  const close =
    "It may have reached bob: the user came into the channel or left it at that very moment, too close to tell.";
  expect(about([connect(10, "s1"), join(AT + 300, "s1")]).verdict).toBe(close);
  expect(about([...INSIDE, leave(AT + 300, "s1")]).verdict).toBe(close);
  expect(about([connect(AT + 200, "s1"), join(AT + 300, "s1")]).verdict).toBe(close);
  expect(about([...INSIDE, leave(AT + 300, "s1"), join(AT + 400, "s1")]).verdict).toMatch(/^It was handed/);
});

it("says that it did not reach one who was elsewhere, or not connected", () => {
  expect(about([connect(10, "s1")]).verdict).toBe(
    "It did not reach bob when it was said: the user was connected, and not in the channel; no join after it is recorded.",
  );
  expect(about([...INSIDE, leave(500, "s1")]).verdict).toMatch(/was connected, and not in the channel/);
  expect(about([...INSIDE, act(500, "kick")]).verdict).toMatch(/was connected, and not in the channel/);
  expect(about([...INSIDE, disconnect(500, "s1")]).verdict).toMatch(/was not connected: the last connection had ended/);
});

it.each([
  ["ban", "unban", "in the channel"],
  ["ban_everywhere", "unban_everywhere", "everywhere"],
])("names a %s that was in force then, and no other", (gives, takes, where) => {
  const verdict = `It did not reach bob: the user was banned ${where}, by mod.`;
  expect(about([...INSIDE, act(500, gives)]).verdict).toBe(verdict);
  expect(about([...INSIDE, act(500, gives, { untilMs: AT + 1 })]).verdict).toBe(verdict);
  expect(about([act(500, gives, { untilMs: AT }), ...INSIDE]).verdict).not.toContain("banned");
  expect(about([act(500, gives), act(600, takes), connect(700, "s1"), join(800, "s1")]).verdict).toMatch(
    /^It was handed/,
  );
  expect(about([...INSIDE, act(AT + 600, gives)]).verdict).toMatch(/^It was handed/);
});

it("knows a ban that was not audited by what stands today", () => {
  const banned = (more: Partial<StandingToday>) => about(INSIDE, { standing: { ...today, ...more } }).verdict;
  expect(banned({ banAt: 900 })).toMatch(/was banned in the channel/);
  expect(banned({ outAt: 900 })).toMatch(/was banned everywhere/);
  expect(banned({ outAt: 900, outLifted: 950 })).toMatch(/^It was handed/);
  expect(banned({ banAt: 900, banUntil: 950 })).toMatch(/^It was handed/);
  expect(banned({ banAt: AT + 1 })).toMatch(/^It was handed/);
});

it("tells which role the user had then, or that it is not recorded", () => {
  const rights = (records: readonly NotedRecord[], standing: StandingToday) =>
    about(records, { standing }).steps.find(({ what }) => /role|might read/.test(what));
  const hidden = { ...today, kind: "private" };
  expect(rights([act(500, "role", { role: "reader" })], hidden)).toMatchObject({ at: 500, ok: true });
  expect(rights([act(400, "role", { role: "member" }), act(500, "role", { role: "none" })], hidden)).toMatchObject({
    ...{ at: 500, ok: false, evidence: "audit_log" },
  });
  expect(rights([], { ...hidden, role: "owner", since: 5 })).toMatchObject({ at: 5, ok: true, evidence: "members" });
  expect(rights([], { ...hidden, role: "owner", since: AT + 5 })).toMatchObject({
    ok: false,
    evidence: "not recorded",
  });
  expect(rights([], today)).toMatchObject({ ok: true, what: expect.stringMatching(/^might read/) });
});

it("claims nothing where nothing is recorded", () => {
  const { steps, verdict } = about([]);
  expect(verdict).toMatch(/^Whether it reached bob when it was said is not recorded/);
  expect(steps.slice(-2).map(({ evidence, ok }) => [evidence, ok])).toEqual([
    ["not recorded", false],
    ["not recorded", false],
  ]);
  expect(about([], { sessions: [{ node: "edge-1", since: 5 }] }).verdict).toMatch(/was connected to edge-1, perhaps/);
  expect(about([], { sessions: [{ node: "edge-1", since: AT + 5 }] }).verdict).toMatch(
    /no connection then is recorded/,
  );
});
