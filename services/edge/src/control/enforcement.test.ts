import { ChatError } from "@rookery/protocol";
import type { ChannelChange, ChannelRecord, Control, Removal, Role } from "@rookery/protocol";
import { createGlobalTable } from "@rookery/rights";
import type { GlobalRows, Grant } from "@rookery/rights";
import { expect, test } from "vitest";
import { createHub } from "../hub.ts";
import { createMembership } from "../membership.ts";
import { ALONE, sessionOn } from "../session.fixture.ts";
import type { Session } from "../session.ts";
import { createDismissal } from "./dismissal.ts";
import { createEnforcement } from "./enforcement.ts";
import { createRejudging } from "./rejudging.ts";
import { createRemoving } from "./removal.ts";

const RECORD: ChannelRecord = {
  ...({ version: 1, kind: "public", owner: "olga", slowModeSec: 0 } as const),
  ...{ memberCap: null, deleted: false },
};
const NO_ENTRY = { role: null, ban: null, mute: null } as const;

const grant = (role: Role, more: Partial<Grant> = {}): Grant => ({
  ...{ role, can: ["join", "read", "write"], version: 1, slowModeMs: 0, mutedUntilMs: undefined },
  ...more,
});

const change = (version: number, more: Partial<ChannelChange>): ChannelChange => ({
  ...({ kind: "channel", channel: "lobby", record: { ...RECORD, version } } as const),
  ...{ entries: [], forgets: false, removal: null },
  ...more,
});

/** Of a rig: what memory answers of a user in `lobby`, and what reading does. */
function rig() {
  const hub = createHub<Session>();
  const frames = new Map<string, string[]>();
  const left: string[] = [];
  const gone: string[] = [];
  const ends: string[] = [];
  const remembered = new Map<string, Grant | ChatError>();
  const read = new Map<string, Grant | ChatError>();
  const table = createGlobalTable();
  table.load({ version: 0, bans: [], revocations: [] });
  let rows: GlobalRows = { version: 0, bans: [], revocations: [] };
  const answer: { applied: "applied" | "forgotten" } = { applied: "applied" };
  const rights = {
    apply: () => answer.applied,
    remembered: (_channel: string, user: string) => remembered.get(user),
    doubt: () => remembered.clear(),
    cached({ user }: { user: string }) {
      const known = remembered.get(user) ?? read.get(user) ?? grant("member");
      return known instanceof ChatError ? Promise.reject(known) : known;
    },
  };
  const membership = createMembership({
    ...{ hub, relays: { release: () => undefined }, entered: ALONE },
    leavers: [(session, channel, how) => void left.push(`${session.id} ${channel} ${how}`)],
  });
  const timedEnds = {
    expect: (channel: string, user: string, untilMs: number) => void ends.push(`${channel} ${user} ${untilMs}`),
  };
  const removing = createRemoving({
    ...{ hub, rights, membership, timedEnds },
    gone: (channel, user) => void gone.push(`${channel} ${user}`),
  });
  const rejudging = createRejudging({ hub, rights, removing, channelsOf: () => ["lobby"] });
  const dismissal = createDismissal({
    ...{ hub, table, since: () => Promise.resolve(rows), redisNowMs: () => 1000 },
  });
  const { act } = createEnforcement({ hub, rights, removing, dismissal, rejudging });
  const open = (id: string, user: string, token: { jti?: string; issuedAtMs?: number } = {}): Session => {
    const told: string[] = [];
    frames.set(id, told);
    const session = sessionOn(
      { send: (text) => void told.push(text), end: (code, reason) => void told.push(`${code} ${reason}`) },
      id,
    );
    session.identify({ user, name: user, expiresAtMs: 1e15, refreshAtMs: 1e15, issuedAtMs: 500, ...token });
    hub.register(session);
    return session;
  };
  const sit = (id: string, user: string): Session => {
    const session = open(id, user);
    membership.enter(session, "lobby");
    return session;
  };
  const told = (id: string): unknown[] =>
    (frames.get(id) ?? []).map((each): unknown => (each.startsWith("{") ? JSON.parse(each) : each));
  const owed = (next: typeof rows): void => {
    rows = next;
  };
  return { hub, act, open, sit, told, left, gone, ends, remembered, read, rejudging, answer, table, owed };
}

const BANNED = new ChatError("banned", "banned", { channel: "lobby", until: 9000 });
const BAN: Removal = { code: "banned", user: "bob", keeps: [], untilMs: 9000, reason: "spam" };

test("a ban takes every session of the user out of that channel, tells them why and until when, and counts them", () => {
  const { act, sit, open, told, left, gone, ends, hub, remembered } = rig();
  sit("b1", "bob");
  sit("b2", "bob");
  sit("a1", "ann");
  open("b3", "bob");
  remembered.set("bob", BANNED);
  expect(act(change(2, { entries: [{ user: "bob", entry: NO_ENTRY }], removal: BAN }))).toBe(2);
  const removed = { type: "removed", channel: "lobby", code: "banned", until: 9000, reason: "spam" };
  expect([told("b1"), told("b2"), told("b3"), told("a1")]).toEqual([[removed], [removed], [], []]);
  expect(left).toEqual(["b1 lobby removed", "b2 lobby removed"]);
  expect(gone).toEqual(["lobby bob"]);
  expect(ends).toEqual(["lobby bob 9000"]);
  expect(hub.membersOf("lobby").size).toBe(1);
});

test("a change that comes again closes nobody, and is confirmed with the figure of the first time", () => {
  const { act, sit, hub } = rig();
  const kick = change(2, { removal: { ...BAN, code: "kicked", untilMs: null } });
  sit("b1", "bob");
  expect(act(kick)).toBe(1);
  sit("b2", "bob");
  expect(act(kick)).toBe(1);
  expect(hub.membersOf("lobby").size).toBe(1);
});

test("a ban that is heard of after it was lifted takes nobody out, a kick always does", () => {
  const { act, sit, remembered } = rig();
  sit("b1", "bob");
  remembered.set("bob", grant("member", { version: 3 }));
  expect(act(change(2, { removal: BAN }))).toBe(0);
  expect(act(change(3, { removal: { ...BAN, code: "kicked" } }))).toBe(1);
});

test("a deleted channel loses everybody, a changed password those whose role is not kept", async () => {
  const { act, sit, told, remembered } = rig();
  for (const user of ["olga", "mia", "bob", "zoe"]) sit(user, user);
  remembered.set("olga", grant("owner"));
  remembered.set("mia", grant("moderator"));
  remembered.set("bob", new ChatError("password_required", "a password is needed", { channel: "lobby" }));
  const evicted = { code: "password_changed", user: null, keeps: ["owner", "moderator"], untilMs: null, reason: null };
  expect(
    await act(
      change(2, { forgets: true, removal: { ...evicted, code: "password_changed", keeps: ["owner", "moderator"] } }),
    ),
  ).toBe(2);
  expect(told("zoe")).toEqual([{ type: "removed", channel: "lobby", code: "password_changed" }]);
  expect(told("mia")).toEqual([]);
  expect(act(change(3, { removal: { ...evicted, code: "deleted", keeps: [] } }))).toBe(2);
});

test("ten thousand members leave in slices of a turn, all of them", async () => {
  const { act, sit, hub } = rig();
  for (let n = 0; n < 2000; n += 1) sit(`s${n}`, `u${n}`);
  const closed = act(change(2, { removal: { ...BAN, code: "deleted", user: null, untilMs: null } }));
  expect(closed).toBeInstanceOf(Promise);
  expect(hub.membersOf("lobby").size).toBeGreaterThan(1000);
  expect(await closed).toBe(2000);
  expect(hub.membersOf("lobby").size).toBe(0);
});

test("whoever has a new role or a mute is told, with what they may do now, and nobody else is", () => {
  const { act, sit, told, ends, remembered } = rig();
  sit("b1", "bob");
  sit("a1", "ann");
  remembered.set("bob", grant("member", { can: ["join", "read"], mutedUntilMs: 7000 }));
  expect(
    act(
      change(2, {
        entries: [
          { user: "bob", entry: NO_ENTRY },
          { user: "away", entry: NO_ENTRY },
        ],
      }),
    ),
  ).toBe(0);
  expect(told("b1")).toEqual([
    { type: "rights", channel: "lobby", role: "member", can: ["join", "read"], mutedUntil: 7000 },
  ]);
  expect(told("a1")).toEqual([]);
  expect(ends).toEqual(["lobby bob 7000"]);
});

test("whoever loses the role that let them in is taken out as forbidden", () => {
  const { act, sit, told, remembered } = rig();
  sit("b1", "bob");
  remembered.set("bob", new ChatError("not_found", "no such channel", { channel: "lobby" }));
  expect(act(change(2, { entries: [{ user: "bob", entry: NO_ENTRY }] }))).toBe(1);
  expect(told("b1")).toEqual([{ type: "removed", channel: "lobby", code: "forbidden" }]);
});

test("where a change before this one never came everybody here is judged again by what is read", async () => {
  const { act, sit, told, read, answer } = rig();
  sit("b1", "bob");
  sit("a1", "ann");
  answer.applied = "forgotten";
  read.set("bob", BANNED);
  expect(await act(change(4, { entries: [{ user: "ann", entry: NO_ENTRY }] }))).toBe(1);
  expect(told("b1")).toEqual([{ type: "removed", channel: "lobby", code: "banned", until: 9000 }]);
  expect(told("a1")).toMatchObject([{ type: "rights", role: "member" }]);
});

test("after a loss a partition's members are judged anew: who may not stay leaves, who may do something else is told", async () => {
  const { rejudging, sit, told, remembered, read } = rig();
  for (const user of ["ann", "bob", "zoe"]) sit(user, user);
  for (const user of ["ann", "bob", "zoe"]) remembered.set(user, grant("member"));
  read.set("bob", BANNED);
  read.set("zoe", grant("moderator", { can: ["join", "read", "write", "moderate"] }));
  expect(await rejudging.partition(0)).toBe(1);
  expect([told("ann"), told("bob").length]).toEqual([[], 1]);
  expect(told("zoe")).toMatchObject([{ type: "rights", role: "moderator" }]);
});

test("who cannot be judged now keeps the whole from being taken for done", async () => {
  const { rejudging, sit, read } = rig();
  sit("bob", "bob");
  read.set("bob", new ChatError("unavailable", "away"));
  await expect(rejudging.partition(0)).rejects.toMatchObject({ code: "unavailable" });
});

const everywhere = (version: number, more: Partial<Extract<Control, { kind: "global" }>>): Control => ({
  ...({ kind: "global", version, ban: null, revocation: null } as const),
  ...more,
});

test("a ban everywhere closes every session of the user, and a lifted one nobody", () => {
  const { act, open, told } = rig();
  open("b1", "bob");
  open("b2", "bob");
  open("a1", "ann");
  const ban = { user: "bob", untilMs: null, reason: null, lifted: false };
  expect(act(everywhere(1, { ban }))).toBe(2);
  expect([told("b1"), told("b2"), told("a1")]).toEqual([["4503 banned"], ["4503 banned"], []]);
  open("b3", "bob");
  expect(act(everywhere(2, { ban: { ...ban, lifted: true } }))).toBe(0);
  expect(told("b3")).toEqual([]);
});

test("revoked are sessions by their token: its id, its user and time, or its time alone", () => {
  const { act, open, told } = rig();
  open("b1", "bob", { jti: "t1" });
  open("b2", "bob", { jti: "t2", issuedAtMs: 800 });
  open("a1", "ann", { issuedAtMs: 100 });
  const revocation = { jti: null, user: null, issuedBeforeMs: null, expiresMs: 5000 };
  expect(act(everywhere(1, { revocation: { ...revocation, jti: "t1" } }))).toBe(1);
  expect(told("b1")).toEqual(["4403 revoked"]);
  expect(act(everywhere(2, { revocation: { ...revocation, user: "bob", issuedBeforeMs: 799 } }))).toBe(0);
  expect(act(everywhere(3, { revocation: { ...revocation, issuedBeforeMs: 100 } }))).toBe(1);
  expect([told("b2"), told("a1")]).toEqual([[], ["4403 revoked"]]);
});

test("a change behind one that never came has the table read, and everybody judged by all that it brings", async () => {
  const { act, open, told, owed } = rig();
  open("b1", "bob");
  open("a1", "ann");
  const ban = { untilMs: null, reason: null, lifted: false };
  owed({
    version: 2,
    bans: [
      { ...ban, user: "ann" },
      { ...ban, user: "bob" },
    ],
    revocations: [],
  });
  expect(await act(everywhere(2, { ban: { ...ban, user: "bob" } }))).toBe(2);
  expect([told("a1"), told("b1")]).toEqual([["4503 banned"], ["4503 banned"]]);
});

test("a notice reaches each session of the user once, and a farewell closes with its own code", () => {
  const { act, open, told } = rig();
  open("b1", "bob");
  open("b2", "bob");
  const notice: Control = { kind: "user", user: "bob", frame: '{"type":"notice","id":"n1"}', close: null };
  expect([act(notice), act(notice)]).toEqual([2, 2]);
  expect(told("b1")).toEqual([{ type: "notice", id: "n1" }]);
  expect(act({ kind: "user", user: "bob", frame: null, close: { code: 4003, reason: "resync" } })).toBe(2);
  expect(told("b2").at(-1)).toBe("4003 resync");
  expect(act({ kind: "user", user: "bob", frame: null, close: { code: 4003, reason: "resync" } })).toBe(0);
});
